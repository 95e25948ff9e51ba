package ops

import (
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	garbageRoom   = 128 << 20 // bytes that may be made at least between two runs of the collector
	leastPercent  = 100       // the default
	mostPercent   = 1000
	collectorLook = 5 * time.Second // how often the goal is set anew
)

// GiveRoom lets 128 MiB of garbage gather before it is collected, however small
// the heap is: a heap that may only double is collected all the time while it
// is small. A heap beyond that size is treated as always. With GOGC in the
// environment nothing is changed, and GOMEMLIMIT holds as always. It concerns
// the whole process, so that only a command may call it; stop puts back what
// was.
func GiveRoom() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(percentFor(liveHeap()))
	ended := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() { keepRoom(ended) })
	return func() {
		close(ended)
		looking.Wait()
		debug.SetGCPercent(before)
	}
}

// keepRoom follows the size of the heap.
func keepRoom(ended <-chan struct{}) {
	tick := time.NewTicker(collectorLook)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			debug.SetGCPercent(percentFor(liveHeap()))
		}
	}
}

// percentFor is how much a live heap of that size may grow by.
func percentFor(live uint64) int {
	percent := math.Ceil(100 * garbageRoom / float64(max(live, 1)))
	return int(min(max(percent, leastPercent), mostPercent))
}

// liveHeap is what the last run of the collector left.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
