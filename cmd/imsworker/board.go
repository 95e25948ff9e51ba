package main

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

// board is what is known of the requests that are watched. It may be used by several goroutines.
type board struct {
	mu    sync.Mutex
	began time.Time
	items map[string]*item
	order []*item  // those that are watched themselves, as they came
	legs  []*item  // of the bulk
	story []string // what happened last, a line each
	away  bool     // the broker is
}

// storyLength is how much of the story is kept: more than screens have lines.
const storyLength = 200

// item is one request on the board.
type item struct {
	client.News
	prospect *messages.Prospect
}

func newBoard(now time.Time) *board { return &board{began: now, items: map[string]*item{}} }

// take puts news on the board.
func (b *board) take(n client.News) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.items[n.Summary.Key]
	if i == nil {
		i = &item{}
		b.items[n.Summary.Key] = i
		if n.Bulk == "" {
			b.order = append(b.order, i)
		} else {
			b.legs = append(b.legs, i)
		}
	}
	if n.Summary.Legs == nil && n.Summary.Attempt == i.Summary.Attempt {
		n.Summary.Legs = i.Summary.Legs
	}
	if n.Summary.Attempt != i.Summary.Attempt || n.Summary.Ended() {
		i.prospect = nil
	}
	i.News = n
	if n.Bulk == "" {
		b.story = append(b.story, storyLine(n))
		b.story = b.story[max(0, len(b.story)-storyLength):]
	}
}

// bulk is the only request on the board if it is a bulk.
func (b *board) bulk() *item {
	if len(b.order) == 1 && b.order[0].Summary.Operation == messages.OperationBulkCopy {
		return b.order[0]
	}
	return nil
}

// asked are those that live and of which a screen may tell what is expected.
func (b *board) asked(most int) (list []client.Summary) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, i := range slices.Concat(b.order, ranked(b.legs)) {
		if !i.Summary.Ended() && len(list) < most {
			list = append(list, i.Summary)
		}
	}
	return list
}

// expect notes what the workers expect.
func (b *board) expect(list []client.Summary) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range list {
		if i := b.items[s.Key]; i != nil && s.Prospect != nil && i.Summary.Attempt == s.Attempt && !i.Summary.Ended() {
			i.prospect = s.Prospect
		}
	}
}

// connected notes whether the broker can be reached.
func (b *board) connected(is bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = !is
}

// counts says how all that are watched stand.
func (b *board) counts() (c messages.Counts) {
	for _, i := range b.order {
		c.Add(i.count())
	}
	return c
}

// count is the item as one of many.
func (i *item) count() messages.Counts {
	c := messages.Counts{Legs: 1}
	switch {
	case i.Summary.NotSucceeded() && i.Summary.State == string(messages.StateRejected):
		c.Rejected = 1
	case i.Summary.NotSucceeded() && i.Summary.State == string(messages.StateUnresolved):
		c.Unresolved = 1
	case i.Summary.NotSucceeded():
		c.Failed = 1
	case i.Summary.State == string(messages.StateCancelled):
		c.Cancelled = 1
	case i.Summary.Ended():
		c.Succeeded = 1
	case i.runs():
		c.Running = 1
	default:
		c.Waiting = 1
	}
	return c
}

// runs reports whether the cloud works on it.
func (i *item) runs() bool { return !i.Summary.Ended() && !i.Summary.Submitted.IsZero() }

// The ranks of items where there is not room for all.
const (
	rankBad = iota
	rankRuns
	rankWaits
	rankOver
)

func (i *item) rank() int {
	switch c := i.count(); {
	case c.Unsuccessful() > 0:
		return rankBad
	case c.Running > 0:
		return rankRuns
	case c.Waiting > 0:
		return rankWaits
	}
	return rankOver
}

// ranked has what needs to be seen first: of ends the newest, of what runs the oldest, of what waits what goes next.
func ranked(items []*item) []*item {
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b *item) int {
		if d := a.rank() - b.rank(); d != 0 {
			return d
		}
		if a.Summary.Ended() {
			return b.Time.Compare(a.Time)
		}
		return cmp.Or(a.Summary.Submitted.Compare(b.Summary.Submitted), a.starts().Compare(b.starts()), cmp.Compare(a.Leg, b.Leg), a.Summary.Accepted.Compare(b.Summary.Accepted))
	})
	return items
}

// state is how far the request has come, in the words of its record.
func (i *item) state() string {
	switch s := messages.State(i.Summary.State); {
	case i.Summary.Ended():
		return string(s)
	case i.prospect != nil && i.prospect.State != "":
		return i.prospect.State
	case s == messages.StateAccepted || s == messages.StateSubmitted || !slices.Contains(messages.States(), s):
		return string(s)
	case i.runs():
		return string(messages.StateSubmitted)
	}
	return string(messages.StateAccepted)
}

// estimate is what is expected of the request: what was asked last, else what its event says.
func (i *item) estimate() (e messages.Estimate) {
	if i.Event != nil {
		e = i.Event.Estimate
	}
	if p := i.prospect; p != nil {
		e = messages.Estimate{Start: cmp.Or(p.Start, e.Start), End: cmp.Or(p.End, e.End), Percent: cmp.Or(p.Percent, e.Percent)}
	}
	return e
}

// starts is when what waits is expected to go, far in the future where that is not known.
func (i *item) starts() time.Time {
	if start := i.estimate().Start; start != nil {
		return *start
	}
	return time.Unix(1<<40, 0)
}

// percent is how far what runs is: the cloud's word, else the worker's, else the part of the expected time that is over.
func (i *item) percent(now time.Time) (float64, bool) {
	if i.Event != nil && i.Event.Job != nil && i.Event.Job.Percent != nil {
		return *i.Event.Job.Percent, true
	}
	e := i.estimate()
	switch {
	case e.Percent != nil:
		return *e.Percent, true
	case e.End == nil || !e.End.After(i.Summary.Submitted):
		return 0, false
	}
	return min(99, max(0, 100*now.Sub(i.Summary.Submitted).Seconds()/e.End.Sub(i.Summary.Submitted).Seconds())), true
}
