package pace

import "time"

// Bound says how late the end of a job may be noticed: a share of its
// duration, no less than Min and no more than Max.
type Bound struct {
	Ratio    float64
	Min, Max time.Duration
}

// Of is the bound for a job that takes d.
func (b Bound) Of(d time.Duration) time.Duration {
	return min(max(time.Duration(b.Ratio*float64(d)), b.Min), b.Max)
}

// Plan says when a job of one kind is worth a look. It is a value: what it was
// made from may go on learning.
type Plan struct {
	Bound Bound
	known bool
	early time.Duration // hardly any job has ended before
	late  time.Duration // hardly any job takes longer
	least time.Duration // looking more often would help hardly any job
	lag   float64       // how long after its image a job ends, as a share of its age
}

const (
	// earlyShare of the jobs have ended before anybody looks, lateShare of them
	// before they count as outliers.
	earlyShare, lateShare = 0.02, 0.995
	// tardy is the share of the ends that may be noticed after the bound: it is
	// the bound of the others that the looks are paid for.
	tardy = 0.03
)

// Plan makes a plan of what is known.
func (m *Model) Plan(b Bound) Plan {
	if !m.Knows() {
		return Plan{Bound: b}
	}
	return Plan{Bound: b, known: true, early: m.Quantile(earlyShare), late: m.Quantile(lateShare), least: m.least(b), lag: m.lag}
}

// least is the longest time between two looks at all jobs that notices all but
// a few of their ends within the bound.
func (m *Model) least(b Bound) time.Duration {
	for every := b.Min; ; every += every / 20 {
		missed := 0.0
		for step, w := range m.weights {
			d := durationOf(step)
			missed += w * max(0, 1-float64(b.Of(d)+m.Lag(d))/float64(every))
		}
		if missed > tardy*m.total || every >= b.Max {
			return every
		}
	}
}

// Wait is how long after its last look a job of that age is looked at next.
// Jobs of a known kind are left alone until the first of them would be done,
// then looked at within the bound, to which comes the time by which the image
// shows the end before the job does; unknown ones and outliers by their age.
func (p Plan) Wait(age time.Duration) time.Duration {
	switch due := max(p.Bound.Of(age)+time.Duration(p.lag*float64(age)), p.least); {
	case !p.known, age > p.late:
		return min(max(Next(age), p.Bound.Min), p.Bound.Max)
	case age < p.early:
		return p.early + due - age
	default:
		return due
	}
}
