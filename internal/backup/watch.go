package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

const (
	// longestBackup is how long a task may run whose end is still noticed: the
	// cloud lists tasks by their beginning.
	longestBackup = 48 * time.Hour
	// overlap is how far before the last end that was seen is looked again:
	// tasks may be listed late.
	overlap = time.Hour
	// configLook is how often it is looked whether clouds are to be watched.
	configLook = 2 * time.Second
	// leastEvery keeps a cloud with a fast clock from being asked all the time.
	leastEvery = 500 * time.Millisecond
)

// watch is what is known of one cloud's tasks.
type watch struct {
	cloud string
	until time.Time // the latest end that was seen, by the cloud's clock; zero before the first look
	since time.Time // what ended before that is nobody's business: the first look of all
	seen  map[string]time.Time

	stored time.Time // what is noted of until
}

// watched is a watch's message.
type watched struct {
	Until time.Time `json:"until"`
	Since time.Time `json:"since"`
}

// watchAll watches the shard's clouds, each in a goroutine of its own, until
// ctx ends.
func (d *Desk) watchAll(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	active := map[string]context.CancelFunc{}
	for {
		wanted := d.toWatch()
		for cloud, end := range active {
			if !slices.Contains(wanted, cloud) {
				end()
				delete(active, cloud)
			}
		}
		for _, cloud := range wanted {
			if active[cloud] == nil {
				one, end := context.WithCancel(ctx)
				active[cloud] = end
				running.Go(func() { d.watch(one, cloud) })
			}
		}
		if !sleep(ctx, configLook) {
			for _, end := range active {
				end()
			}
			return
		}
	}
}

// toWatch are the shard's clouds whose backups are to be looked for; none
// without rules, since nothing could come of it.
func (d *Desk) toWatch() []string {
	if d.Rules() == nil {
		return nil
	}
	return slices.DeleteFunc(d.Clouds(), func(cloud string) bool {
		c, known := d.Cloud(cloud)
		return !known || c.Every <= 0 || broker.ShardOf(cloud, d.Shards) != d.Shard
	})
}

// watch asks one cloud for finished backups until ctx ends.
func (d *Desk) watch(ctx context.Context, cloud string) {
	w := &watch{cloud: cloud, seen: map[string]time.Time{}}
	for {
		c, known := d.Cloud(cloud)
		if known && c.Every > 0 {
			if err := d.glance(ctx, c, w); err != nil && ctx.Err() == nil {
				d.Log.Warn("finished backups cannot be looked for; trying again", "cloud", cloud, "error", err)
			} else if err == nil {
				d.Metrics.looked(cloud)
			}
		}
		pause := configLook
		if known {
			pause = max(leastEvery, c.Scale(c.Every))
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// glance gives notice of the backups that have been finished since the last
// one. What it has noted is stored after the notices: cut off in between, they
// are given twice.
func (d *Desk) glance(ctx context.Context, c Cloud, w *watch) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if err := d.recall(ctx, w); err != nil {
		return err
	}
	paced, err := d.Pace(ctx, w.cloud)
	if err != nil {
		return err
	}
	tasks, err := finished(paced, c, w.from())
	if err != nil {
		return err
	}
	if w.until.IsZero() {
		w.until = cloudNow(c.Client).Add(-c.Every)
		w.since = w.until
	}
	for _, t := range tasks {
		if err := d.give(ctx, w, t); err != nil {
			return err
		}
	}
	return d.remember(ctx, w)
}

// from is the earliest beginning of a task that may be new.
func (w *watch) from() time.Time {
	if w.until.IsZero() {
		return time.Now().Add(-longestBackup)
	}
	return w.until.Add(-longestBackup)
}

// finished reads the tasks of all vaults that are watched.
func finished(ctx context.Context, c Cloud, since time.Time) (all []ims.BackupTask, err error) {
	vaults := c.Vaults
	if len(vaults) == 0 {
		vaults = []string{""}
	}
	for _, vault := range vaults {
		f := ims.BackupTaskFilter{VaultID: vault, Since: since}
		for more := true; more; {
			var page []ims.BackupTask
			if page, more, err = c.Client.BackupTasks(ctx, f); err != nil {
				return nil, fmt.Errorf("list finished backups: %w", err)
			}
			all = append(all, page...)
			f.Offset += len(page)
			more = more && len(page) > 0
		}
	}
	return all, nil
}

// give stores the notice of a task that is new.
func (d *Desk) give(ctx context.Context, w *watch, t ims.BackupTask) error {
	if _, known := w.seen[t.ID]; known || t.Ended.Before(w.since) || t.Ended.Before(w.until.Add(-overlap)) || t.ResourceType != "" && t.ResourceType != ims.ServerBackup {
		return nil
	}
	n, named := noticeOf(t)
	if !named {
		return nil
	}
	subject, header, body, err := messages.EncodeNotice(w.cloud, messages.Identity{Source: "/imsworker/watch/" + w.cloud, ID: t.ID}, n, t.Ended)
	if err != nil {
		return fmt.Errorf("encode notice: %w", err)
	}
	if _, err := d.Store.Put(ctx, broker.StreamRequests, broker.Message{Subject: subject, Header: header, Data: body}); err != nil {
		return fmt.Errorf("give notice of a backup: %w", err)
	}
	crash.At(crash.Watched)
	w.seen[t.ID] = t.Ended
	return nil
}

// noticeOf is what a task says; false where it names nothing.
func noticeOf(t ims.BackupTask) (n messages.Notice, named bool) {
	n.Backup.ID, n.Backup.CheckpointID, n.Resource.ID = t.BackupID, t.CheckpointID, t.ResourceID
	n.Evidence.Channel, n.Evidence.NativeID = messages.ChannelWatch, t.ID
	return n, n.Backup.ID != "" || len(n.Vague()) > 0
}

// recall reads what an earlier owner of the shard has noted.
func (d *Desk) recall(ctx context.Context, w *watch) error {
	if !w.until.IsZero() {
		return nil
	}
	m, err := d.Store.Last(ctx, broker.StreamState, broker.WatchedPrefix+w.cloud)
	if errors.Is(err, broker.ErrNone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what was watched: %w", err)
	}
	var was watched
	if err := json.Unmarshal(m.Data, &was); err != nil {
		d.Log.Warn("what was watched cannot be read; it is looked from now on", "cloud", w.cloud, "error", err)
	}
	w.until, w.stored, w.since = was.Until, was.Until, was.Since
	return nil
}

// remember notes how far has been looked.
func (d *Desk) remember(ctx context.Context, w *watch) error {
	latest := w.until
	for _, ended := range w.seen {
		if ended.After(latest) {
			latest = ended
		}
	}
	maps.DeleteFunc(w.seen, func(_ string, ended time.Time) bool { return ended.Before(latest.Add(-overlap)) })
	if w.until = latest; latest.Equal(w.stored) {
		return nil
	}
	data, err := json.Marshal(watched{Until: latest.UTC(), Since: w.since.UTC()})
	if err != nil {
		return fmt.Errorf("encode what was watched: %w", err)
	}
	if _, err := d.Store.Put(ctx, broker.StreamState, broker.Message{Subject: broker.WatchedPrefix + w.cloud, Data: data, Rollup: true}); err != nil {
		return fmt.Errorf("note what was watched: %w", err)
	}
	w.stored = latest
	return nil
}

// sleep waits; false where ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
