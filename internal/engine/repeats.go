package engine

import (
	"maps"
	"time"
)

// repeatsPause is the least time between two lines of the log that tell of one
// kind of step at one cloud that is repeated.
const repeatsPause = time.Minute

// repeats keeps the log readable while the broker or a cloud does not answer:
// then the same happens to everything that waits, and one line tells of all.
type repeats map[repeated]*saidRepeat

type repeated struct {
	step  step
	cloud string
}

// saidRepeat is when it was said last, and how often it has happened since.
type saidRepeat struct {
	at   time.Time
	more int
}

// repeatsStep tells of a step that could not do its work; each that is not
// worth a line of its own is there at level debug.
func (g *Engine) repeatsStep(res result, now time.Time) {
	e := res.entry
	fields := []any{"step", res.step.String(), "key", e.key, "cloud", e.account.name, "operation", e.operation, "error", res.err}
	more, worth := g.repeats.worthALine(repeated{res.step, e.account.name}, now)
	if !worth {
		g.Log.Debug("step is repeated", fields...)
		return
	}
	if more > 0 {
		fields = append(fields, "since_last_line", more)
	}
	g.Log.Warn("step is repeated", fields...)
}

// worthALine reports whether it is said now, and how often it was not.
func (r repeats) worthALine(what repeated, now time.Time) (more int, worth bool) {
	if s := r[what]; s != nil {
		if now.Sub(s.at) < repeatsPause {
			s.more++
			return 0, false
		}
		more = s.more
	}
	maps.DeleteFunc(r, func(_ repeated, s *saidRepeat) bool { return now.Sub(s.at) > 60*repeatsPause })
	r[what] = &saidRepeat{at: now}
	return more, true
}
