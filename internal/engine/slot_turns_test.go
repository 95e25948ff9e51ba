package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/pace"
	"github.com/imsworker/imsworker/messages"
)

// TestStartOfWhatWaitsForASlot is when one that runs is expected to end, and in
// rounds of that for those behind; nobody knows before any has ended.
func TestStartOfWhatWaitsForASlot(t *testing.T) {
	t.Parallel()
	for name, learned := range map[string]bool{"known": true, "unknown": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				newRegions(t, w)
				if learned {
					m := &pace.Model{}
					for range 50 {
						m.Learn(20 * time.Minute)
					}
					w.durations.known = map[string]*pace.Model{"demo copy-image-cross-region": m}
				}
				w.start()
				begun := time.Now()
				keys := make([]string, 12)
				for i := range keys {
					keys[i] = w.across(fmt.Sprint(i), nil)
					time.Sleep(time.Minute)
				}
				for i, key := range keys[5:] {
					p := w.prospect(key)
					if p.Waits != messages.WaitsSlot || (p.Start != nil) != learned || p.Ahead == nil || *p.Ahead != i {
						t.Fatalf("%+v", p)
					}
					if !learned {
						continue
					}
					want := begun.Add(time.Duration(i%5)*time.Minute + time.Duration(i/5+1)*20*time.Minute)
					if off := p.Start.Sub(want).Abs(); off > 2*time.Minute || p.End == nil || p.Risk == nil {
						t.Errorf("number %d: starts at %s, want %s: %+v", i, p.Start.Sub(begun), want.Sub(begun), p)
					}
				}
				if told := w.events.progress(keys[5]); (len(told) > 0) != learned || len(told) > 3 {
					t.Errorf("told %d times when it starts", len(told))
				}
				for _, key := range keys {
					w.ends(key, "succeeded")
				}
			})
		})
	}
}
