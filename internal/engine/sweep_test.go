package engine_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
)

// direct calls the fake without a network; each call takes its time.
type direct struct {
	handler http.Handler
	took    time.Duration
}

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(d.took)
	answer := httptest.NewRecorder()
	in := r.Clone(r.Context())
	in.RequestURI, in.Host = r.URL.RequestURI(), r.URL.Host
	if in.Body == nil {
		in.Body = http.NoBody
	}
	d.handler.ServeHTTP(answer, in)
	answer.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	response := answer.Result()
	response.Request = r
	return response, nil
}

// faked is a world with a fake of the cloud whose jobs take minutes.
func faked(t *testing.T, noSweep bool) (*world, *fakecloud.Fake) {
	t.Helper()
	options := fakecloud.Demo()
	options.Switches = fakecloud.Switches{RatesOff: true, Quota: -1, Durations: map[string]fakecloud.Span{"*": {Run: fakecloud.Duration(3 * time.Minute), Sigma: 0.6}}}
	fake, err := fakecloud.New(fakecloud.Options{Clouds: []fakecloud.CloudOptions{options}, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.transport, w.noSweep = direct{fake.Handler(), 20 * time.Millisecond}, noSweep
	return w, fake
}

// TestSweepOfAFailure: an image that never becomes active is missed among
// those that are being made.
func TestSweepOfAFailure(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]fakecloud.Outcome{
		"image_gone":   {Call: "CopyImage", Code: "IMG.0014", Count: 1},
		"image_killed": {Call: "CopyImage", Code: "IMG.0014", Count: 1, Killed: true},
		"no_image":     {Call: "CopyImage", Code: "IMG.0014", Count: 1, ImageNever: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, fake := faked(t, false)
				w.start()
				for i := range 20 {
					w.request(fmt.Sprint("before ", i), nil)
					time.Sleep(10 * time.Second)
				}
				if err := fake.Decide(fakecloud.DemoCloud, outcome); err != nil {
					t.Fatal(err)
				}
				key := w.request("it", nil)
				time.Sleep(time.Second)
				for i := range 40 {
					w.request(fmt.Sprint("after ", i), nil)
					time.Sleep(10 * time.Second)
				}
				w.expect(key, "accepted submitted failed")
				e := w.events.last(t, key)
				took := e.Times.RemoteEnd.Sub(*e.Times.RemoteBegin)
				if delay := e.Times.Finished.Sub(*e.Times.RemoteEnd); delay > max(75*time.Second, took*3/10) {
					t.Errorf("noticed %s after its end", delay)
				}
				w.end()
				if err := fake.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestFailuresAmongMany: where many jobs end, those that fail are missed much
// sooner than after the longest time for it.
func TestFailuresAmongMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, fake := faked(t, false)
		w.durations.known = map[string]*pace.Model{"demo copy-image": known(3 * time.Minute)}
		w.start()
		var failing []string
		for i := range 900 {
			if i%30 == 29 {
				if err := fake.Decide(fakecloud.DemoCloud, fakecloud.Outcome{Call: "CopyImage", Code: "IMG.0014", Count: 1}); err != nil {
					t.Fatal(err)
				}
			}
			key := w.request(fmt.Sprint(i), nil)
			time.Sleep(150 * time.Millisecond)
			if i%30 == 29 && i < 600 {
				failing = append(failing, key)
			}
		}
		var delays []time.Duration
		for _, key := range failing {
			w.expect(key, "accepted submitted failed")
			at := w.events.last(t, key).Times
			delays = append(delays, at.Finished.Sub(*at.RemoteEnd))
		}
		slices.Sort(delays)
		if delays[len(delays)/2] > 15*time.Second || delays[len(delays)-1] > 65*time.Second {
			t.Errorf("failures were noticed after %s", delays)
		}
		w.end()
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestEndsLongBeforeTheirTime: of a few jobs that are known to take an hour,
// some fail or end after seconds. They are missed in the list all the same.
func TestEndsLongBeforeTheirTime(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]fakecloud.Outcome{
		"ends":         {},
		"image_gone":   {Code: "IMG.0014"},
		"image_killed": {Code: "IMG.0014", Killed: true},
		"no_image":     {Code: "IMG.0014", ImageNever: true},
	} {
		for _, run := range []time.Duration{20 * time.Second, 10 * time.Minute} {
			t.Run(fmt.Sprint(name, " after ", run), func(t *testing.T) {
				t.Parallel()
				outcome := outcome // of this test alone: both durations share the loop's
				outcome.Call, outcome.Count, outcome.Run = "CopyImage", 1, fakecloud.Duration(run)
				synctest.Test(t, func(t *testing.T) { endsBeforeItsTime(t, outcome) })
			})
		}
	}
}

func endsBeforeItsTime(t *testing.T, outcome fakecloud.Outcome) {
	w, fake := faked(t, false)
	w.durations.known = map[string]*pace.Model{"demo copy-image": known(time.Hour)}
	usual := outcome
	usual.Code, usual.Killed, usual.ImageNever, usual.Run, usual.Count = "", false, false, fakecloud.Duration(time.Hour), 4
	if err := fake.Decide(fakecloud.DemoCloud, outcome, usual); err != nil {
		t.Fatal(err)
	}
	w.start()
	key := w.request("it", nil)
	synctest.Wait()
	time.Sleep(time.Second)
	for i := range 4 {
		w.request(fmt.Sprint("other ", i), nil)
	}
	end := "succeeded"
	if outcome.Code != "" {
		end = "failed"
	}
	w.ends(key, end)
	at := w.events.last(t, key).Times
	most := 65 * time.Second
	if outcome.ImageNever && time.Duration(outcome.Run) > time.Minute {
		most = 14 * time.Minute // it was asked for when it was not among the others, and seemed well
	}
	if delay := at.Finished.Sub(*at.RemoteEnd); delay > most {
		t.Errorf("noticed %s after its end", delay)
	}
	w.end()
	if err := fake.Close(); err != nil {
		t.Error(err)
	}
}

// TestRowIsALook: where an image without a job is followed, the row of the list
// that shows it as active is all that is asked.
func TestRowIsALook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, fake := faked(t, false)
		w.start()
		done := time.Now().Add(4 * time.Minute)
		var keys []string
		for i := range 30 {
			ids, err := fake.Add(fakecloud.DemoCloud, fakecloud.World{Images: []fakecloud.Image{{Name: "copy", Active: done.Add(time.Duration(i) * time.Second)}}})
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, w.request(fmt.Sprint(i), func(r *ledger.Record) {
				r.State, r.Submitted, r.ImageID, r.Deadline = ledger.Submitted, time.Now(), ids[0], time.Now().Add(time.Hour)
			}))
		}
		time.Sleep(3 * time.Minute)
		before := looks(fake)
		for _, key := range keys {
			w.expect(key, "submitted succeeded")
			if e := w.events.last(t, key); len(e.Images) != 1 {
				t.Errorf("images %v", e.Images)
			}
		}
		if n := looks(fake) - before; n > len(keys)/3 {
			t.Errorf("asked %d times for single images", n)
		}
		w.end()
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
}

// looks is how often the fake was asked for one image.
func looks(fake *fakecloud.Fake) (n int) {
	for _, call := range fake.Calls(fakecloud.DemoCloud) {
		if call.Method == http.MethodGet && strings.Contains(call.Path, "?id=") {
			n++
		}
	}
	return n
}
