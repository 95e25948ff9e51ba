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
	told    bool // it is counted as waiting

	sequence uint64 // of the message that it was first read from
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

// keep stores a notice that is to be looked at again. It is kept until a look
// has decided it, however long nobody looks: a worker that was away for days
// still finds it, and says what became of it.
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
	sequence, err := d.Store.Put(ctx, broker.StreamState, broker.Message{Subject: subject, Data: data, Rollup: true})
	if err != nil {
		return fmt.Errorf("keep a notice of cloud %s: %w", cloud, err)
	}
	crash.At(crash.Hinted)
	if first := d.learn(subject, data, sequence); first != sequence { // another one came at the same time
		d.Metrics.notice(cloud, resultDuplicate)
	}
	return nil
}

// heard takes over what the stream tells of a notice, unless it is older than
// what this desk itself has done.
func (d *Desk) heard(m broker.Stored) {
	d.mu.Lock()
	d.position = m.Sequence
	done, forgotten := d.gone[m.Subject]
	if forgotten && m.Sequence >= done {
		delete(d.gone, m.Subject)
	}
	d.mu.Unlock()
	if !forgotten || m.Sequence > done {
		d.learn(m.Subject, m.Data, m.Sequence)
	}
}

// forget removes a notice that waits no more. A message without content is
// written over it: a removal of the broker's own would tell nobody.
func (d *Desk) forget(ctx context.Context, subject string) error {
	sequence, err := d.Store.Put(ctx, broker.StreamState, broker.Message{Subject: subject, TTL: time.Second, Rollup: true})
	if err != nil {
		return fmt.Errorf("forget a notice: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.hints, subject)
	if sequence > d.position { // the stream will tell of it, and before that perhaps of the notice
		d.gone[subject] = sequence
	}
	return nil
}

// learn takes over what is stored of a notice, and returns the sequence of the
// message that the notice was first read from, 0 for none.
func (d *Desk) learn(subject string, data []byte, sequence uint64) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(data) == 0 {
		delete(d.hints, subject)
		return 0
	}
	if there := d.hints[subject]; there != nil {
		return there.sequence
	}
	h := &hint{subject: subject, sequence: sequence}
	if err := json.Unmarshal(data, h); err != nil {
		d.Log.Error("a message is no waiting notice; it is left alone", "subject", subject, "error", err)
		return 0
	}
	h.next = time.Now()
	d.hints[subject] = h
	select {
	case d.wake <- struct{}{}:
	default:
	}
	return sequence
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
	return d.Store.Tail(ctx, broker.StreamState, broker.HintFilter(d.Shard), d.heard, func() { close(d.loaded) })
}

// How many notices are looked at together, and how many of one cloud: one that
// answers slowly must not hold up all others.
const looks, looksOfOne = 16, 4

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

// due is the hint whose time has come first, from then on busy.
func (d *Desk) due() *hint {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := d.first()
	if first == nil || time.Now().Before(first.next) {
		return nil
	}
	first.busy = true
	d.busy[first.Cloud]++
	return first
}

// first is the hint that is to be looked at next, of a cloud that has a place;
// the lock is held.
func (d *Desk) first() (first *hint) {
	for _, h := range d.hints {
		if !h.busy && d.busy[h.Cloud] < looksOfOne && (first == nil || h.next.Before(first.next)) {
			first = h
		}
	}
	return first
}

// untilDue is how long there is nothing to do: until then, or until the end of
// a look, which wakes the loop.
func (d *Desk) untilDue() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if first := d.first(); first != nil {
		return max(0, time.Until(first.next))
	}
	return time.Hour
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
	if d.busy[h.Cloud]--; d.busy[h.Cloud] == 0 {
		delete(d.busy, h.Cloud)
	}
	h.busy = false
	if d.plan(h, time.Now()); keep && !h.told {
		h.told = true
		d.Metrics.notice(h.Cloud, resultWaiting)
	}
	select { // the loop may sleep for longer by now
	case d.wake <- struct{}{}:
	default:
	}
}
