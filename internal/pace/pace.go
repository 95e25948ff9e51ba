// Package pace decides when a job is asked for next. It is arithmetic over
// time: it calls nobody and keeps nothing.
package pace

import (
	"math/rand/v2"
	"time"
)

// step is the wait between two queries of a job up to some age.
type step struct {
	until time.Duration // age of the job
	wait  time.Duration
}

// slow fits operations that take minutes to hours: the first answers come
// soon, an old job is asked once a minute (ims-api.md 3.7).
var slow = []step{
	{until: 5 * time.Second, wait: 5 * time.Second},
	{until: 15 * time.Second, wait: 10 * time.Second},
	{until: 30 * time.Second, wait: 15 * time.Second},
	{until: 15 * time.Minute, wait: 30 * time.Second},
}

const (
	oldest = time.Minute // wait for a job older than every step
	jitter = 0.2         // share by which a wait is made shorter or longer
)

// Next returns how long to wait before a job of that age is asked for again,
// spread by a fifth so that jobs started together are not asked together.
func Next(age time.Duration) time.Duration {
	return spread(base(age))
}

func base(age time.Duration) time.Duration {
	for _, s := range slow {
		if age < s.until {
			return s.wait
		}
	}
	return oldest
}

// spread returns d made shorter or longer by up to a fifth.
func spread(d time.Duration) time.Duration {
	return d + time.Duration((2*rand.Float64()-1)*jitter*float64(d))
}

// Backoff returns the wait after the n-th refusal in a row (n from 1): it
// doubles from first up to most, with the same spread.
func Backoff(n int, first, most time.Duration) time.Duration {
	d := first
	for i := 1; i < n && d < most; i++ {
		d *= 2
	}
	return spread(min(d, most))
}
