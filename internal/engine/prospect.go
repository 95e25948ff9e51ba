package engine

import (
	"context"
	"time"
	"unique"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
	"github.com/imsworker/imsworker/messages"
)

// fact is what the loop knows of an entry that matters to its prospects.
type fact struct {
	told      messages.Prospect // without what is worked out of the rest
	line      lineID
	rank      int
	source    unique.Handle[string]
	mark      mark
	queues    bool // it will be submitted, as things stand
	until     time.Time
	submitted time.Time
	deadline  time.Time
	conf      *Account // nil: not configured
	outlook   *pace.Outlook
	heard     hearsay
	turns     slotTurns
}

// fact notes what is known of an entry that has not ended. Only the loop may
// call it.
func (g *Engine) fact(e *entry, now time.Time) fact {
	reason, until := g.waitsFor(e, now)
	f := fact{
		told: messages.Prospect{Key: e.key, Cloud: e.account.name, Operation: e.operation, State: string(e.state), Waits: reason, Until: moment(until)},
		line: lineID{e.account.name, e.bucket.Value()}, rank: e.rank, source: e.source, mark: markOf(e),
		until: until, submitted: e.submitted.time(), deadline: e.deadline.time(), conf: e.account.conf, heard: e.hearsay(),
	}
	if e.unsubmitted() {
		f.told.Bucket = f.line.bucket
		f.queues = queueing[reason]
	}
	if e.state == ledger.Submitted && e.account.conf != nil || f.queues {
		f.outlook = g.kind(e.account, e.operation).expects()
	}
	if f.queues {
		f.turns = g.turns(e.account, e.operation, now)
	}
	return f
}

// unsubmitted reports whether the entry's creating call is still to be made.
func (e *entry) unsubmitted() bool {
	return (e.state == ledger.Accepted || e.state == ledger.Parked) && e.batch == nil && e.wish == nil && !e.decided
}

// queueing are the reasons for which an entry goes in its turn, perhaps not
// before some moment. The cloud alone knows when what it has put off gets
// through.
var queueing = map[messages.WaitReason]bool{
	messages.WaitsAnnounced: true, messages.WaitsTurn: true, messages.WaitsBudget: true, messages.WaitsSlot: true,
	messages.WaitsThrottled: true, messages.WaitsNotBefore: true, messages.WaitsRetry: true,
}

// waitsFor is why an entry has not gone on, and until when where that is a
// moment.
func (g *Engine) waitsFor(e *entry, now time.Time) (messages.WaitReason, time.Time) {
	var never time.Time
	switch {
	case e.trailing:
		return messages.WaitsTrail, never
	case e.resting:
		return messages.WaitsPerson, never
	case e.state == ledger.Finished:
		return messages.WaitsTold, never
	case e.account.conf == nil:
		return messages.WaitsConfigured, never
	case e.wish != nil:
		return messages.WaitsCancel, never
	}
	switch e.state {
	case ledger.Submitted:
		if e.batch != nil {
			return messages.WaitsLegs, never
		}
		return messages.WaitsEnd, never
	case ledger.Submitting:
		return messages.WaitsAnswer, never
	case ledger.Uncertain:
		return messages.WaitsSearch, future(e.until.time(), now)
	}
	return g.waitsToGo(e, now)
}

// waitsToGo is why an entry has not been submitted.
func (g *Engine) waitsToGo(e *entry, now time.Time) (messages.WaitReason, time.Time) {
	var never time.Time
	again := future(later(e.until.time(), e.again), now)
	held := g.held(e.account.name, e.operation)
	switch {
	case e.decided:
		return messages.WaitsTold, never
	case e.posts:
		return messages.WaitsAnswer, never
	case held != "":
		return held, never
	case e.state == ledger.Parked:
		return messages.WaitsParked, again
	case e.named && e.until.time().After(now):
		return messages.WaitsNotBefore, again
	case !again.IsZero():
		return messages.WaitsRetry, again
	case !e.announced:
		return messages.WaitsAnnounced, never
	case e.batch != nil:
		return messages.WaitsTurn, never
	case e.account.pause.times > 0:
		return messages.WaitsCredentials, future(e.account.pause.until, now)
	}
	w := e.account.peek(e.bucket.Value())
	_, room := e.account.slotNext(e, now)
	switch {
	case !room:
		return messages.WaitsSlot, never
	case w.ClosedUntil().After(now):
		return messages.WaitsThrottled, w.ClosedUntil()
	case w.Next(now).After(now):
		return messages.WaitsBudget, never
	}
	return messages.WaitsTurn, never
}

// future is a time that is still to come, else zero.
func future(at, now time.Time) time.Time {
	if at.After(now) {
		return at
	}
	return time.Time{}
}

// prospect works out what follows from the facts. It must not be called by the
// loop.
func (g *Engine) prospect(ctx context.Context, f fact, now time.Time) (messages.Prospect, error) {
	p := f.told
	switch {
	case f.queues:
		l, err := g.lined(ctx, f.line)
		if err != nil {
			return p, err
		}
		own := f.turn(l)
		p.Ahead = &own.ahead
		start, known := f.turns.start(own.ahead, own.at)
		if !known {
			break
		}
		p.Estimate = expectStart(later(start, f.until), f.conf, f.outlook)
		p.Risk = f.risk(*p.Start, 0)
	case p.Waits == messages.WaitsEnd:
		p.Estimate = expectEnd(f.submitted, now, f.conf, f.outlook, f.heard)
		p.Risk = f.risk(f.submitted, now.Sub(f.submitted))
	case !f.deadline.IsZero() && now.After(f.deadline):
		p.Risk = certain()
	}
	return p, nil
}

// turn is when the entry goes, by the line of its bucket.
func (f fact) turn(l *lineup) turn {
	if own, comes := l.wakes(f.until, f.rank, f.mark); comes {
		return own
	}
	ahead := l.ahead(f.rank, f.source, f.mark)
	return turn{l.start(ahead), ahead}
}

// risk is the probability that work which starts at some time and has that age
// ends after the deadline; nil where nobody can know.
func (f fact) risk(start time.Time, age time.Duration) *float64 {
	switch {
	case f.deadline.IsZero():
		return nil
	case !f.deadline.After(start.Add(age)):
		return certain()
	case f.conf == nil:
		return nil
	}
	late, known := f.outlook.Late(f.conf.Stretch(age), f.conf.Stretch(f.deadline.Sub(start)))
	if !known {
		return nil
	}
	return &late
}

func certain() *float64 {
	one := 1.0
	return &one
}
