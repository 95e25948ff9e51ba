package pace_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/pace"
)

// taught is a Model that has seen n jobs around the median.
func taught(n int, median time.Duration, sigma float64) *pace.Model {
	random := rand.New(rand.NewPCG(1, 2))
	m := &pace.Model{}
	for range n {
		m.Learn(time.Duration(float64(median) * math.Exp(sigma*random.NormFloat64())))
	}
	return m
}

func near(t *testing.T, what string, got, want time.Duration, share float64) {
	t.Helper()
	if math.Abs(float64(got-want)) > share*float64(want) {
		t.Errorf("%s is %s, want about %s", what, got, want)
	}
}

func TestModelQuantiles(t *testing.T) {
	t.Parallel()
	m := taught(1000, 3*time.Minute, 0.6)
	near(t, "median", m.Quantile(0.5), 3*time.Minute, 0.15)
	near(t, "5 %", m.Quantile(0.05), 67*time.Second, 0.25)
	near(t, "95 %", m.Quantile(0.95), 483*time.Second, 0.25)
}

// TestModelIsCopied: the copy goes on by itself.
func TestModelIsCopied(t *testing.T) {
	t.Parallel()
	m := taught(1000, 3*time.Minute, 0.6)
	copied := m.Clone()
	copied.Learn(time.Hour)
	if m.Quantile(1) > 50*time.Minute {
		t.Error("a copy has taught the original")
	}
}

// TestModelFollows: jobs that take longer from now on are soon believed.
func TestModelFollows(t *testing.T) {
	t.Parallel()
	m := taught(1000, time.Minute, 0.1)
	for range 300 {
		m.Learn(10 * time.Minute)
	}
	near(t, "median", m.Quantile(0.5), 10*time.Minute, 0.05)
}

func TestModelKnowsNothing(t *testing.T) {
	t.Parallel()
	m := &pace.Model{}
	if m.Knows() || m.Quantile(0.5) != 0 || m.Lag(time.Minute, time.Second) != 0 {
		t.Error("knows something of nothing")
	}
	if m = taught(7, time.Minute, 0.1); m.Knows() {
		t.Error("believes seven jobs")
	}
	if m = taught(10, time.Minute, 0.1); !m.Knows() {
		t.Error("does not believe ten jobs")
	}
}

func TestModelLag(t *testing.T) {
	t.Parallel()
	m := &pace.Model{}
	for range 50 {
		m.Lagged(2500*time.Millisecond, 100*time.Second) // by an image's time of half a second too early
	}
	near(t, "lag", m.Lag(98*time.Second, 0), 2*time.Second, 0.05)
	near(t, "with a margin", m.Lag(196*time.Second, 4*time.Minute), 5*time.Second, 0.05)
	m.Lagged(-time.Second, time.Second)
	m.Lagged(time.Second, 0)
	if m.Lag(time.Hour, 0) < 0 {
		t.Error("a job ends before its image")
	}
}

// TestModelLagOfAnOddJob: one that went on for long after its image was usable
// has no other wait for much more than the bound.
func TestModelLagOfAnOddJob(t *testing.T) {
	t.Parallel()
	bound := pace.Bound{Ratio: 0.03, Min: 2 * time.Second, Max: time.Minute}
	for usual := range 9 {
		m := &pace.Model{}
		for range usual {
			m.Lagged(10*time.Second, 10*time.Minute+10*time.Second)
		}
		m.Lagged(40*time.Minute, 50*time.Minute)
		const age = 10 * time.Minute
		if wait, most := m.Lag(age, bound.Of(age)), 10*time.Second+2*bound.Of(age); wait > most {
			t.Errorf("after %d usual jobs and an odd one, a job is asked for %v after its image, want %v at most", usual, wait, most)
		}
	}
}

func TestModelIsStored(t *testing.T) {
	t.Parallel()
	m := taught(100, time.Minute, 0.5)
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var other pace.Model
	if err := json.Unmarshal(data, &other); err != nil || other.Quantile(0.5) != m.Quantile(0.5) || !other.Knows() {
		t.Errorf("read back as %s, %v", other.Quantile(0.5), err)
	}
	if len(data) > 4096 {
		t.Errorf("%d bytes", len(data))
	}
	if err := json.Unmarshal([]byte(`{"v":2,"weights":[1]}`), &other); !errors.Is(err, pace.ErrNewer) {
		t.Errorf("of a later version: %v", err)
	}
	for _, bad := range []string{`{`, `{"v":0}`, `{"v":1,"weights":[]}`, `{"v":1,"lag":-1}`, `{"v":1,"weights":{"9999":1}}`, `{"v":1,"weights":{"0":-1}}`} {
		before := other.Quantile(0.5)
		if err := json.Unmarshal([]byte(bad), &other); err == nil || other.Quantile(0.5) != before {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
