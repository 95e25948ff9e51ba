package engine_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/imsworker/imsworker/messages"
)

// oneBad lets the first image's leg fail after a minute, and all others succeed
// after a while.
func (l *legWorld) oneBad(others time.Duration) {
	l.goes(func(r messages.Request) (messages.State, time.Duration) {
		var d struct {
			ImageID string `json:"image_id"`
		}
		if json.Unmarshal(r.Data, &d) == nil && d.ImageID == imageOf(0) {
			return messages.StateFailed, time.Minute
		}
		return messages.StateSucceeded, others
	})
}

// goes says how requests end from now on.
func (l *legWorld) goes(ends func(messages.Request) (messages.State, time.Duration)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = ends
}

// alone retries by itself the only leg that has failed.
func (l *legWorld) alone(attempt int, state messages.State, after time.Duration) {
	l.w.t.Helper()
	l.goes(func(messages.Request) (messages.State, time.Duration) { return state, after })
	data, err := json.Marshal(messages.Control{Key: l.failed(), Attempt: attempt})
	if err == nil {
		err = l.w.control(messages.VerbRetry, data)
	}
	if err != nil {
		l.w.t.Fatal(err)
	}
	l.goes(func(messages.Request) (messages.State, time.Duration) { return messages.StateSucceeded, time.Minute })
}

// failed is the key of the first image's request.
func (l *legWorld) failed() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, r := range l.requests {
		if leg, is := messages.LegParent(r.Identity); is && leg.Index == 0 {
			return key
		}
	}
	l.w.t.Fatal("the first leg was not begun")
	return ""
}

// TestBulkRetryAfterItsLeg: what a leg's own retry has done, or does, is not
// done again by the bulk's; what has failed again is.
func TestBulkRetryAfterItsLeg(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state    messages.State
		after    time.Duration
		requests int
		retries  int
	}{
		"succeeded":   {messages.StateSucceeded, time.Minute, 4, 1},
		"still runs":  {messages.StateSucceeded, time.Hour, 4, 1},
		"failed":      {messages.StateFailed, time.Minute, 5, 1},
		"is not sure": {messages.StateUnresolved, time.Minute, 4, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				l := newLegs(w)
				l.oneBad(time.Minute)
				w.images(4, nil)
				w.start()
				key := w.bulk("a", 4, 1, nil)
				if first, _ := w.ended(key, 1); first.Batch.Counts.Failed != 1 {
					w.t.Fatalf("counts %v", first.Batch.Counts)
				}
				l.alone(1, c.state, c.after)
				time.Sleep(10 * time.Minute)
				w.again(key)
				time.Sleep(5 * time.Second)
				w.end() // the next owner reads the same from the pages
				w.start()
				final, legs := w.ended(key, 2)
				if final.Batch.Counts.Succeeded != 4 || len(l.begun) != c.requests || len(l.retries) != c.retries {
					w.t.Errorf("counts %v, %d requests, %d retries, leg %+v", final.Batch.Counts, len(l.begun), len(l.retries), legs[0])
				}
			})
		})
	}
}

// TestBulkCountsItsLegsRetry: a leg that was retried by itself before all had
// ended counts as it ends then.
func TestBulkCountsItsLegsRetry(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state  messages.State
		after  time.Duration
		failed int
	}{
		"before the others": {messages.StateSucceeded, time.Minute, 0},
		"after the others":  {messages.StateSucceeded, time.Hour, 0},
		"failed again":      {messages.StateFailed, time.Minute, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				l := newLegs(w)
				l.oneBad(10 * time.Minute)
				w.images(4, nil)
				w.start()
				key := w.bulk("a", 4, 1, nil)
				time.Sleep(2 * time.Minute)
				l.alone(1, c.state, c.after)
				time.Sleep(9 * time.Minute)
				w.end()
				w.start()
				final, legs := w.ended(key, 1)
				if counts := final.Batch.Counts; counts.Failed != c.failed || counts.Succeeded != 4-c.failed || len(l.begun) != 4 || legs[0].Request.Attempt != 2 {
					w.t.Errorf("counts %v, %d requests, leg %+v", counts, len(l.begun), legs[0])
				}
			})
		})
	}
}

// TestBulkRetryAfterCancel: legs that had begun when the bulk was cancelled are
// gone on with by their own requests, which look for the copies; those of which
// nothing had begun are begun anew.
func TestBulkRetryAfterCancel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		left              bool
		trails            int
		requests, retries int
	}{
		"nothing left": {false, 0, 5, 0},
		"left":         {true, 0, 4, 1},
		"still runs":   {true, 3, 4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				l := newLegs(w)
				l.left, l.trails = c.left, c.trails
				l.goes(func(r messages.Request) (messages.State, time.Duration) {
					return messages.StateSucceeded, 10 * time.Minute
				})
				w.images(4, nil)
				w.start()
				key := w.bulk("a", 4, 1, func(d *messages.BulkCopy) { d.Concurrency = 1 })
				time.Sleep(5 * time.Minute)
				w.stopBulk(key)
				if first, _ := w.ended(key, 1); first.Batch.Counts.Cancelled != 4 {
					w.t.Fatalf("counts %v", first.Batch.Counts)
				}
				l.mu.Lock()
				l.cancels = map[string]messages.Control{}
				l.mu.Unlock()
				w.again(key)
				final, legs := w.ended(key, 2)
				if final.Batch.Counts.Succeeded != 4 || len(l.begun) != c.requests || len(l.retries) != c.retries {
					w.t.Errorf("counts %v, %d requests, %d retries, leg %+v", final.Batch.Counts, len(l.begun), len(l.retries), legs[0])
				}
				for _, r := range l.retries {
					if r.Parent != key {
						w.t.Errorf("the retry %+v does not say whose it is", r)
					}
				}
			})
		})
	}
}
