package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
	"github.com/imsworker/imsworker/messages"
)

const (
	// foreseeFirst is how long after something began to wait its start is
	// worked out, foreseePause the least time between two such looks.
	foreseeFirst, foreseePause = 5 * time.Second, 30 * time.Second
	// foreseen is how many starts are told after one look at most, and foretold
	// how many are being told at once.
	foreseen, foretold = 300, 16
	// An expected time is told again when it has moved by more than moved and
	// by more than a tenth of what is left until then.
	moved, movedPart = 30 * time.Second, 10
)

// foretellTime bounds the telling of one estimate: the request's turn, if it
// comes meanwhile, waits for that.
const foretellTime = 5 * time.Second

// foresight is the telling of expected starts to those who wait for events. It
// is bounded: a shard with any number that wait tells ten a second.
type foresight struct {
	entry   *entry // stands for it among the steps; in no ledger
	due     time.Time
	waits   bool      // something did, when that was looked at last
	found   []prophet // that are still to be told
	telling int
}

// prophet is an entry whose expected start has moved.
type prophet struct {
	key      string
	attempt  int
	estimate messages.Estimate
}

func newForesight() foresight {
	return foresight{entry: &entry{account: newAccount("", nil), index: -1, place: -1}}
}

// waits reports whether anything is in line.
func (g *Engine) waits() bool {
	for _, a := range g.accounts {
		for _, q := range a.queues {
			if q.Len() > 0 && a.conf != nil {
				return true
			}
		}
	}
	return false
}

// foresee tells the starts that were found, and looks for more when it is time.
func (g *Engine) foresee(now time.Time) {
	f := &g.foresight
	for len(f.found) > 0 && f.telling < foretold {
		p := f.found[0]
		f.found[0] = prophet{}
		f.found = f.found[1:]
		if e := g.entries[p.key]; e != nil && e.place >= 0 && !e.busy && e.attempt == p.attempt {
			g.foretell(e, &p.estimate)
		}
	}
	waits := g.waits()
	if waits && !f.waits {
		f.due = later(f.due, now.Add(foreseeFirst))
	}
	f.waits = waits
	if waits && !f.entry.busy && !now.Before(f.due) {
		f.entry.busy = true
		g.pools[ledgerPool].waiting.push(task{entry: f.entry, step: foreseeStep})
	}
}

// wakeForesee is when foresee has something to do.
func (g *Engine) wakeForesee() (time.Time, bool) {
	f := &g.foresight
	return f.due, f.waits && !f.entry.busy
}

// foretell has an estimate told of an entry, which may be in line meanwhile.
func (g *Engine) foretell(e *entry, estimate *messages.Estimate) {
	g.foresight.telling++
	e.busy = true
	g.pools[ledgerPool].waiting.push(task{
		entry: e, step: foretellStep, key: e.key, operation: e.operation, cloud: e.account.name, sequence: e.sequence, estimate: estimate,
		percent: e.percent, polls: e.polls,
	})
}

// lookAhead works out when what is in line will start, and has the loop tell
// what has moved. It changes nothing.
func (g *Engine) lookAhead(ctx context.Context, t task) result {
	ctx = asking(ctx)
	var ids []lineID
	var found []prophet
	waiting := 0
	err := g.inLoop(ctx, func() {
		for _, a := range g.accounts {
			for bucket, q := range a.queues {
				if q.Len() > 0 && a.conf != nil && a.pause.times == 0 {
					ids, waiting = append(ids, lineID{a.name, bucket}), waiting+q.Len()
				}
			}
		}
	})
	for _, id := range ids {
		if err == nil && len(found) < foreseen {
			found, err = g.lookAlong(ctx, id, found)
		}
	}
	pause := max(foreseePause, time.Duration(waiting)*time.Millisecond/2) // a look at long lines costs more
	return result{effect: func(e *entry) {
		e.busy = false
		g.foresight.due, g.foresight.found = t.begun.Add(pause), found
	}}
}

// lookAlong goes along one line.
func (g *Engine) lookAlong(ctx context.Context, id lineID, found []prophet) ([]prophet, error) {
	l, err := g.lined(ctx, id)
	if err != nil {
		return found, err
	}
	now := time.Now()
	for from, more := 0, true; more && len(found) < foreseen; from += copied {
		var keys []string
		keys, more = l.page(from, copied)
		err := g.inLoop(ctx, func() {
			turns := map[string]slotTurns{} // by operation
			for i, key := range keys {
				if e := g.entries[key]; e != nil && len(found) < foreseen {
					t, known := turns[e.operation]
					if !known {
						t = g.turns(e.account, e.operation, now)
						turns[e.operation] = t
					}
					found = g.foreseeOne(e, l, t, from+i, now, found)
				}
			}
		})
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

// foreseeOne notes an entry whose expected start has moved. Only the loop may
// call it.
func (g *Engine) foreseeOne(e *entry, l *lineup, turns slotTurns, ahead int, now time.Time, found []prophet) []prophet {
	if e.place < 0 || e.account.conf == nil || now.Sub(e.progress.time()) < progressPause {
		return found
	}
	at, known := turns.start(ahead, l.start(ahead))
	if !known || !noticeable(e.account.conf, e.expected, at, now) {
		return found
	}
	estimate := expectStart(at, e.account.conf, g.kind(e.account, e.operation).expects())
	return append(found, prophet{e.key, e.attempt, estimate})
}

// noticeable reports whether an expected time has moved since it was told.
func noticeable(conf *Account, told uint32, at, now time.Time) bool {
	if told == 0 {
		return true
	}
	least := max(conf.Scale(moved), at.Sub(now)/movedPart)
	return at.Sub(time.Unix(int64(told), 0)).Abs() > least
}

// tellAhead tells the estimate of a request that waits, or runs.
func (g *Engine) tellAhead(ctx context.Context, t task) result {
	ctx, cancel := context.WithTimeout(ctx, foretellTime)
	defer cancel()
	now := time.Now()
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("tell what is expected: %w", err)}
	}
	ev := event(r, messages.StateProgress)
	ev.Estimate = *t.estimate
	if ev.Job != nil && t.percent > 0 { // the cloud's last word, which this event replaces
		ev.Job = &messages.Job{ID: r.JobID, Percent: &t.percent, Polls: t.polls}
	}
	if err := g.Events.Replace(ctx, meta(r, messages.StateProgress, now.UTC()), ev, r.Token); err != nil {
		g.Log.Warn("progress is not told", "key", t.key, "error", err)
	}
	return result{effect: func(e *entry) { e.progress, e.expected = instantOf(now), expectation(*t.estimate, r.State) }}
}

// expectation is what is remembered of an estimate: of what waits the start, of
// what runs the end.
func expectation(estimate messages.Estimate, s ledger.State) uint32 {
	at := estimate.Start
	if s == ledger.Submitted {
		at = estimate.End
	}
	if at == nil {
		return 0
	}
	return uint32(at.Unix()) //nolint:gosec // until 2106
}

// expectStart is the estimate of work that starts at some time.
func expectStart(at time.Time, conf *Account, outlook *pace.Outlook) messages.Estimate {
	estimate := messages.Estimate{Start: moment(at.UTC())}
	if takes, known := outlook.Remaining(0); known && conf != nil {
		estimate.End = moment(at.Add(conf.Scale(takes)).UTC())
	}
	return estimate
}

// expectEnd is the estimate of work that was submitted at some time and has not
// ended, of which the cloud has told something or nothing.
func expectEnd(submitted, now time.Time, conf *Account, outlook *pace.Outlook, heard hearsay) messages.Estimate {
	estimate := messages.Estimate{Start: moment(submitted.UTC())}
	if conf == nil {
		return estimate
	}
	age := conf.Stretch(now.Sub(submitted))
	if left, known := heard.remaining(age, now, conf, outlook); known {
		percent := 100 * float64(age) / float64(age+left)
		estimate.End, estimate.Percent = moment(now.Add(conf.Scale(left)).UTC()), &percent
	}
	return estimate
}

// foretellEnd has the expected end of what runs told, if that has moved. It is
// for those that nobody asks the cloud about one by one.
func (g *Engine) foretellEnd(e *entry, now time.Time) {
	if now.Sub(e.progress.time()) < e.account.conf.Scale(foreseePause) || g.foresight.telling >= foretold {
		return
	}
	estimate := expectEnd(e.submitted.time(), now, e.account.conf, g.kind(e.account, e.operation).expects(), e.hearsay())
	if estimate.End != nil && noticeable(e.account.conf, e.expected, *estimate.End, now) {
		g.foretell(e, &estimate)
	}
}
