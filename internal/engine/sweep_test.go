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

// watched is what it has cost to notice the ends of jobs.
type watched struct {
	calls float64 // status queries and list pages for a job
	ratio float64 // p95 of the delay, as a share of the bound
	share float64 // p95 of the delay, as a share of the duration
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

// watch has n copies made, one after another, and measures.
func watch(t *testing.T, n int, every time.Duration, noSweep bool) (got watched) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, fake := faked(t, noSweep)
		w.start()
		var keys []string
		for i := range n {
			keys = append(keys, w.request(fmt.Sprint(i), nil))
			time.Sleep(every)
		}
		for _, key := range keys {
			for !strings.HasSuffix(w.events.states(key), "succeeded") {
				time.Sleep(time.Second)
			}
		}
		w.end()
		queries := 0
		for _, call := range fake.Calls(fakecloud.DemoCloud) {
			if call.Method == http.MethodGet {
				queries++
			}
		}
		bound := pace.Bound{Ratio: 0.03, Min: 2 * time.Second, Max: time.Minute}
		var ratios, shares []float64
		for _, key := range keys[n/5:] { // the first ones teach
			e := w.events.last(t, key)
			delay, took := e.Times.Finished.Sub(*e.Times.RemoteEnd), e.Times.RemoteEnd.Sub(*e.Times.RemoteBegin)
			ratios, shares = append(ratios, float64(delay)/float64(bound.Of(took))), append(shares, float64(delay)/float64(took))
		}
		slices.Sort(ratios)
		slices.Sort(shares)
		got = watched{float64(queries) / float64(n), ratios[len(ratios)*95/100], shares[len(shares)*95/100]}
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
	return got
}

// TestSweep follows jobs of some minutes, few and many at a time: the list
// tells about them for little more than one call each, within the bound.
func TestSweep(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n       int
		every   time.Duration
		noSweep bool
		most    watched
	}{
		"many":    {150, time.Second, false, watched{calls: 2.5, ratio: 1.3, share: 1}},
		"steady":  {80, 20 * time.Second, false, watched{calls: 9, ratio: 1.2, share: 1}},
		"nosweep": {100, 3 * time.Second, true, watched{calls: 11, ratio: 100, share: 0.3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := watch(t, c.n, c.every, c.noSweep)
			if got.calls > c.most.calls || got.ratio > c.most.ratio || got.share > c.most.share {
				t.Errorf("%+v, want at most %+v", got, c.most)
			}
		})
	}
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
