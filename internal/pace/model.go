package pace

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"time"
)

const (
	// grain is the ratio between two neighbouring durations that a Model tells
	// apart.
	grain = 1.05
	// fade is what the weight of a job is multiplied by with each that ends
	// after it: some two hundred jobs count.
	fade = 0.995
	// enough is the weight from which a Model is believed.
	enough = 8
	// grown is the weight from which it does not matter how long those take that
	// still run.
	grown = 60
	// shortest and longest bound what a Model remembers.
	shortest, longest = time.Second, 7 * 24 * time.Hour
)

// Model knows how long jobs of one kind take, by those that have ended. The
// zero Model knows nothing. It is not safe for concurrent use.
type Model struct {
	weights map[int]float64 // by step of a geometric scale
	total   float64
	lag     lag
}

// Clone is a copy that goes on by itself.
func (m *Model) Clone() *Model {
	c := *m
	c.weights = maps.Clone(m.weights)
	return &c
}

// Learn takes note of a job that took d.
func (m *Model) Learn(d time.Duration) {
	if m.weights == nil {
		m.weights = map[int]float64{}
	}
	m.total = m.total*fade + 1
	for step, w := range m.weights {
		if w *= fade; w < 0.01 {
			m.total -= w
			delete(m.weights, step)
		} else {
			m.weights[step] = w
		}
	}
	m.weights[stepOf(d)]++
}

// Young reports whether so few jobs have ended that those which still run
// change what is believed of them; see Plan.
func (m *Model) Young() bool { return m.total < grown }

// Knows reports whether enough jobs have ended for the rest to mean anything.
func (m *Model) Knows() bool { return m.total >= enough }

// Quantile is the duration within which that share of the jobs has ended, 0
// where nothing is known.
func (m *Model) Quantile(share float64) time.Duration {
	left := share * m.total
	last := 0
	for step := stepOf(shortest); step <= stepOf(longest); step++ {
		w, some := m.weights[step]
		if !some {
			continue
		}
		if left -= w; left <= 0 {
			return durationOf(step)
		}
		last = step
	}
	if last == 0 {
		return 0
	}
	return durationOf(last)
}

func stepOf(d time.Duration) int {
	d = min(max(d, shortest), longest)
	return int(math.Round(math.Log(d.Seconds()) / math.Log(grain)))
}

func durationOf(step int) time.Duration {
	return time.Duration(math.Pow(grain, float64(step)) * float64(time.Second))
}

// version of what is stored.
const version = 1

// wire is a Model as it is stored.
type wire struct {
	Version int             `json:"v"`
	Weights map[int]float64 `json:"weights"`
	Lag     float64         `json:"lag"`
	LagOff  float64         `json:"lag_off,omitempty"`
	LagSeen float64         `json:"lag_seen,omitempty"`
}

// MarshalJSON writes what the Model knows.
func (m *Model) MarshalJSON() ([]byte, error) {
	w := wire{Version: version, Weights: make(map[int]float64, len(m.weights)), Lag: rounded(m.lag.share), LagOff: rounded(m.lag.off), LagSeen: m.lag.seen}
	for step, weight := range m.weights {
		w.Weights[step] = rounded(weight)
	}
	return json.Marshal(w)
}

// rounded is a number in few digits.
func rounded(x float64) float64 { return math.Round(x*1e4) / 1e4 }

// ErrNewer says that a Model was stored by a later version.
var ErrNewer = errors.New("of a later version")

// UnmarshalJSON reads what another Model has learned. What makes no sense is
// an error and changes nothing; ErrNewer where it makes sense to others.
func (m *Model) UnmarshalJSON(data []byte) error {
	var head struct {
		Version int `json:"v"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("read learned durations: %w", err)
	}
	if head.Version > version {
		return fmt.Errorf("read learned durations: version %d: %w", head.Version, ErrNewer)
	}
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("read learned durations: %w", err)
	}
	l := lag{share: w.Lag, off: w.LagOff, seen: w.LagSeen}
	if w.Version != version || !l.sound() {
		return fmt.Errorf("read learned durations: version %d with lag %+v makes no sense", w.Version, l)
	}
	total := 0.0
	for step, weight := range w.Weights {
		if weight < 0 || weight > 1/(1-fade) || step < stepOf(shortest) || step > stepOf(longest) {
			return fmt.Errorf("read learned durations: weight %g of step %d", weight, step)
		}
		total += weight
	}
	m.weights, m.total, m.lag = w.Weights, total, l
	return nil
}
