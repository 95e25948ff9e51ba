package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// legWorld plays the shards that do the legs of a bulk: a request that is
// asked for ends after a while, and the bulk hears of it.
type legWorld struct {
	w  *world
	mu sync.Mutex
	// ends says how the request of an image to a target ends, and when.
	ends      func(r messages.Request) (messages.State, time.Duration)
	loseNews  bool // the bulk hears of nothing
	left      bool // what is cancelled had begun, and leaves its copy
	trails    int  // so many retries come while a cancelled job still runs
	loseFirst int  // so many requests vanish after they were published
	begun     map[string]int
	attempts  map[string]int
	requests  map[string]messages.Request
	cancels   map[string]messages.Control
	retries   []messages.Control
	running   int
	most      int
	engine    atomic.Pointer[engine.Engine]
}

func newLegs(w *world) *legWorld {
	l := &legWorld{
		w: w, begun: map[string]int{}, attempts: map[string]int{}, requests: map[string]messages.Request{}, cancels: map[string]messages.Control{},
		ends: func(messages.Request) (messages.State, time.Duration) { return messages.StateSucceeded, time.Minute },
	}
	w.asked.then = l.take
	w.legs = l
	return l
}

// take is the intake of a leg's shard: the same request is taken once.
func (l *legWorld) take(r messages.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := messages.Key(r.Cloud, r.Source, r.ID)
	if l.loseFirst > 0 {
		l.loseFirst--
		return
	}
	if l.begun[key]++; l.begun[key] > 1 {
		return
	}
	l.requests[key] = r
	l.attempt(r, key, 1)
}

// attempt lets an attempt of a request begin, and end later.
func (l *legWorld) attempt(r messages.Request, key string, attempt int) {
	l.attempts[key] = attempt
	l.running++
	l.most = max(l.most, l.running)
	l.tell(r, key, attempt, messages.StateAccepted)
	state, after := l.ends(r)
	time.AfterFunc(after, func() {
		l.mu.Lock()
		if c, stops := l.cancels[key]; stops && c.Key == key {
			state = messages.StateCancelled
		}
		l.running--
		l.tell(r, key, attempt, state)
		l.mu.Unlock()
		l.hint(r)
	})
}

// hint tells the bulk, as long as somebody works on it.
func (l *legWorld) hint(r messages.Request) {
	leg, is := messages.LegParent(r.Identity)
	if !is || l.loseNews {
		return
	}
	for range 20 {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err := l.engine.Load().Hear(ctx, leg.Key, leg.Index)
		cancel()
		if err == nil {
			return
		}
		time.Sleep(time.Second)
	}
}

func (l *legWorld) tell(r messages.Request, key string, attempt int, s messages.State) {
	e := messages.Event{
		Request: messages.RequestInfo{ID: r.ID, Source: r.Source, Key: key, Cloud: r.Cloud, Operation: r.Operation, Attempt: attempt, Data: r.Data}, State: s,
	}
	switch {
	case s == messages.StateSucceeded && strings.HasPrefix(r.Operation, "copy"):
		e.Images = []messages.Image{{ID: "copy-" + key[:8], Cloud: r.Cloud}}
	case s == messages.StateCancelled:
		e.Cancel = &messages.Cancelled{By: messages.CancelByRequest, Image: messages.CancelNone, Message: "nothing had been started"}
		if l.left {
			e.Cancel = &messages.Cancelled{By: messages.CancelByRequest, Started: true, Image: messages.CancelLeft, Message: "the job had been started"}
		}
	case s.NotSucceeded():
		e.Error = &messages.Failure{Reason: messages.ReasonJobFailed, Message: "no luck"}
	}
	_, _ = l.w.events.Tell(context.Background(), messages.EventMeta{Cloud: r.Cloud, Operation: r.Operation, Key: key, Attempt: attempt, State: s, Time: time.Now()}, e, "t"+key, false)
}

// control takes what a bulk tells its legs.
func (w *world) control(verb string, data []byte) error {
	l := w.legs
	if l == nil {
		return nil
	}
	var c messages.Control
	if err := json.Unmarshal(data, &c); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch verb {
	case messages.VerbCancel:
		l.cancels[c.Key] = c
	case messages.VerbRetry:
		if l.retries = append(l.retries, c); len(l.retries) <= l.trails {
			return nil
		}
		if l.attempts[c.Key] == c.Attempt {
			l.attempt(l.requests[c.Key], c.Key, c.Attempt+1)
		}
	}
	return nil
}

// imageOf is the id of the n-th image of a bulk.
func imageOf(n int) string { return fmt.Sprintf("%08x-5cac-4d03-b05c-ed1eaa6f8a11", n) }

// rowOf is an image of the list.
func rowOf(n int, more string) string {
	return fmt.Sprintf(`{"id":%q,"name":"web-%d","status":"active","__imagetype":"private","created_at":"2026-01-02T03:04:05Z"%s}`, imageOf(n), n, more)
}

// images lets the cloud have images; change may give one more members.
func (w *world) images(count int, change func(n int) string) {
	rows := make([]string, count)
	for n := range rows {
		if rows[n] = rowOf(n, ""); change != nil {
			rows[n] = rowOf(n, change(n))
		}
	}
	w.cloud.shown = func(q url.Values) string {
		first := 0
		if id := q.Get("id"); id != "" {
			if n := slices.IndexFunc(rows, func(r string) bool { return strings.Contains(r, id) }); n >= 0 {
				return rows[n]
			}
			return ""
		}
		if marker := q.Get("marker"); marker != "" {
			first = slices.IndexFunc(rows, func(r string) bool { return strings.Contains(r, marker) }) + 1
		}
		return strings.Join(rows[first:min(first+500, len(rows))], ",")
	}
}

// bulk puts the record of a bulk into the ledger.
func (w *world) bulk(id string, images, targets int, change func(*messages.BulkCopy)) string {
	d := messages.BulkCopy{}
	for n := range images {
		d.Images = append(d.Images, imageOf(n))
	}
	for n := range targets {
		d.Targets = append(d.Targets, messages.BulkTarget{Name: fmt.Sprintf("{{ .Image.Name }}-%d", n)})
	}
	if change != nil {
		change(&d)
	}
	data, err := json.Marshal(d)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.request(id, func(r *ledger.Record) {
		r.Operation, r.Data, r.DataHash = messages.OperationBulkCopy, data, ledger.HashData(data)
		r.Deadline = time.Now().Add(72 * time.Hour)
	})
}

// ended waits until an attempt of a bulk has its tombstone, and returns its
// final event and all legs that it told.
func (w *world) ended(key string, attempt int) (messages.Event, []messages.Leg) {
	w.t.Helper()
	for range 100000 {
		synctest.Wait()
		if r, err := w.ledger.Get(w.t.Context(), key); err == nil && r.Attempt == attempt && r.Buried {
			break
		}
		time.Sleep(time.Second)
	}
	final, found, _ := w.events.Final(w.t.Context(), "demo", key, attempt)
	if !found {
		w.t.Fatalf("attempt %d of the bulk has not ended: %s", attempt, w.events.states(key))
	}
	var legs []messages.Leg
	for page := 0; ; page++ {
		e, found, _ := w.events.Legs(w.t.Context(), "demo", "", key, attempt, page)
		if !found {
			break
		}
		legs = append(legs, e.Batch.Legs...)
	}
	w.consistent(final, legs)
	return final, legs
}

// consistent holds counts and legs together: each leg once, in order, and as
// many of each kind as the counts say.
func (w *world) consistent(final messages.Event, legs []messages.Leg) {
	w.t.Helper()
	if final.State != messages.StateBatchCompleted {
		w.t.Fatalf("ended as %s: %+v", final.State, final.Error)
	}
	var c messages.Counts
	for i, leg := range legs {
		if leg.Index != i {
			w.t.Fatalf("leg %d stands at %d", leg.Index, i)
		}
		c.Legs++
		switch leg.State {
		case messages.StateSucceeded:
			c.Succeeded++
		case messages.StateFailed:
			c.Failed++
		case messages.StateRejected:
			c.Rejected++
		case messages.StateCancelled:
			c.Cancelled++
		case messages.StateUnresolved:
			c.Unresolved++
		}
		if (leg.State == messages.StateSucceeded) != (len(leg.Images) == 1) || (leg.State == messages.StateSucceeded) != (leg.Error == nil) {
			w.t.Errorf("leg %d is %s with images %v and error %v", i, leg.State, leg.Images, leg.Error)
		}
	}
	if c != final.Batch.Counts {
		w.t.Errorf("counts %+v, legs %+v", final.Batch.Counts, c)
	}
	if want := min(c.Unsuccessful(), messages.LegsAtEnd); len(final.Batch.Legs) != want {
		w.t.Errorf("%d unsuccessful legs at the end, want %d", len(final.Batch.Legs), want)
	}
}

func TestBulk(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		l := newLegs(w)
		w.images(300, nil)
		w.start()
		key := w.bulk("a", 300, 4, nil)
		final, legs := w.ended(key, 1)
		if c := final.Batch.Counts; c.Succeeded != 1200 || l.most > 500 || len(l.begun) != 1200 {
			w.t.Errorf("counts %v, %d at once, %d requests", c, l.most, len(l.begun))
		}
		if legs[5].Name != "web-1-1" || legs[5].Request.Operation != "copy-image" || legs[5].Cloud != "demo" {
			w.t.Errorf("leg %+v", legs[5])
		}
		for name, p := range w.ledger.pages {
			if p.ttl == 0 {
				w.t.Errorf("page %s has no time to live", name)
			}
		}
		if len(w.ledger.pages) != 3 || !strings.Contains(w.events.states(key), "batch-progress") {
			w.t.Errorf("%d pages, told %s", len(w.ledger.pages), w.events.states(key))
		}
	})
}

// TestBulkRefusesAtExpansion tells leg by leg what cannot be copied, and what
// can be done instead.
func TestBulkRefusesAtExpansion(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		l := newLegs(w)
		w.images(4, func(n int) string {
			w.cloud.remove = func(string) reply { return reply{status: 204} } // images that are not there are not found
			return []string{"", `,"__whole_image":"true"`, `,"virtual_env_type":"IsoImage"`, ""}[n]
		})
		w.start()
		key := w.bulk("a", 5, 1, func(d *messages.BulkCopy) {
			d.Targets = append(d.Targets, messages.BulkTarget{Cloud: "nowhere"}, messages.BulkTarget{Region: "eu-nl", ProjectName: "eu-nl"})
		})
		final, legs := w.ended(key, 1)
		if c := final.Batch.Counts; c.Succeeded != 2 || c.Rejected != 13 || len(l.begun) != 2 {
			w.t.Errorf("counts %v, %d requests", c, len(l.begun))
		}
		for index, want := range map[int][2]string{3: {"IMG.0130", "share-image"}, 6: {"IMG.0167", "create-system-image"}, 12: {"IMG.0027", "Check the id"}, 1: {"", "clouds.yaml"}, 2: {"", "clouds.yaml"}} {
			if e := legs[index].Error; e.Code != want[0] || !strings.Contains(e.Remedy, want[1]) || legs[index].Request != nil {
				w.t.Errorf("leg %d: %+v", index, legs[index])
			}
		}
	})
}

// TestBulkTargetsThatAreOnePlace are begun once, however the place is named,
// and a cloud that is in another region than the target says is not begun at all.
func TestBulkTargetsThatAreOnePlace(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		l := newLegs(w)
		w.images(1, func(int) string { return "" })
		w.start()
		key := w.bulk("a", 1, 0, func(d *messages.BulkCopy) {
			d.Targets = []messages.BulkTarget{{}, {Cloud: "demo"}, {Cloud: "demo", Region: "eu-nl", Name: "x"}, {Cloud: "demo", Region: "eu-de", Name: "other"}, {CmkID: "key-1"}}
		})
		final, legs := w.ended(key, 1)
		if c := final.Batch.Counts; c.Succeeded != 3 || c.Rejected != 2 || len(l.begun) != 3 {
			w.t.Errorf("counts %v, %d requests", c, len(l.begun))
		}
		for index, want := range map[int]string{1: "targets[1] is the same place as targets[0]", 2: "names region eu-nl, but the cloud demo is in region eu-de"} {
			if e := legs[index].Error; e == nil || e.Reason != messages.ReasonInvalid || !strings.Contains(e.Message, want) {
				w.t.Errorf("leg %d: %+v", index, legs[index])
			}
		}
	})
}

// TestBulkPolicies walks through orders of completion.
func TestBulkPolicies(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				draw, bad := rand.New(rand.NewPCG(seed, 7)), 0
				concurrency, stopped := 1+draw.IntN(30), time.Duration(draw.IntN(1500))*time.Second
				l := newLegs(w)
				l.ends = func(messages.Request) (messages.State, time.Duration) {
					state := messages.StateSucceeded
					if draw.IntN(20) == 0 {
						state = []messages.State{messages.StateFailed, messages.StateRejected, messages.StateUnresolved}[draw.IntN(3)]
						bad++
					}
					return state, time.Duration(draw.IntN(600)) * time.Second
				}
				w.images(60, nil)
				w.start()
				key := w.bulk("a", 60, 2, func(d *messages.BulkCopy) {
					d.Concurrency = concurrency
					if seed%3 == 1 {
						d.Policy = messages.PolicyFailFast
					}
				})
				if seed%3 == 2 {
					time.Sleep(stopped)
					w.stopBulk(key)
				}
				final, _ := w.ended(key, 1)
				c := final.Batch.Counts
				switch {
				case seed%3 == 0 && (c.Cancelled > 0 || c.Failed+c.Rejected+c.Unresolved != bad):
					w.t.Errorf("best-effort: %v, %d bad", c, bad)
				case seed%3 == 1 && bad > 0 && c.Legs != len(l.begun)+c.Cancelled:
					w.t.Errorf("fail-fast: %v with %d requests", c, len(l.begun))
				case c.Legs != 120 || c.Open() > 0:
					w.t.Errorf("%v", c)
				}
				w.retried(key, l, c)
			})
		})
	}
}

// stopBulk puts the wish to cancel on a bulk, if it has not ended.
func (w *world) stopBulk(key string) {
	w.t.Helper()
	for {
		r, err := w.ledger.Get(w.t.Context(), key)
		if err != nil || r.Done() || !r.Wish(ledger.Cancel{By: messages.CancelByRequest, At: time.Now()}) || w.ledger.put(r) == nil {
			return
		}
	}
}

// retried opens the next attempt of a bulk, in which all goes well: only what
// had not succeeded is done again.
func (w *world) retried(key string, l *legWorld, before messages.Counts) {
	w.t.Helper()
	l.mu.Lock()
	l.ends = func(messages.Request) (messages.State, time.Duration) { return messages.StateSucceeded, time.Minute }
	l.cancels = map[string]messages.Control{}
	requests := len(l.begun)
	l.mu.Unlock()
	w.again(key)
	final, _ := w.ended(key, 2)
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := final.Batch.Counts; c.Succeeded != before.Legs || len(l.begun)-requests != before.Unsuccessful()-before.Unresolved || len(l.retries) != before.Unresolved {
		w.t.Errorf("the second attempt ended with %v after %v: %d requests and %d retries more", c, before, len(l.begun)-requests, len(l.retries))
	}
}

// again opens the second attempt of a bulk.
func (w *world) again(key string) {
	w.t.Helper()
	first, found, _ := w.events.Accepted(w.t.Context(), "demo", key, 1)
	there, err := w.ledger.Get(w.t.Context(), key)
	if !found || err != nil {
		w.t.Fatal(found, err)
	}
	next := &ledger.Record{
		Key: key, Cloud: "demo", Operation: messages.OperationBulkCopy, Source: there.Source, ID: there.ID, Attempt: 2, State: ledger.Accepted, Token: "second",
		Accepted: time.Now(), Deadline: time.Now().Add(time.Hour), Data: first.Request.Data, Sequence: there.Sequence,
	}
	if err := w.ledger.put(next); err != nil {
		w.t.Fatal(err)
	}
}

// TestBulkWithoutNews ends although the bulk hears of nothing, and although
// requests vanish.
func TestBulkWithoutNews(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		l := newLegs(w)
		l.loseNews, l.loseFirst = true, 7
		w.images(20, nil)
		w.start()
		key := w.bulk("a", 20, 2, nil)
		if final, _ := w.ended(key, 1); final.Batch.Counts.Succeeded != 40 || len(l.begun) != 40 {
			w.t.Errorf("counts %v, %d requests", final.Batch.Counts, len(l.begun))
		}
	})
}

// TestBulkTakeOver has the owner change again and again: every leg is asked for
// under one identity.
func TestBulkTakeOver(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				draw := rand.New(rand.NewPCG(seed, 8))
				l := newLegs(w)
				l.loseFirst = draw.IntN(5)
				w.images(700, nil)
				w.start()
				key := w.bulk("a", 700, 1, func(d *messages.BulkCopy) { d.Concurrency = 100 })
				for range 12 {
					time.Sleep(time.Duration(draw.IntN(40000)) * time.Millisecond)
					w.end()
					w.start()
				}
				if final, _ := w.ended(key, 1); final.Batch.Counts.Succeeded != 700 || len(l.begun) != 700 {
					w.t.Errorf("counts %v, %d requests", final.Batch.Counts, len(l.begun))
				}
			})
		})
	}
}

// TestBulkGivesUpWhatLeavesNoTrace ends a cancelled bulk although nothing is
// ever told of its legs: a person has to look.
func TestBulkGivesUpWhatLeavesNoTrace(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		l := newLegs(w)
		l.loseFirst = 1000
		w.images(2, nil)
		w.start()
		key := w.bulk("a", 2, 2, func(d *messages.BulkCopy) { d.Concurrency = 3 })
		time.Sleep(10 * time.Minute)
		w.stopBulk(key)
		final, legs := w.ended(key, 1)
		if c := final.Batch.Counts; c.Unresolved != 3 || c.Cancelled != 1 {
			w.t.Errorf("counts %v", c)
		}
		if e := legs[0].Error; e.Reason != messages.ReasonUnresolved || !strings.Contains(e.Remedy, "dead letters") {
			w.t.Errorf("error %+v", e)
		}
	})
}

// TestBulkTakeOverLooksAtAll: legs of which a new owner hears nothing, and more
// of them than one round looks at, are looked at one round after the other.
func TestBulkTakeOverLooksAtAll(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		l := newLegs(w)
		l.loseNews = true
		w.images(400, nil)
		w.start()
		key := w.bulk("a", 400, 1, nil)
		time.Sleep(30 * time.Second) // all are under way
		w.end()
		time.Sleep(time.Minute) // and end while nobody listens
		w.start()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if _, ended, _ := w.events.Final(w.t.Context(), "demo", key, 1); !ended {
			w.t.Errorf("the bulk has not ended: %s", w.events.states(key))
		}
		w.ended(key, 1)
	})
}

// TestBulkProgressThatIsRefused is tried again at its pace, not in each round.
func TestBulkProgressThatIsRefused(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		newLegs(w)
		w.events.refuses = true
		w.images(3, nil)
		w.start()
		key := w.bulk("a", 3, 1, nil)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		w.events.mu.Lock()
		tries := w.events.refused
		w.events.mu.Unlock()
		if tries < 2 || tries > 7 {
			w.t.Errorf("%d tries in half a minute", tries)
		}
		w.ended(key, 1)
	})
}
