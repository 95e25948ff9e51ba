package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/messages"
)

// TestLimitsTellOfRefusals: what the cloud has refused is not told as used, and
// leaves as many calls as can really be made.
func TestLimitsTellOfRefusals(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		g := &gate{most: 4, words: "too many"}
		w.limits = map[string]budget.Limit{"copy": {Count: 6, Window: gateWindow}}
		w.cloud.create = g.reply
		w.start()
		for i := range 6 {
			w.request(fmt.Sprint(i), nil)
		}
		time.Sleep(4 * time.Minute)
		use := w.use("copy", messages.BucketCreates)
		if use.Used != len(g.taken) || use.Refused != len(g.refused) || use.Refused == 0 || *use.Left != max(0, min(*use.Limit-use.Used, 6-use.Used-use.Refused)) {
			t.Errorf("%+v with limit %d, left %d; %d taken, %d refused", use, *use.Limit, *use.Left, len(g.taken), len(g.refused))
		}
	})
}

// TestLimitsTellOfPauses: what somebody has paused is told by operation.
func TestLimitsTellOfPauses(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.start()
		paused := func() []string {
			clouds, err := w.engine.Limits(w.t.Context(), []string{"demo"})
			if err != nil || len(clouds) != 1 {
				w.t.Fatalf("%+v, %v", clouds, err)
			}
			return clouds[0].Paused
		}
		if got := paused(); got != nil {
			t.Errorf("%q of nothing", got)
		}
		w.held.Store("copy-image", true)
		if got := paused(); !slices.Equal(got, []string{"copy-image"}) {
			t.Errorf("%q", got)
		}
		w.held.Store("", true)
		if got := paused(); !slices.Equal(got, []string{messages.PausedAll}) {
			t.Errorf("%q", got)
		}
	})
}
