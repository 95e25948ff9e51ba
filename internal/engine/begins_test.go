package engine_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/fakecloud"
)

// TestFirstCallsCountAfterATakeOver: the first call of a registration takes from
// another bucket than the second, and no owner makes more of them in a window
// than there may be because the one before has made some.
func TestFirstCallsCountAfterATakeOver(t *testing.T) {
	t.Parallel()
	runFaked(t, func(w *world, fake *fakecloud.Fake) {
		const allowed = 4
		w.limits = map[string]budget.Limit{"update": {Count: 2 * allowed, Window: 5 * time.Minute}, "copy": {Count: 2, Window: 5 * time.Minute}}
		w.start()
		for n := range 20 {
			w.request(fmt.Sprint(n), of("register-image", fmt.Sprintf(`{"name":"n%d","image_url":"%s"}`, n, fakecloud.DemoFile)))
		}
		for range 4 { // within one window
			time.Sleep(time.Minute)
			w.end()
			w.start()
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		first := 0
		for _, call := range fake.Calls(fakecloud.DemoCloud) {
			if call.Call == "CreateMetadata" {
				first++
			}
		}
		if first != allowed {
			w.t.Errorf("%d images were begun within five minutes, want %d", first, allowed)
		}
	})
}
