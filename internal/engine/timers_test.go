package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestTimers: whatever is set, set anew and dropped, entries come out by due
// time, each once, and know their place.
func TestTimers(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	now := time.Now()
	due := map[*entry]time.Time{}
	all := make([]*entry, 300)
	for i := range all {
		all[i] = &entry{index: -1}
	}
	var heap timers
	for range 5000 {
		e := all[random.IntN(len(all))]
		if random.IntN(4) == 0 {
			heap.drop(e)
			delete(due, e)
			continue
		}
		due[e] = now.Add(time.Duration(random.IntN(100)) * time.Second)
		heap.set(e, due[e])
	}
	for i, w := range heap {
		if w.entry.index != i || !w.due.Equal(due[w.entry]) {
			t.Fatalf("place %d holds an entry of place %d", i, w.entry.index)
		}
	}
	if len(heap) != len(due) || heap.popDue(now.Add(-time.Second)) != nil {
		t.Fatalf("%d timers of %d, or one before its time", len(heap), len(due))
	}
	var got []time.Time
	for e := heap.popDue(now.Add(time.Hour)); e != nil; e = heap.popDue(now.Add(time.Hour)) {
		got = append(got, due[e])
		if e.index != -1 {
			t.Fatal("an entry that is out knows a place")
		}
	}
	if !slices.IsSortedFunc(got, time.Time.Compare) || len(got) != len(due) {
		t.Errorf("%d of %d came out, in order: %t", len(got), len(due), slices.IsSortedFunc(got, time.Time.Compare))
	}
}
