package shard

import (
	"cmp"
	"math"
	"slices"
)

// view is who is there and who works what at one moment, as far as plans are
// concerned. Replicas with the same view make the same plan.
type view struct {
	members []string // who may be given shards, in an order that all share
	owners  []string // by shard: a member, somebody else, or "" for nobody
	weights []int    // by shard: what it is to its owner
}

// idleWeight is what a shard weighs without a request, counted in requests: so
// that idle shards are spread too, and a few requests more or less move none.
const idleWeight = 16

// What a plan must be worth, as shares of a member's mean load. Loads of
// running replicas change all the time.
const (
	tolerance = 0.05 // two loads that differ less are the same
	worth     = 0.05 // how much smaller the standard deviation must become
)

// move is a shard that is to change hands.
type move struct {
	shard    int
	from, to string
}

// loads adds up what each member works.
func (v view) loads() map[string]int {
	loads := make(map[string]int, len(v.members))
	for _, m := range v.members {
		loads[m] = 0
	}
	for shard, owner := range v.owners {
		if _, member := loads[owner]; member {
			loads[owner] += v.weights[shard]
		}
	}
	return loads
}

// lightest is the member with the least load, the first of several.
func (v view) lightest(loads map[string]int) string {
	return slices.MinFunc(v.members, func(a, b string) int { return cmp.Compare(loads[a], loads[b]) })
}

// spread gives every shard without an owner to whoever has room, the heaviest
// first.
func (v view) spread() view {
	v.owners = slices.Clone(v.owners)
	if len(v.members) == 0 {
		return v
	}
	var free []int
	for shard, owner := range v.owners {
		if owner == "" {
			free = append(free, shard)
		}
	}
	slices.SortStableFunc(free, func(a, b int) int { return cmp.Compare(v.weights[b], v.weights[a]) })
	loads := v.loads()
	for _, shard := range free {
		heir := v.lightest(loads)
		v.owners[shard] = heir
		loads[heir] += v.weights[shard]
	}
	return v
}

// moves lists what should change hands for even loads; nothing where that is
// not worth the disturbance.
func (v view) moves() []move {
	before := v.owners
	v.owners = slices.Clone(v.owners)
	loads := v.loads()
	mean, uneven := spreadOf(loads)
	for shard, to := v.best(loads, mean); to != ""; shard, to = v.best(loads, mean) {
		loads[v.owners[shard]] -= v.weights[shard]
		loads[to] += v.weights[shard]
		v.owners[shard] = to
	}
	if _, even := spreadOf(loads); uneven-even <= worth*mean {
		return nil
	}
	var moves []move
	for shard, from := range before {
		if to := v.owners[shard]; to != from {
			moves = append(moves, move{shard: shard, from: from, to: to})
		}
	}
	return moves
}

// best is the one move that evens the loads most, the lighter shard of two
// that do as much; to is empty where none does.
func (v view) best(loads map[string]int, mean float64) (best int, to string) {
	if len(v.members) == 0 {
		return 0, ""
	}
	light, most := v.lightest(loads), 0
	for shard, owner := range v.owners {
		load, member := loads[owner]
		gap, weight := load-loads[light], v.weights[shard]
		if !member || float64(gap) <= tolerance*mean {
			continue
		}
		gain := weight * (gap - weight)
		if 2*weight > gap {
			gain /= 2 // two lighter ones rather than the heavy one, which takes long to load
		}
		if gain > most || gain == most && to != "" && weight < v.weights[best] {
			best, to, most = shard, light, gain
		}
	}
	return best, to
}

// spreadOf returns mean and standard deviation.
func spreadOf(loads map[string]int) (mean, deviation float64) {
	if len(loads) == 0 {
		return 0, 0
	}
	n, squares := float64(len(loads)), 0.0
	for _, load := range loads {
		mean += float64(load) / n
	}
	for _, load := range loads {
		squares += (float64(load) - mean) * (float64(load) - mean) / n
	}
	return mean, math.Sqrt(squares)
}
