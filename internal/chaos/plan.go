package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// deed is one thing that goes wrong, and for how long.
type deed struct {
	at     time.Duration // after the beginning
	kind   string
	target int
	lasts  time.Duration
}

// Kinds of deeds.
const (
	killWorker  = "kill worker"
	pauseWorker = "pause worker"
	cutBroker   = "cut off from the broker worker"
	cutCloud    = "cut off from the cloud worker"
	killNode    = "kill node"
	isolateNode = "isolate node"
)

// String is how the deed is told while it happens.
func (d deed) String() string {
	return fmt.Sprintf("%s %d for %s", d.kind, d.target+1, d.lasts.Round(100*time.Millisecond))
}

// planned is how long a plan lasts; no run is that long.
const planned = 6 * time.Hour

// plan is everything that goes wrong, in order. It depends on the settings
// alone.
func (s settings) plan() []deed {
	lease := s.lease
	deeds := slices.Concat(
		s.every(chanceKills, 2*lease, 3*lease, s.workers, func(r *rand.Rand) (string, time.Duration) {
			if r.IntN(2) == 0 {
				return killWorker, 0 // it comes back at once and takes its shards under its own name
			}
			return killWorker, between(r, lease/4, 2*lease)
		}),
		s.every(chancePauses, 3*lease, 4*lease, s.workers, func(r *rand.Rand) (string, time.Duration) {
			return pauseWorker, between(r, lease/4, 5*lease/2)
		}),
		s.every(chanceCuts, lease, 5*lease/2, s.workers, func(r *rand.Rand) (string, time.Duration) {
			if r.IntN(2) == 0 {
				return cutCloud, between(r, time.Second, lease)
			}
			return cutBroker, between(r, time.Second, 3*lease/2)
		}),
		s.nodeDeeds(),
	)
	slices.SortStableFunc(deeds, func(a, b deed) int { return cmp.Compare(a.at, b.at) })
	return deeds
}

// nodeDeeds never takes two nodes at a time: between a node's return and the
// next one's end there is time to catch up. What the loss of all means shows a
// single broker.
func (s settings) nodeDeeds() []deed {
	if s.brokers == 1 {
		return s.every(chanceNodes, s.nodes/2, s.nodes, 1, func(r *rand.Rand) (string, time.Duration) {
			return killNode, between(r, 0, s.nodes/20)
		})
	}
	kills := s.every(chanceNodes, s.nodes/4, s.nodes, s.brokers, func(r *rand.Rand) (string, time.Duration) {
		return killNode, between(r, 0, s.nodes/6)
	})
	isolations := s.every(chanceNodes, 3*s.nodes/4, s.nodes, s.brokers, func(r *rand.Rand) (string, time.Duration) {
		return isolateNode, between(r, s.nodes/60, s.nodes/4)
	})
	return append(kills, isolations...)
}

// every repeats a kind of deed.
func (s settings) every(purpose uint64, first, step time.Duration, targets int, what func(*rand.Rand) (string, time.Duration)) []deed {
	var deeds []deed
	random := s.random(purpose)
	for at := first; at < planned; at += step {
		kind, lasts := what(random)
		deeds = append(deeds, deed{at: at, kind: kind, target: random.IntN(targets), lasts: lasts})
	}
	return deeds
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)+1))
}
