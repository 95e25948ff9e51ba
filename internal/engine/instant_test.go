package engine

import (
	"testing"
	"time"
	"unsafe"
)

func TestInstantKeepsTimes(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Time{
		"none":      {},
		"now":       time.Now().Round(0).UTC(),
		"too_early": time.Date(1, 2, 3, 4, 5, 6, 7, time.UTC),
		"too_late":  time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
		"epoch":     time.Unix(0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := instantOf(at).time()
			if got.IsZero() != at.IsZero() || got.Before(time.Now()) != at.Before(time.Now()) {
				t.Errorf("%s becomes %s", at, got)
			}
			if name == "now" && !got.Equal(at) {
				t.Errorf("%s becomes %s", at, got)
			}
		})
	}
}

// TestEntryIsSmall: each of a hundred thousand that wait costs one entry, its
// key, and its places in the map, the timers and the queue.
func TestEntryIsSmall(t *testing.T) {
	t.Parallel()
	if size := unsafe.Sizeof(entry{}); size > 416 {
		t.Errorf("an entry takes %d bytes", size)
	}
}
