package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/pace"
)

// TestEndByTheCloudsShare follows a job that takes twice as long as most: the
// percentage that the cloud tells shows when it ends, before the next answer
// too. One that sticks promises an end once, and after that the end is expected
// as without.
func TestEndByTheCloudsShare(t *testing.T) {
	t.Parallel()
	const whole = 20 * time.Minute
	ages := []time.Duration{8 * time.Minute, 12 * time.Minute, 16 * time.Minute}
	rest := func(t *testing.T, told func(age time.Duration) string) (left map[time.Duration]time.Duration) {
		left = map[time.Duration]time.Duration{}
		run(t, func(w *world) {
			w.durations.known = map[string]*pace.Model{"demo copy-image": known(whole / 2)}
			w.cloud.job = func(int) reply {
				if age := time.Since(w.cloud.creates[0]); age < whole {
					return jobIs("RUNNING", fmt.Sprintf(`{%s}`, told(age)))
				}
				return succeeded(0)
			}
			w.start()
			key := w.request("a", nil)
			for begun := time.Now(); len(left) < len(ages); {
				age := ages[len(left)]
				time.Sleep(time.Until(begun.Add(age)))
				p := w.prospect(key)
				if p.End == nil {
					t.Fatalf("nothing is expected at %s", age)
				}
				left[age] = time.Until(*p.End)
			}
			w.expect(key, "accepted submitted succeeded")
		})
		return left
	}
	silent := rest(t, func(time.Duration) string { return "" })
	truth := rest(t, func(age time.Duration) string {
		return fmt.Sprintf(`"process_percent":%.2f`, float64(age)/float64(whole))
	})
	stuck := rest(t, func(age time.Duration) string {
		return fmt.Sprintf(`"process_percent":%.2f`, min(0.99, age.Minutes()/8))
	})
	for age, without := range silent {
		if left := whole - age; (truth[age]-left).Abs() > left/5 || (without-left).Abs() < 2*(truth[age]-left).Abs() {
			t.Errorf("at %s: %s left, %s by the cloud's share, %s without", age, left, truth[age], without)
		}
		if stuck[age] != without {
			t.Errorf("at %s: %s left by a share that sticks, %s without", age, stuck[age], without)
		}
	}
}
