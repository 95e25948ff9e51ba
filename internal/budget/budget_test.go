package budget_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

// after is a wait of so many seconds, however often the cloud has refused.
func after(seconds float64) func(int) time.Duration {
	return func(int) time.Duration { return at(seconds).Sub(start) }
}

func TestWindowSlotReturnsOneWindowAfterTheAnswer(t *testing.T) {
	t.Parallel()
	w := budget.NewWindow(budget.Limit{Count: 2, Window: 60 * time.Second})
	for i := range 2 {
		if !w.Take(at(0)) {
			t.Fatalf("slot %d not given", i)
		}
	}
	if w.Take(at(1)) {
		t.Fatal("third slot given while two calls run")
	}
	w.Answered(at(10))
	if got, want := w.Next(at(20)), at(70); !got.Equal(want) {
		t.Errorf("next slot at %v, want %v", got, want)
	}
	if w.Take(at(69)) {
		t.Error("slot returned before one window had passed since the answer")
	}
	if !w.Take(at(70)) {
		t.Error("slot not returned one window after the answer")
	}
}

func TestWindowCancelGivesBackAtOnce(t *testing.T) {
	t.Parallel()
	w := budget.NewWindow(budget.Limit{Count: 1, Window: time.Minute})
	w.Take(at(0))
	w.Cancel()
	if !w.Take(at(0)) {
		t.Error("slot of a call that was never sent is not free")
	}
}

func TestWindowWithoutLimit(t *testing.T) {
	t.Parallel()
	w := budget.NewWindow(budget.Limit{})
	for range 1000 {
		if !w.Take(at(0)) {
			t.Fatal("refused without a limit")
		}
		w.Answered(at(0))
	}
	w.Take(at(0))
	w.Throttled(at(0), at(0), after(5))
	if w.Take(at(4)) || !w.Take(at(5)) {
		t.Error("a closed window without a limit opens at the time it was closed until")
	}
}

// TestWindowNeverExceedsTheLimit lets calls start as soon as a slot is free
// and take a random time; the cloud may count a call anywhere between its
// start and its answer. No window of the cloud's may hold more than the limit.
func TestWindowNeverExceedsTheLimit(t *testing.T) {
	t.Parallel()
	const limit, window = 5, 60.0
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		w := budget.NewWindow(budget.Limit{Count: limit, Window: window * time.Second})
		var counted, answers []float64
		for now := 0.0; now < 3000; now += rnd.Float64() * 4 {
			for len(answers) > 0 && answers[0] <= now {
				w.Answered(at(answers[0]))
				answers = answers[1:]
			}
			if w.Take(at(now)) {
				took := rnd.Float64() * 30
				answers = append(answers, now+took)
				slices.Sort(answers)
				counted = append(counted, now+rnd.Float64()*took)
			}
		}
		slices.Sort(counted)
		for i := limit; i < len(counted); i++ {
			if counted[i]-counted[i-limit] < window {
				t.Fatalf("seed %d: %d calls within %.1f s", seed, limit+1, counted[i]-counted[i-limit])
			}
		}
		if len(counted) < 100 {
			t.Fatalf("seed %d: only %d calls in 3000 s", seed, len(counted))
		}
	}
}

func TestWindowRestore(t *testing.T) {
	t.Parallel()
	w := budget.NewWindow(budget.Limit{Count: 2, Window: time.Minute})
	w.Restore(at(0))
	w.Restore(at(-30))
	if got, want := w.Next(at(1)), at(30); !got.Equal(want) {
		t.Errorf("next slot at %v, want %v", got, want)
	}
	if got := w.Used(at(45)); got != 1 {
		t.Errorf("used %d, want 1", got)
	}
}

func TestPaced(t *testing.T) {
	t.Parallel()
	p := budget.NewPaced(budget.Limit{Count: 1400, Window: time.Minute}, at(0))
	if p.Take(at(0)) {
		t.Error("a new bucket is not empty")
	}
	taken := 0
	for s := 0.0; s < 60; s += 0.001 {
		if p.Take(at(s)) {
			taken++
		}
	}
	if taken < 1250 || taken > 1260 {
		t.Errorf("%d queries in a minute, want nine tenths of 1400", taken)
	}
	if next := p.Next(at(60)); next.Before(at(60)) || next.After(at(60.1)) {
		t.Errorf("next at %v", next)
	}
	for next, i := at(61), 0; i < 10000; i++ {
		if next = p.Next(next); !p.Take(next) {
			t.Fatalf("no token at %v, when there was to be one", next)
		}
	}
	saved := 0
	for p.Take(at(1000)) {
		saved++
	}
	if saved != 70 {
		t.Errorf("burst of %d, want a twentieth of 1400", saved)
	}
	p.Throttled(at(1000), after(100))
	if p.Take(at(1099)) || !p.Take(at(1101)) {
		t.Error("a closed bucket opens at the time it was closed until")
	}
}

// TestPacedReserve lets those who ask wait for their tokens in a row, at the
// bucket's rate.
func TestPacedReserve(t *testing.T) {
	t.Parallel()
	p := budget.NewPaced(budget.Limit{Count: 10, Window: 9 * time.Second}, at(0)) // a token each second
	for i := range 5 {
		got, taken := p.Reserve(at(0), at(100))
		if want := float64(i + 1); !taken || got.Before(at(want)) || got.After(at(want+0.001)) {
			t.Errorf("token %d at %v, %t", i, got.Sub(at(0)), taken)
		}
	}
	if got, taken := p.Reserve(at(0), at(3)); taken || got.Before(at(6)) {
		t.Errorf("a token at %v, after the last moment", got.Sub(at(0)))
	}
	if p.Take(at(5.5)) {
		t.Error("a token that is reserved was taken")
	}
	if got, taken := p.Reserve(at(5.5), at(100)); !taken || got.After(at(6.001)) {
		t.Errorf("what was not taken is not there: %v", got.Sub(at(0)))
	}
	p.Throttled(at(30), after(30))
	if got, taken := p.Reserve(at(30), at(100)); taken || got.Before(at(60)) || got.After(at(62.1)) {
		t.Errorf("a closed bucket gives %v, %t", got.Sub(at(0)), taken)
	}
	later := budget.NewPaced(budget.Limit{Count: 10, Window: 9 * time.Second}, at(0))
	for range 5 {
		later.Reserve(at(0), at(100))
	}
	for s, want := range []int{0, 1, 2, 3, 4, 5} { // one each second
		if got := later.Used(at(float64(s) + 0.01)); got != want {
			t.Errorf("%d used after %d seconds, want %d", got, s, want)
		}
	}
	free := budget.NewPaced(budget.Limit{}, at(0))
	for range 100 {
		if got, taken := free.Reserve(at(0), at(0)); !taken || !got.Equal(at(0)) {
			t.Fatal("waits without a limit")
		}
	}
}
