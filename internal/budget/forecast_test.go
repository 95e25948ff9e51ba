package budget_test

import (
	"math"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
)

// TestForecastIsWhatHappens lets calls start as soon as they can, with answers
// that come at once: each starts when the forecast of the beginning said.
func TestForecastIsWhatHappens(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(w *budget.Window){
		"empty":   func(*budget.Window) {},
		"used":    func(w *budget.Window) { w.Restore(at(-200)); w.Restore(at(-100)); w.Restore(at(-10)) },
		"refused": func(w *budget.Window) { w.Restore(at(-200)); w.Refused(at(-1), at(0), after(400)) },
		"lowered": func(w *budget.Window) {
			for i := range 5 {
				w.Restore(at(-100 + float64(i)))
			}
			w.Resize(budget.Limit{Count: 3, Window: 300 * time.Second})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := budget.NewWindow(budget.Limit{Count: 5, Window: 300 * time.Second})
			prepare(w)
			f := w.Forecast(at(0))
			now := at(0)
			calls := 23
			if name == "refused" {
				calls = 6 // then the window tries how much the cloud takes
			}
			for ahead := range calls {
				now = w.Next(now)
				if !w.Take(now) {
					t.Fatalf("call %d cannot start at %s", ahead, now.Sub(at(0)))
				}
				w.Answered(now)
				if got := f.Start(ahead); !got.Equal(now) {
					t.Errorf("call %d: expected after %s, starts after %s", ahead, got.Sub(at(0)), now.Sub(at(0)))
				}
			}
		})
	}
}

// TestForecastOfLargeLimits fails for want of memory where each slot that is
// free costs some.
func TestForecastOfLargeLimits(t *testing.T) {
	t.Parallel()
	const count = math.MaxInt
	w := budget.NewWindow(budget.Limit{Count: count, Window: 300 * time.Second})
	w.Restore(at(-100))
	f := w.Forecast(at(0))
	for ahead, want := range map[int]time.Time{0: at(0), 1_000_000: at(0), count - 2: at(0), count - 1: at(200)} {
		if got := f.Start(ahead); !got.Equal(want) {
			t.Errorf("call %d starts after %s, want %s", ahead, got.Sub(at(0)), want.Sub(at(0)))
		}
	}
}

func TestForecastWithoutLimit(t *testing.T) {
	t.Parallel()
	w := budget.NewWindow(budget.Limit{})
	if got := w.Forecast(at(0)).Start(1000); !got.Equal(at(0)) {
		t.Errorf("starts after %s", got.Sub(at(0)))
	}
	w.Refused(at(-1), at(0), after(60))
	if got := w.Forecast(at(0)).Start(1000); !got.Equal(at(60)) {
		t.Errorf("starts after %s", got.Sub(at(0)))
	}
}
