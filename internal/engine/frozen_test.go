package engine_test

import (
	"sync"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/engine"
)

// TestTokensOfAPauseAreNotUsedAtOnce: a process that does nothing for a while,
// as one that is stopped or swapped out, does not make all the calls together
// whose turns have come meanwhile. If its lease ran out then, it makes none.
func TestTokensOfAPauseAreNotUsedAtOnce(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"still_the_owner": false, "no_owner_any_more": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				var conf *engine.Account
				w.adjust = func(a *engine.Account) { conf = a }
				w.limits = map[string]budget.Limit{"list": {Count: 20, Window: time.Minute}} // a token each 3.3 seconds
				w.hang = make(chan struct{})
				w.start()
				ctx, err := w.engine.Pace(w.t.Context(), "demo")
				if err != nil {
					t.Fatal(err)
				}
				var asking sync.WaitGroup
				for range 10 {
					asking.Go(func() {
						if err := conf.Client.Ping(ctx); (err != nil) != lost {
							t.Errorf("asked: %v", err)
						}
					})
				}
				time.Sleep(time.Second)
				key := w.request("a", nil) // the loop hangs over it
				time.Sleep(time.Minute)
				w.lease.lost.Store(lost)
				close(w.hang)
				asking.Wait()
				most, all := w.cloud.within("/v2/cloudimages", 10*time.Second)
				if lost && all > 0 || !lost && (most > 4 || all < 10) {
					t.Errorf("%d calls within ten seconds, %d in all", most, all)
				}
				w.lease.lost.Store(false)
				w.expect(key, "accepted submitted succeeded")
			})
		})
	}
}
