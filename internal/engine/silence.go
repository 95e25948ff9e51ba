package engine

import (
	"time"

	"github.com/imsworker/imsworker/internal/ims"
)

// Road is how the way to one cloud is.
type Road struct {
	Cloud   string
	Refused bool          // the cloud refuses the credentials
	Silent  time.Duration // since when a question about jobs is due and none was answered
}

// road is that of the account now.
func (a *account) road(now time.Time) Road {
	r := Road{Cloud: a.name, Refused: a.pause.times > 0}
	if !a.unheard.IsZero() {
		r.Silent = max(0, now.Sub(a.unheard))
	}
	return r
}

// follows reports whether a step asks what became of slow work.
func (s step) follows() bool { return s == pollStep || s == sweepStep }

// due notes that a question about jobs is to be asked, unless another one waits
// for its answer already.
func (a *account) due(t task) {
	if t.step.follows() && a.unheard.IsZero() {
		a.unheard = time.Now()
	}
}

// spoke notes an answer to a question about jobs: what else is due begins to
// wait anew.
func (a *account) spoke(res result) {
	if !res.step.follows() || res.err != nil || !res.answered && (res.cause == nil || !answered(ims.VerdictOf(res.cause))) {
		return
	}
	a.unheard = time.Time{}
	for _, line := range a.asks {
		if line.len() > 0 {
			a.unheard = time.Now()
		}
	}
}

// quiet forgets what was asked once nothing is followed any more.
func (a *account) quiet() {
	if a.following == 0 {
		a.unheard = time.Time{}
	}
}
