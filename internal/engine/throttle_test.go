package engine_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/messages"
)

// gate is the cloud's own count of creating calls: anywhere within five
// minutes, or in windows that begin at full five minutes.
type gate struct {
	most    int
	fixed   bool
	words   string // of a refusal
	taken   []time.Time
	refused []time.Time
}

const gateWindow = 5 * time.Minute

func (g *gate) reply(int) reply {
	now := time.Now()
	begin := now.Add(-gateWindow)
	if g.fixed {
		begin = now.Truncate(gateWindow).Add(-1)
	}
	n := 0
	for _, at := range g.taken {
		if at.After(begin) {
			n++
		}
	}
	if n >= g.most {
		g.refused = append(g.refused, now)
		return reply{status: 429, body: fmt.Sprintf(`{"error_code":"APIGW.0308","error_msg":%q,"request_id":"r"}`, g.words)}
	}
	g.taken = append(g.taken, now)
	return accepted()
}

// TestThreeHundredCopies sends them under 15 per 5 minutes, to a cloud that
// keeps to that, and to one that takes only half as many.
func TestThreeHundredCopies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gate
		makespan, refused float64
	}{
		"all":                 {gate{most: 15}, 1.02, 0},
		"all_fixed":           {gate{most: 15, fixed: true}, 1.02, 0},
		"halved":              {gate{most: 7, words: "policy user over ratelimit,limit:7,time:5 minute"}, 1.15, 0.03},
		"halved_fixed":        {gate{most: 7, fixed: true, words: "policy user over ratelimit,limit:7,time:5 minute"}, 1.15, 0.03},
		"halved_silent":       {gate{most: 7, words: "too many"}, 1.15, 0.03},
		"halved_silent_fixed": {gate{most: 7, fixed: true, words: "too many"}, 1.15, 0.03},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.limits = map[string]budget.Limit{"copy": {Count: 15, Window: gateWindow}}
				w.cloud.create = c.reply
				w.start()
				begun := time.Now()
				keys := make([]string, 300)
				for i := range keys {
					keys[i] = w.request(fmt.Sprint(i), nil)
				}
				for _, key := range keys {
					w.ends(key, "succeeded")
				}
				first := begun.Add(gateWindow)
				late := 0
				for _, at := range c.gate.refused {
					if at.After(first) {
						late++
					}
				}
				ideal := time.Duration(math.Ceil(300/float64(c.most)-1)) * gateWindow
				makespan := c.taken[len(c.taken)-1].Sub(begun).Seconds() / ideal.Seconds()
				t.Logf("makespan %.3f of the ideal, %d refused, %d after the first window", makespan, len(c.gate.refused), late)
				if makespan > c.makespan || float64(late) > c.refused*300 || c.makespan < 1.1 && len(c.gate.refused) > 0 {
					t.Errorf("makespan %.3f, %d refused after the first window", makespan, late)
				}
			})
		})
	}
}

// ends waits until the request has ended in that state, whatever it told
// before.
func (w *world) ends(key, state string) {
	w.t.Helper()
	for range 10000 {
		synctest.Wait()
		if told := w.events.states(key); told[strings.LastIndexByte(told, ' ')+1:] == state {
			return
		}
		time.Sleep(5 * time.Second)
	}
	w.t.Fatalf("told %q, want it to end as %s", w.events.states(key), state)
}

// use is how a bucket of the cloud stands, as who asks for the limits is told.
func (w *world) use(bucket, kind string) (found messages.BucketUse) {
	w.t.Helper()
	clouds, err := w.engine.Limits(w.t.Context(), []string{"demo"})
	if err != nil || len(clouds) != 1 {
		w.t.Fatalf("%+v, %v", clouds, err)
	}
	for _, use := range clouds[0].Buckets {
		if use.Bucket == bucket && use.Kind == kind {
			return use
		}
	}
	return found
}

// TestClosedByTheCloudsWords: who asks for the limits is told why a bucket is
// closed, as long as it is; limited or not, of creating calls and of questions.
func TestClosedByTheCloudsWords(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]map[string]budget.Limit{"limited": {"copy": {Count: 15, Window: gateWindow}}, "off": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.limits = limits
				w.cloud.create = func(n int) reply {
					if n > 1 {
						return accepted()
					}
					return reply{status: 429, body: `{"error_code":"APIGW.0308","error_msg":"too many","request_id":"r"}`}
				}
				w.cloud.job = func(n int) reply {
					if n > 1 {
						return succeeded(n)
					}
					return reply{status: 429, body: "slower"}
				}
				w.start()
				key := w.request("a", nil)
				time.Sleep(time.Second)
				if use := w.use("copy", messages.BucketCreates); use.ClosedUntil == nil || use.ClosedBy != "APIGW.0308: too many" {
					w.t.Errorf("of creates: %+v", use)
				}
				for range 1000 {
					if time.Sleep(time.Second); w.use("show_job", messages.BucketQueries).ClosedUntil != nil {
						break
					}
				}
				if use := w.use("show_job", messages.BucketQueries); !strings.HasPrefix(use.ClosedBy, "HTTP.429") {
					w.t.Errorf("of questions: %+v", use)
				}
				if use := w.use("copy", messages.BucketCreates); use.ClosedUntil != nil || use.ClosedBy != "" {
					w.t.Errorf("reopened: %+v", use)
				}
				w.expect(key, "accepted submitted succeeded")
			})
		})
	}
}
