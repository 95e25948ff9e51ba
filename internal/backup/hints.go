package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/messages"
)

// hint is a notice that waits; it is kept in the stream of states, so that the
// next owner of the shard goes on with it.
type hint struct {
	Cloud  string          `json:"cloud"`
	Notice messages.Notice `json:"notice"`
	Since  time.Time       `json:"since"` // the notice was stored, by the broker's clock

	subject string
	next    time.Time
	busy    bool
}

// The wait between two looks at a backup, in the cloud's time: it grows with
// the age of the notice.
const (
	leastWait = 10 * time.Second
	mostWait  = 2 * time.Minute
	// leastReal keeps a cloud with a fast clock from being asked all the time.
	leastReal = 200 * time.Millisecond
)

func (d *Desk) subject(cloud string, n messages.Notice) string {
	name := n.Backup.ID
	if name == "" {
		sum := sha256.Sum256([]byte(strings.Join(n.Vague(), " ")))
		name = "any-" + hex.EncodeToString(sum[:8])
	}
	return broker.HintSubject(d.Shard, cloud, name)
}

// waits reports whether a notice of the same backup waits already.
func (d *Desk) waits(cloud string, n messages.Notice) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hints[d.subject(cloud, n)] != nil
}

// keep stores a notice that is to be looked at again. It outlives every
// deadline by an hour, then the broker forgets it.
func (d *Desk) keep(ctx context.Context, cloud string, n messages.Notice, since time.Time) error {
	if d.waits(cloud, n) {
		d.Metrics.notice(cloud, resultDuplicate)
		return nil
	}
	h := hint{Cloud: cloud, Notice: n, Since: since.UTC()}
	data, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode hint: %w", err)
	}
	subject := d.subject(cloud, n)
	if _, err := d.Store.Put(ctx, broker.StreamState, broker.Message{Subject: subject, Data: data, TTL: untilAvailable + time.Hour, Rollup: true}); err != nil {
		return fmt.Errorf("keep a notice of cloud %s: %w", cloud, err)
	}
	crash.At(crash.Hinted)
	d.Metrics.notice(cloud, resultWaiting)
	d.learn(subject, data)
	return nil
}

// forget removes a notice that waits no more. A message without content is
// written over it: a removal of the broker's own would tell nobody.
func (d *Desk) forget(ctx context.Context, subject string) error {
	if _, err := d.Store.Put(ctx, broker.StreamState, broker.Message{Subject: subject, TTL: time.Second, Rollup: true}); err != nil {
		return fmt.Errorf("forget a notice: %w", err)
	}
	d.learn(subject, nil)
	return nil
}

// learn takes over what is stored of a notice.
func (d *Desk) learn(subject string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(data) == 0 {
		delete(d.hints, subject)
		return
	}
	if d.hints[subject] != nil {
		return
	}
	h := &hint{subject: subject}
	if err := json.Unmarshal(data, h); err != nil {
		d.Log.Error("a message is no waiting notice; it is left alone", "subject", subject, "error", err)
		return
	}
	d.hints[subject] = h
	d.plan(h, time.Now())
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// plan sets when a hint is looked at next; the lock is held.
func (d *Desk) plan(h *hint, now time.Time) {
	wait := time.Minute // of a cloud that is not configured now
	if c, known := d.Cloud(h.Cloud); known {
		least, most := c.Scale(leastWait), c.Scale(mostWait)
		wait = max(leastReal, min(most, max(least, now.Sub(h.Since)/8)))
	}
	h.next = now.Add(wait)
}

// follow reads the notices of the shard that wait, then what becomes of them.
func (d *Desk) follow(ctx context.Context) error {
	return d.Store.Tail(ctx, broker.StreamState, broker.HintFilter(d.Shard), func(m broker.Stored) {
		d.learn(m.Subject, m.Data)
	}, func() { close(d.loaded) })
}

// looks is how many notices are looked at together: one cloud that answers
// slowly must not hold up all others.
const looks = 8

// work looks at each notice when it is due, until ctx ends.
func (d *Desk) work(ctx context.Context) {
	slots := make(chan struct{}, looks)
	defer func() { // waits for all that is under way
		for range looks {
			slots <- struct{}{}
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		case <-timer.C:
		}
		for h := d.due(); h != nil; h = d.due() {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			go func() {
				defer func() { <-slots }()
				d.again(ctx, h)
			}()
		}
		timer.Reset(d.untilDue())
	}
}

// due is a hint whose time has come, from then on busy.
func (d *Desk) due() *hint {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for _, h := range d.hints {
		if !h.busy && !now.Before(h.next) {
			h.busy = true
			return h
		}
	}
	return nil
}

func (d *Desk) untilDue() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := time.Now().Add(time.Hour)
	for _, h := range d.hints {
		if !h.busy && h.next.Before(next) {
			next = h.next
		}
	}
	return max(0, time.Until(next))
}

// again looks at a notice that waits.
func (d *Desk) again(ctx context.Context, h *hint) {
	later, err := d.look(ctx, h.Cloud, h.Notice, h.Since)
	keep := err != nil
	for _, n := range later {
		if subject := d.subject(h.Cloud, n); subject == h.subject {
			keep = true
		} else if err == nil {
			err = d.keep(ctx, h.Cloud, n, h.Since)
		}
	}
	if !keep && err == nil {
		crash.At(crash.Ripened)
		err = d.forget(ctx, h.subject)
	}
	if err != nil && ctx.Err() == nil {
		d.Log.Warn("a backup notice could not be looked at; trying again", "cloud", h.Cloud, "backup", h.Notice.Backup.ID, "error", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	h.busy = false
	d.plan(h, time.Now())
	select { // the loop may sleep for longer by now
	case d.wake <- struct{}{}:
	default:
	}
}
