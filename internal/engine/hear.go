package engine

import (
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/pace"
)

// hearsay is what the cloud has told of how much of a job's work is done. The
// zero one is nothing.
type hearsay struct {
	share       float64
	first, last time.Time // when it was told
	fell        bool      // more had been told before
}

// hearsay is what was heard of an entry's job.
func (e *entry) hearsay() hearsay {
	if e.heardAt == 0 {
		return hearsay{}
	}
	first := e.heardAt.time()
	return hearsay{share: e.heard, first: first, last: later(e.asked.time(), first), fell: e.fell}
}

// hears is what is heard of the task's job with an answer.
func (t task) hears(job ims.Job, now time.Time) hearsay {
	switch {
	case job.Percent == nil:
		return hearsay{}
	case *job.Percent == t.heard && !t.heardAt.IsZero():
		return hearsay{share: t.heard, first: t.heardAt, last: now, fell: t.fell}
	}
	return hearsay{share: *job.Percent, first: now, last: now, fell: *job.Percent < t.heard}
}

// hear notes what was heard, and whether the end is near by it.
func hear(said hearsay, near bool) func(*entry) {
	return func(e *entry) {
		if e.near = near; !said.first.IsZero() {
			e.heard, e.heardAt, e.fell = said.share, instantOf(said.first), said.fell
		}
	}
}

// remaining is how much longer a job of that age takes, by what such jobs took
// and by what was heard.
func (h hearsay) remaining(age time.Duration, now time.Time, conf *Account, outlook *pace.Outlook) (time.Duration, bool) {
	if h.first.IsZero() {
		return outlook.Remaining(age)
	}
	share := pace.Share{Now: h.share, Since: conf.Stretch(h.last.Sub(h.first))}
	if h.fell {
		share.Before = 1
	}
	return outlook.Sharpened(age, share, conf.Stretch(now.Sub(h.last)))
}
