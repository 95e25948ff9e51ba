//go:build rules

package simulate

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/mutation"
	"github.com/imsworker/imsworker/internal/promtest"
	"github.com/imsworker/imsworker/messages"
)

// story is something that happens to a worker, and what is told of it.
type story struct {
	items []item
	lasts time.Duration
	tells []telling
}

// telling is what an alert says at a time of a story.
type telling struct {
	alert string
	at    time.Duration
	fires bool
}

func fires(alert string, at time.Duration) telling  { return telling{alert, at, true} }
func silent(alert string, at time.Duration) telling { return telling{alert, at, false} }

// live lets the story happen to one worker, and scrapes it all the while.
func (s story) live(t *testing.T, storage *promtest.Storage, job string, every time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, err := newWorld(plan{seed: 1, replicas: 1, shards: 1})
		if err != nil {
			t.Fatal(err)
		}
		if w.calls, err = ims.NewMetrics(w.shown); err != nil {
			t.Fatal(err)
		}
		slices.SortStableFunc(s.items, func(a, b item) int { return int(a.at - b.at) })
		w.start("replica-1")
		for at, items := time.Duration(0), s.items; at <= s.lasts; at += every {
			for len(items) > 0 && items[0].at <= at {
				time.Sleep(time.Until(begin.Add(items[0].at)))
				items[0].what.happen(w)
				items = items[1:]
			}
			time.Sleep(time.Until(begin.Add(at)))
			synctest.Wait()
			storage.Scraped(time.Now(), promtest.Target{Job: job, Instance: "replica-1:8080"}, promtest.Render(t, w.shown))
		}
		w.stop()
	})
}

// play lets stories happen, each to a worker of its own, and holds what the
// shipped rules say of them against what they should.
func play(t *testing.T, every time.Duration, stories map[string]story) {
	t.Helper()
	path := promtest.RulesFile(t, 2)
	rules := promtest.Rules(t, path)
	storage := promtest.New(t, promtest.Metrics(rules)...)
	t.Run("live", func(t *testing.T) {
		for name, s := range stories {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s.live(t, storage, job(name), every)
			})
		}
	})
	p := storage.Open(path, every)
	for name, s := range stories {
		for _, want := range s.tells {
			r := promtest.Alert(t, rules, want.alert)
			if got := p.Fires(r, job(name), begin.Add(want.at), every); got != want.fires {
				t.Errorf("%s: %s after %v: fires %v, want %v: %v", name, want.alert, want.at, got, want.fires, p.Query(r.Expr, begin.Add(want.at)))
			}
		}
	}
}

// job is under which a story's worker is scraped.
func job(story string) string { return "imsworker " + story }

// request asks for an image at a time of a story.
func request(at time.Duration, operation, id string, o messages.Options) item {
	name := "image-" + id
	data, needs := works[operation].data(rand.New(rand.NewPCG(uint64(len(id)), 5)), name, o)
	return item{at, ask{cloud: "east", operation: operation, id: id, name: name, data: encoded(data), needs: needs}}
}

// ordered is what the cloud does with the next calls.
func ordered(at time.Duration, f fakecloud.Fault) item { return item{at, fault{"east", f}} }

// decided is what becomes of the next job.
func decided(at time.Duration, o fakecloud.Outcome) item { return item{at, fortune{"east", o}} }

// failing is one copy in so many that fails, one every six minutes, for so
// long.
func failing(oneIn int, lasts time.Duration) (items []item) {
	for at, n := time.Minute, 0; at < lasts; at, n = at+6*time.Minute, n+1 {
		if n%oneIn == 0 {
			items = append(items, decided(at, fakecloud.Outcome{Call: "CopyImage", Code: "IMG.0134", Reason: "no luck"}))
		}
		items = append(items, request(at+time.Second, "copy-image", fmt.Sprintf("r%d", n), messages.Options{}))
	}
	return items
}

// many are copies in a row, more than the account may make.
func many(every, lasts time.Duration) (items []item) {
	for at, n := time.Minute, 0; at < lasts; at, n = at+every, n+1 {
		items = append(items, request(at, "copy-image", fmt.Sprintf("r%d", n), messages.Options{}))
	}
	return items
}

// manyAhead are copies in a row that are not to be begun today.
func manyAhead(every, lasts time.Duration) (items []item) {
	tomorrow := begin.Add(24 * time.Hour)
	for at, n := time.Minute, 0; at < lasts; at, n = at+every, n+1 {
		items = append(items, request(at, "copy-image", fmt.Sprintf("r%d", n), messages.Options{NotBefore: &tomorrow}))
	}
	return items
}

// within is a deadline.
func within(d time.Duration) messages.Options {
	deadline := messages.DeadlineAfter(d)
	return messages.Options{Deadline: &deadline}
}

// TestAlertStories: the real worker and the fake cloud produce what each alert
// is there for, in virtual time, and the rules as they are shipped tell it.
func TestAlertStories(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	play(t, minute, map[string]story{
		"a request fails": {
			items: []item{decided(0, fakecloud.Outcome{Call: "CopyImage", Code: "IMG.0134", Reason: "no luck", Run: fakecloud.Duration(minute)}), request(minute, "copy-image", "r1", messages.Options{})},
			lasts: 5 * minute,
			tells: []telling{silent("ImsworkerRequestsNotSucceeded", minute+30*time.Second), fires("ImsworkerRequestsNotSucceeded", 4*minute), silent("ImsworkerRequestsUnresolved", 4*minute)},
		},
		"an answer is lost and nothing is found": {
			items: []item{
				ordered(0, fakecloud.Fault{Call: "CreateImage", Kind: fakecloud.DropBefore, Count: 1}),
				{minute, ask{cloud: "east", operation: "create-system-image", id: "r1", name: "image-r1", data: encoded(messages.CreateSystemImage{Name: "image-r1", InstanceID: fakecloud.DemoServer})}},
			},
			lasts: 40 * minute,
			tells: []telling{silent("ImsworkerRequestsUnresolved", 15*minute), fires("ImsworkerRequestsUnresolved", 35*minute), fires("ImsworkerRequestsNotSucceeded", 25*minute)},
		},
		"what a lost answer has made shows too late": {
			items: []item{
				ordered(0, fakecloud.Fault{Call: "CopyImage", Kind: fakecloud.DropAfter, Count: 1}),
				decided(0, fakecloud.Outcome{Call: "CopyImage", ImageLate: fakecloud.Duration(25 * minute)}), request(minute, "copy-image", "r1", messages.Options{}),
			},
			lasts: 60 * minute,
			tells: []telling{silent("ImsworkerDuplicatesFound", 20*minute), fires("ImsworkerDuplicatesFound", 45*minute), silent("ImsworkerRequestsNotSucceeded", 45*minute)},
		},
		"a job never ends": {
			items: []item{decided(0, fakecloud.Outcome{Call: "CopyImage", Stuck: true}), request(minute, "copy-image", "r1", within(20*minute))},
			lasts: 60 * minute,
			tells: []telling{
				silent("ImsworkerRequestsLate", 20*minute), fires("ImsworkerRequestsLate", 25*minute),
				silent("ImsworkerRequestsStuck", 40*minute), fires("ImsworkerRequestsStuck", 50*minute),
			},
		},
		"more is asked for than the account may do": {
			items: many(15*time.Second, 120*minute), lasts: 120 * minute,
			tells: []telling{
				silent("ImsworkerBudgetExhausted", 50*minute), fires("ImsworkerBudgetExhausted", 90*minute),
				silent("ImsworkerQueueGrowing", 60*minute), fires("ImsworkerQueueGrowing", 118*minute),
			},
		},
		"many are sent ahead": {
			items: manyAhead(30*time.Second, 120*minute), lasts: 120 * minute,
			tells: []telling{silent("ImsworkerQueueGrowing", 118*minute)},
		},
		"the cloud cannot be reached": {
			items: []item{
				decided(0, fakecloud.Outcome{Call: "CopyImage", Run: fakecloud.Duration(2 * time.Hour)}), request(minute, "copy-image", "r1", messages.Options{}),
				{10 * minute, road{lasts: 22 * minute}},
			},
			lasts: 40 * minute,
			tells: []telling{silent("ImsworkerNothingPolled", 9*minute), silent("ImsworkerNothingPolled", 20*minute), fires("ImsworkerNothingPolled", 31*minute), silent("ImsworkerNothingPolled", 38*minute)},
		},
		"calls are throttled": {
			items: []item{ordered(0, fakecloud.Fault{Call: "CopyImage", Kind: fakecloud.TooMany, Count: -1}), request(minute, "copy-image", "r1", messages.Options{})},
			lasts: 60 * minute,
			tells: []telling{silent("ImsworkerApiThrottled", 4*minute), fires("ImsworkerApiThrottled", 50*minute)},
		},
		"credentials are refused": {
			items: []item{
				ordered(5*minute, fakecloud.Fault{Call: "*", Kind: fakecloud.StatusBefore, Status: http.StatusUnauthorized, Count: -1}),
				request(6*minute, "copy-image", "r1", messages.Options{}),
			},
			lasts: 20 * minute,
			tells: []telling{silent("ImsworkerCredentialsRefused", 4*minute), fires("ImsworkerCredentialsRefused", 10*minute), fires("ImsworkerCredentialsRefused", 19*minute)},
		},
	})
}

// TestAlertLongStories are those that take many hours.
func TestAlertLongStories(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	play(t, 5*minute, map[string]story{
		"half of all fail": {
			items: failing(2, 400*minute), lasts: 400 * minute,
			tells: []telling{silent("ImsworkerErrorBudgetBurnsFast", 60*minute), fires("ImsworkerErrorBudgetBurnsFast", 395*minute), silent("ImsworkerErrorBudgetBurnsSlowly", 395*minute)},
		},
		"an eighth fails": {
			items: failing(8, 900*minute), lasts: 900 * minute,
			tells: []telling{silent("ImsworkerErrorBudgetBurnsFast", 895*minute), fires("ImsworkerErrorBudgetBurnsSlowly", 895*minute)},
		},
	})
}

// TestAlertEndsInTime: the rule of what did not succeed is false 15 minutes
// after the last failure, and true until shortly before.
func TestAlertEndsInTime(t *testing.T) {
	t.Parallel()
	s, storage := story{items: failing(1, 14*time.Minute), lasts: 35 * time.Minute}, promtest.New(t, "imsworker_requests_not_succeeded_recent", "imsworker_requests_finished_total")
	s.live(t, storage, "imsworker", 15*time.Second)
	p := storage.Open("", 15*time.Second)
	last := lastRise(t, p, begin, begin.Add(s.lasts))
	r := promtest.Alert(t, promtest.Rules(t, promtest.RulesFile(t, 2)), "ImsworkerRequestsNotSucceeded")
	if !p.Holds(r.Expr, "", last, last.Add(15*time.Minute-30*time.Second), 15*time.Second) {
		t.Errorf("the last request failed at %v, and the rule does not hold until 15 minutes later", last)
	}
	if left := p.Query(r.Expr, last.Add(15*time.Minute)); len(left) > 0 {
		t.Errorf("15 minutes after the last failure, at %v, the rule still says %v", last, left)
	}
}

// lastRise is the first scrape that shows the last failure.
func lastRise(t *testing.T, p *promtest.Server, from, to time.Time) (last time.Time) {
	t.Helper()
	before := 0.0
	for at := from; at.Before(to); at = at.Add(15 * time.Second) {
		for _, now := range p.Query(`sum(imsworker_requests_finished_total{state="failed"})`, at) {
			if now.Value > before {
				before, last = now.Value, at
			}
		}
	}
	if before < 2 {
		t.Fatalf("%v requests failed, want some", before)
	}
	return last
}

// TestAlertRecordsWithoutTimer makes the mistake that the alert is there for:
// nothing wakes a job that is followed.
func TestAlertRecordsWithoutTimer(t *testing.T) {
	if !mutation.Built {
		t.Fatal("this test needs the build tag mutations too: see the target rules of the Makefile")
	}
	s, storage := story{items: []item{request(time.Minute, "copy-image", "r1", messages.Options{})}, lasts: 10 * time.Minute}, promtest.New(t, "imsworker_records_without_timer")
	s.live(t, storage, "imsworker sound", time.Minute)
	t.Setenv("MUTATION", string(mutation.LostTimer))
	s.live(t, storage, "imsworker mistaken", time.Minute)
	p, want := storage.Open("", time.Minute), fires("ImsworkerRecordsWithoutTimer", 9*time.Minute)
	r, at := promtest.Alert(t, promtest.Rules(t, promtest.RulesFile(t, 2)), want.alert), begin.Add(want.at)
	if p.Fires(r, "imsworker sound", at, time.Minute) || !p.Fires(r, "imsworker mistaken", at, time.Minute) {
		t.Errorf("%s says %v, want it to tell of the mistaken one alone", r.Alert, p.Query(r.Expr, at))
	}
}
