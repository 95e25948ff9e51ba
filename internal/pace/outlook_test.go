package pace_test

import (
	"math"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/pace"
)

func TestOutlook(t *testing.T) {
	t.Parallel()
	m := taught(2000, 3*time.Minute, 0.6)
	o := m.Outlook()
	for range 400 {
		m.Learn(time.Hour) // what comes later changes no outlook
	}
	left, known := o.Remaining(0)
	if !known {
		t.Fatal("knows nothing")
	}
	near(t, "a new job's rest", left, 3*time.Minute, 0.15)
	later, _ := o.Remaining(5 * time.Minute)
	if later < 30*time.Second || later > 4*time.Minute {
		t.Errorf("a job of five minutes has %s left", later)
	}
	for _, c := range []struct {
		age, than time.Duration
		want      float64
	}{
		{0, 3 * time.Minute, 0.5},
		{0, time.Second, 1},
		{0, time.Hour, 0},
		{3 * time.Minute, 3 * time.Minute, 1},
		{4 * time.Minute, 8 * time.Minute, 0.16}, // 0.051 of all by 0.316 of all
	} {
		got, known := o.Late(c.age, c.than)
		if !known || math.Abs(got-c.want) > 0.07 {
			t.Errorf("a job of %s takes longer than %s with %.2f, want %.2f", c.age, c.than, got, c.want)
		}
	}
}

func TestOutlookOfNothing(t *testing.T) {
	t.Parallel()
	few := taught(3, time.Minute, 0.1)
	for name, o := range map[string]pace.Outlook{"zero": {}, "few": few.Outlook()} {
		if _, known := o.Remaining(time.Second); known {
			t.Errorf("%s: knows how long it takes", name)
		}
		if _, known := o.Late(time.Second, time.Minute); known {
			t.Errorf("%s: knows what is late", name)
		}
	}
	o := taught(100, time.Minute, 0.1).Outlook()
	if _, known := o.Remaining(time.Hour); known {
		t.Error("knows how long a job takes that is older than all")
	}
}
