package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// Watching says which requests are watched.
type Watching struct {
	// Keys name some; there need be no record of them yet.
	Keys []string
	// Filter chooses those that fit it when it begins and have not ended; nil
	// chooses none.
	Filter *Filter
	// Legs has the legs of a bulk told, too, where nothing else is watched.
	Legs bool
}

// News is how one request stands.
type News struct {
	Summary Summary
	// Event is what was told last of its newest attempt; nil where only its
	// record was read.
	Event *messages.Event
	Time  time.Time // of the event, else of the acceptance
	// Bulk is the key of the watched bulk whose leg it carries out, Leg which
	// one; empty for those that are watched themselves.
	Bulk string
	Leg  int
}

// unheard is how long a key is watched of which nothing is known. What was
// published a moment ago waits in the queue.
const unheard = 10 * time.Second

// Watch tells how requests stand, then everything that becomes of them, until
// the newest attempts of all have ended, which is no error. each is called one
// at a time. Lost connections are waited out. ErrUnknown: nothing was heard of
// a key within ten seconds.
func (c *Client) Watch(ctx context.Context, of Watching, each func(News)) (err error) {
	defer c.permitted(&ctx, &err)()
	if err := c.need(ctx, broker.StreamEvents); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := &watch{client: c, each: each, legs: of.Legs, known: map[string]*watched{}}
	begin, err := c.lastEvent(ctx) // what is told while all is read comes again
	if err != nil {
		return err
	}
	if err := w.begin(ctx, of); err != nil || w.open() == 0 {
		return err
	}
	defer w.expectFirst(cancel)()
	err = c.conn.TailAfter(ctx, broker.StreamEvents, w.filter(), begin, func(m broker.Stored) {
		if w.take(m); w.open() == 0 {
			cancel(errDecided)
		}
	})
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, errDecided) {
		return nil
	}
	if errors.Is(err, broker.ErrLost) {
		err = fmt.Errorf("%w: %w", broker.ErrNotConnected, err)
	}
	return err
}

// lastEvent is the sequence of the newest event, 0 where there is none.
func (c *Client) lastEvent(ctx context.Context) (uint64, error) {
	m, err := c.conn.Last(ctx, broker.StreamEvents, "ims.event.>")
	if err != nil && !errors.Is(err, broker.ErrNone) {
		return 0, fmt.Errorf("look at the events: %w", err)
	}
	return m.Sequence, nil
}

// Connected says whether the broker can be reached at this moment.
func (c *Client) Connected() bool { return c.conn.Connected() }

// watch is what Watch knows. mu is held while news are told.
type watch struct {
	client *Client
	each   func(News)
	legs   bool

	mu    sync.Mutex
	known map[string]*watched // by key; legs are there from their first news on
	bulks map[string]bool     // the key of the bulk whose legs are told
}

// watched is what has to be known of a request to judge the news.
type watched struct {
	leg     bool
	bulk    bool // or nothing is known of it yet
	attempt int
	state   messages.State // of the newest event, of those that are told once
	ended   bool
}

// begin tells how all stand.
func (w *watch) begin(ctx context.Context, of Watching) error {
	for _, key := range of.Keys {
		if err := w.beginOne(ctx, key); err != nil {
			return err
		}
	}
	if of.Filter != nil {
		list, err := w.client.Requests(ctx, *of.Filter)
		if err != nil {
			return err
		}
		for _, s := range list {
			if !s.Ended() {
				w.tell(News{Summary: s, Time: s.Accepted})
			}
		}
	}
	if !w.legs || len(w.known) != 1 {
		return nil
	}
	return w.beginLegs(ctx)
}

func (w *watch) beginOne(ctx context.Context, key string) error {
	d, err := w.client.Request(ctx, key)
	if errors.Is(err, ErrUnknown) {
		w.known[key] = &watched{bulk: true}
		return nil
	}
	if err != nil {
		return err
	}
	n := News{Summary: d.Summary, Time: d.Summary.Accepted}
	for _, e := range d.Events {
		if e.Attempt == d.Summary.Attempt {
			n.Event, n.Time = &e.Data, e.Time
		}
	}
	w.tell(n)
	return nil
}

// beginLegs tells how the legs of bulks stand that are under way.
func (w *watch) beginLegs(ctx context.Context) error {
	w.bulks = map[string]bool{}
	for key, k := range w.known {
		if k.bulk && !k.ended {
			w.bulks[key] = true
		}
	}
	for key := range w.bulks {
		list, err := w.client.Requests(ctx, Filter{Batch: key})
		if err != nil {
			return err
		}
		for _, s := range list {
			if leg, is := messages.LegParent(messages.Identity{Source: s.Source, ID: s.ID}); is {
				w.tell(News{Summary: s, Time: s.Accepted, Bulk: key, Leg: leg.Index})
			}
		}
	}
	return nil
}

// filter is the subject that all news come under: that of one request where no
// more are watched.
func (w *watch) filter() string {
	for key := range w.known {
		if len(w.known) == 1 && len(w.bulks) == 0 {
			return eventFilter("*", key)
		}
	}
	return "ims.event.>"
}

// take judges an event.
func (w *watch) take(m broker.Stored) {
	meta, event, err := messages.DecodeEvent(m.Header, m.Data)
	if err != nil {
		return // a newer worker may have told it
	}
	n := News{Summary: summaryOfEvent(meta, event), Event: &event, Time: meta.Time}
	if leg, is := messages.LegParent(messages.Identity{Source: event.Request.Source, ID: event.Request.ID}); is && w.bulks[leg.Key] {
		n.Bulk, n.Leg = leg.Key, leg.Index
	} else if _, known := w.known[meta.Key]; !known {
		return
	}
	w.tell(n)
}

// tell passes news on that are any.
func (w *watch) tell(n News) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.known[n.Summary.Key]
	if k == nil {
		k = &watched{leg: n.Bulk != "", bulk: n.Summary.Operation == messages.OperationBulkCopy}
		w.known[n.Summary.Key] = k
	}
	if k.leg == (n.Bulk != "") && k.news(n) {
		w.each(n)
	}
}

// news reports whether a request has gone on since what was told last.
func (k *watched) news(n News) bool {
	state := messages.State(n.Summary.State)
	again := state == messages.StateProgress || state == messages.StateBatchProgress || state == messages.StateBatchLegs
	switch {
	case n.Summary.Attempt < k.attempt, n.Summary.Attempt == k.attempt && (k.ended || !again && state == k.state):
		return false
	case !again || n.Summary.Attempt > k.attempt:
		k.state = state
	}
	k.attempt, k.ended = n.Summary.Attempt, n.Summary.Ended()
	return true
}

// open counts those that have not ended, legs left out.
func (w *watch) open() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.known {
		if !k.leg && !k.ended {
			n++
		}
	}
	return n
}

// expectFirst ends the watch where a key stays unknown for too long.
func (w *watch) expectFirst(cancel context.CancelCauseFunc) (stop func()) {
	timer := time.AfterFunc(unheard, func() { w.unheardOf(cancel) })
	return func() { timer.Stop() }
}

func (w *watch) unheardOf(cancel context.CancelCauseFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, k := range w.known {
		if k.attempt == 0 {
			cancel(fmt.Errorf("%w with key %s: nothing was heard of it within %s; events are kept for a limited time, and a request that is waiting in the queue has no record yet",
				ErrUnknown, key, unheard))
			return
		}
	}
}
