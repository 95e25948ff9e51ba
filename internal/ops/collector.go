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
	garbageRoom   = 96 << 20 // bytes that may be made at least between two runs of the collector
	leastPercent  = 100      // the default
	mostPercent   = 1000
	collectorLook = time.Second // how often the goal is set anew
)

// GiveRoom lets 96 MiB of garbage gather before it is collected, however small
// the heap is: a heap that may only double is collected all the time while it
// is small. A heap beyond that size is treated as always. With GOGC in the
// environment nothing is changed, and GOMEMLIMIT holds as always. It concerns
// the whole process, so that only a command may call it; stop puts back what
// was.
func GiveRoom() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(percentFor(scanned()))
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
	for set := 0; ; {
		select {
		case <-ended:
			return
		case <-tick.C:
			if now := percentFor(scanned()); now != set { // it stops the world
				debug.SetGCPercent(now)
				set = now
			}
		}
	}
}

// percentFor is how much a heap may grow by of which the collector scans so
// much.
func percentFor(scanned uint64) int {
	percent := math.Ceil(100 * garbageRoom / float64(max(scanned, 1)))
	return int(min(max(percent, leastPercent), mostPercent))
}

// scanned is what the percentage is of: the heap that the last run of the
// collector left, the stacks and the globals. Without the latter two the room
// of a small heap would be half as large again.
func scanned() (sum uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		sum += s.Value.Uint64()
	}
	return sum
}
