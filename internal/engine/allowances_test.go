package engine_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
)

// TestNextOwnerKnowsTheLimit: of a cloud that takes 7 copies in five minutes
// where 15 are configured, the first owner learns that by refusals, the next one
// does not have to, wherever in the window it begins.
func TestNextOwnerKnowsTheLimit(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{7 * time.Minute, 9*time.Minute + 58*time.Second, 11 * time.Minute} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				g := &gate{most: 7, words: "too many"}
				w.limits = map[string]budget.Limit{"copy": {Count: 15, Window: gateWindow}}
				w.cloud.create = g.reply
				w.start()
				for i := range 60 {
					w.request(fmt.Sprint(i), nil)
				}
				time.Sleep(after)
				synctest.Wait()
				before := len(g.refused)
				w.end()
				w.start()
				time.Sleep(8 * time.Minute) // later, one more is tried
				synctest.Wait()
				if before == 0 || len(g.refused) > before || len(g.taken) < 21 {
					t.Errorf("%d refused by then, %d by the next owner; %d taken", before, len(g.refused)-before, len(g.taken))
				}
			})
		})
	}
}
