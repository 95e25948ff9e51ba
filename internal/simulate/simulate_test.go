package simulate

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/handlers"
)

// few is how many seeds are tried where SEEDS does not say.
const few = 10

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // many small worlds, each soon forgotten
	os.Exit(m.Run())
}

// number reads a variable that holds a whole number; 0 where it is not set.
func number(t *testing.T, name string) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q; it must be a whole number from 1", name, text)
	}
	return n
}

// TestSimulate lets the plans of the seeds 1 to SEEDS happen, or that of SEED
// alone, which it tells in full.
func TestSimulate(t *testing.T) {
	if seed := number(t, "SEED"); seed > 0 {
		one(t, uint64(seed))
		return
	}
	seeds := number(t, "SEEDS")
	if seeds == 0 {
		seeds = few
	}
	all := &sum{}
	t.Run("seeds", func(t *testing.T) {
		for seed := range seeds {
			t.Run(strconv.Itoa(seed+1), func(t *testing.T) {
				t.Parallel()
				p := newPlan(uint64(seed + 1))
				r := simulate(t, p)
				all.add(p.seed, r)
				if len(r.violations) > 0 {
					t.Errorf("%s: %s", r.violations[0].rule, r.violations[0].text)
					explain(t, p, r, all.violated())
				}
			})
		}
	})
	all.write(os.Stdout)
}

// explain tells of the first few seeds how they break; shrinking takes time.
func explain(t *testing.T, p plan, r report, nth int) {
	t.Helper()
	if nth <= 3 {
		smaller, last := shrink(t, p, r, r.violations[0].rule, 150)
		tell(os.Stdout, smaller, last, len(p.items))
	}
}

// one tells all about a single seed.
func one(t *testing.T, seed uint64) {
	t.Helper()
	p := newPlan(seed)
	r, is := broken(t, p, "")
	if is {
		t.Errorf("%s: %s", r.violations[0].rule, r.violations[0].text)
		smaller, last := shrink(t, p, r, r.violations[0].rule, 150)
		tell(os.Stdout, smaller, last, len(p.items))
		return
	}
	fmt.Println(strings.Join(r.history, "\n"))
	all := &sum{}
	all.add(seed, r)
	all.write(os.Stdout)
}

// TestEveryOperationTakesPart fails where an operation is not simulated.
func TestEveryOperationTakesPart(t *testing.T) {
	t.Parallel()
	for _, name := range handlers.Names() {
		if _, known := works[name]; !known {
			t.Errorf("the operation %s takes no part in the simulation: give it a row in works (internal/simulate/work.go), with a function that makes valid data for it", name)
		}
	}
	for name := range works {
		if _, known := handlers.Lookup(name); !known {
			t.Errorf("works has the operation %s, which there is not", name)
		}
	}
}

// TestSeedDecides has one seed make the same plan each time.
func TestSeedDecides(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		if a, b := fmt.Sprint(newPlan(seed).items), fmt.Sprint(newPlan(seed).items); a != b {
			t.Errorf("seed %d makes two plans:\n%s\n%s", seed, a, b)
		}
	}
}
