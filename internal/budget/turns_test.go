package budget_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
)

// TestTurnsAreWhatHappens lets calls start as soon as they can, some of which
// may not before a moment: each starts when its turn said.
func TestTurnsAreWhatHappens(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 5))
		w := budget.NewWindow(budget.Limit{Count: 1 + random.IntN(6), Window: 300 * time.Second})
		for range random.IntN(8) {
			w.Restore(at(-300 * random.Float64()))
		}
		f := w.Forecast(at(0))
		turns, now := f.Turns(), at(0)
		for n := range 40 {
			earliest := now
			if random.IntN(3) == 0 {
				earliest = now.Add(time.Duration(random.IntN(200)) * time.Second)
			}
			now = w.Next(earliest)
			if !w.Take(now) {
				t.Fatalf("seed %d: call %d cannot start at %s", seed, n, now.Sub(at(0)))
			}
			w.Answered(now)
			if got := turns.Take(earliest); !got.Equal(now) {
				t.Errorf("seed %d: call %d starts after %s, its turn comes after %s", seed, n, now.Sub(at(0)), got.Sub(at(0)))
			}
		}
	}
	free := budget.NewWindow(budget.Limit{}).Forecast(at(0)).Turns()
	if at0, at9 := free.Take(at(0)), free.Take(at(9)); !at0.Equal(at(0)) || !at9.Equal(at(9)) {
		t.Errorf("waits without a limit: %s, %s", at0, at9)
	}
}
