package simulate

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// draws gives delays that depend on the seed, on what is delayed and on how
// often it was delayed before, but not on who came first: two runs of a seed
// differ as little as possible.
type draws struct {
	seed uint64
	mu   sync.Mutex
	used map[string]uint64
}

func newDraws(seed uint64) *draws { return &draws{seed: seed, used: map[string]uint64{}} }

// delay is between least and most.
func (d *draws) delay(what string, least, most time.Duration) time.Duration {
	d.mu.Lock()
	d.used[what]++
	n := d.used[what]
	d.mu.Unlock()
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(what))
	return least + time.Duration(rand.New(rand.NewPCG(d.seed^sum.Sum64(), n)).Float64()*float64(most-least))
}
