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
	// Shared is how many jobs one look tells about, by the image list; 0 where
	// each look is a question for one job.
	Shared int
	// Most is the longest wait between two looks; 0: as long as it takes.
	Most time.Duration
	// Line is how long a look that is due waits for its turn.
	Line time.Duration
	// Grace is how much later than usual an end is looked for that the cloud has
	// promised, where a look that comes too early takes the turn of another.
	Grace time.Duration

	known  bool
	passed time.Duration        // of an unknown kind: many were older, and hardly any has ended before
	early  [tiers]time.Duration // hardly any job has ended before
	spared time.Duration        // so few have that it is worth the looks, where looks are spared
	late   time.Duration        // hardly any job takes longer; 0: nobody knows
	least  [tiers]time.Duration // looking more often would help hardly any job
	lag    float64              // how long after its image a job ends at least, as a share of its age then
}

// tiers are for looks at single jobs, and for how few, some, or many jobs a look tells about: the more they
// are, the less it costs each, and the fewer ends are noticed late.
const tiers = 4

// tier says how many of the ends may be late.
type tier struct {
	jobs  int     // that share a look, at least
	early float64 // share of the ends that come before anybody looks
	tardy float64 // share of the others that may be noticed after the bound
}

var tierOf = [tiers]tier{{0, 0.03, 0.015}, {1, 0.02, 0.03}, {30, 0.005, 0.02}, {300, 0.002, 0.005}}

const (
	// lateShare of the jobs have ended before the rest count as outliers.
	lateShare = 0.995
	// crowd is how many jobs of an unknown kind have to share a look before it is
	// worth to be taken as often as the bound asks.
	crowd = 25
	// unseen is the share of the ends that come before anybody looks, where each job
	// is asked for by itself and looks are spared: from there on the looks are as
	// far apart as the age allows, so that those before cost most.
	unseen = 0.05
	// witnesses are how many jobs have to have become older than that for their
	// kind to be left alone until then.
	witnesses = 50
)

// Plan makes a plan of what is known, where jobs of these ages still run; they
// matter only while the Model is Young.
func (m *Model) Plan(b Bound, alive ...time.Duration) Plan {
	p := Plan{Bound: b, known: m.Knows(), lag: m.lag.least()}
	if !p.known {
		p.passed = m.passed(alive)
		return p
	}
	believed := m.among(alive)
	for i, t := range tierOf {
		p.early[i], _ = believed.quantile(t.early)
		p.Shared = t.jobs
		p.least[i] = p.leastFor(believed, t.tardy)
	}
	p.Shared = 0
	p.spared, _ = believed.quantile(unseen)
	if late, certain := believed.quantile(lateShare); certain {
		p.late = late
	}
	return p
}

// Alone is the plan for a job that is asked for by itself, after that share of
// its age if that is more than the bound's.
func (p Plan) Alone(ratio float64) Plan {
	if p.Shared, p.passed = 0, 0; ratio > p.Bound.Ratio {
		p.Bound.Ratio, p.early[0] = ratio, p.spared
	}
	return p
}

// tier is the one that holds for so many jobs.
func (p Plan) tier() (i int) {
	for i+1 < tiers && p.Shared >= tierOf[i+1].jobs {
		i++
	}
	return i
}

// leastFor is the longest time between two looks at all jobs that notices all
// but such a share of their ends within the bound.
func (p Plan) leastFor(d dist, tardy float64) time.Duration {
	every := p.Bound.Min
	for every < p.Bound.Max && d.late(every, p.allowed) <= tardy {
		every += every / 20
	}
	return every
}

// allowed is how long after its end a job of that age has to be noticed, or
// after its image became usable, where that is what is looked at.
func (p Plan) allowed(age time.Duration) time.Duration {
	if p.Shared == 0 {
		return p.Bound.Of(age)
	}
	return p.Bound.Of(age) + time.Duration(p.lag*float64(age))
}

// Wait is how long after its last look a job of that age is looked at next.
// Jobs of a known kind are left alone until the first of them would be done,
// then looked at within the bound, to which comes the time by which the image
// shows the end before the job does; unknown ones and outliers by their age.
func (p Plan) Wait(age time.Duration) time.Duration {
	wait := p.wait(age)
	if p.Most > 0 {
		return min(wait, p.Most)
	}
	return wait
}

func (p Plan) wait(age time.Duration) time.Duration {
	due, i := p.allowed(age), p.tier()
	switch early := p.early[i]; {
	case !p.known:
		return p.blind(age, due)
	case p.late > 0 && age > 2*p.late:
		return min(max(Next(age), p.Bound.Min), p.Bound.Max)
	case age < early:
		return early + max(due, p.least[i]) - age
	default:
		return max(due, p.least[i])
	}
}

// blind is the wait of a job of which nothing is known: by its age, and the
// more often the more others a look tells about. Few of them end before their
// kind is known, so that they may be noticed a little late.
func (p Plan) blind(age, due time.Duration) time.Duration {
	wait := min(max(Next(age), p.Bound.Min), p.Bound.Max)
	if age < p.passed {
		return p.passed - age + due
	}
	if p.Shared == 0 {
		return wait
	}
	return min(wait, max(due*5/4, due*crowd/time.Duration(p.Shared)))
}
