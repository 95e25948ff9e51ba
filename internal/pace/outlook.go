package pace

import (
	"maps"
	"slices"
	"sort"
	"time"
)

// Outlook is what a Model expects of jobs: a value that does not change while
// the Model learns on, and that any goroutine may read. The zero Outlook knows
// nothing.
type Outlook struct {
	durations []time.Duration // ascending
	within    []float64       // share of the jobs that had ended by then
}

// Outlook returns what is known now; nothing, as long as too few jobs have
// ended.
func (m *Model) Outlook() Outlook {
	if !m.Knows() {
		return Outlook{}
	}
	steps := slices.Sorted(maps.Keys(m.weights))
	o := Outlook{durations: make([]time.Duration, 0, len(steps)), within: make([]float64, 0, len(steps))}
	total, sum := 0.0, 0.0
	for _, step := range steps {
		total += m.weights[step]
	}
	for _, step := range steps {
		sum += m.weights[step]
		o.durations, o.within = append(o.durations, durationOf(step)), append(o.within, sum/total)
	}
	return o
}

// Remaining is how much longer a job of that age takes, as the middle of those
// that took longer has it. False: nothing is known of jobs so old.
func (o Outlook) Remaining(age time.Duration) (time.Duration, bool) {
	ended := o.ended(age)
	middle := ended + (1-ended)/2
	at := sort.SearchFloat64s(o.within, middle)
	if at >= len(o.durations) || o.durations[at] <= age {
		return 0, false
	}
	return o.durations[at] - age, true
}

// Late is the probability that a job of that age takes longer than a given
// time in all. False: nothing is known of jobs so old.
func (o Outlook) Late(age, than time.Duration) (float64, bool) {
	if _, known := o.Remaining(age); !known {
		return 0, false
	}
	return (1 - o.ended(max(age, than))) / (1 - o.ended(age)), true
}

// ended is the share of the jobs that took no longer.
func (o Outlook) ended(age time.Duration) float64 {
	at := sort.Search(len(o.durations), func(i int) bool { return o.durations[i] > age })
	if at == 0 {
		return 0
	}
	return o.within[at-1]
}
