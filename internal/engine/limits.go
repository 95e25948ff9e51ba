package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/messages"
)

// Limits tells how accounts stand to their limits: those of the names, in their
// order, as far as they are configured or have requests here.
func (g *Engine) Limits(ctx context.Context, clouds []string) (all []messages.CloudLimits, err error) {
	for _, name := range clouds { // each in a moment of its own
		err := g.inLoop(ctx, func() {
			a := g.accounts[name]
			if a == nil {
				conf, known := g.Clouds.Account(name)
				if !known {
					return
				}
				a = g.recallLimits(newAccount(name, conf), time.Now()) // for the look alone: nothing is held of it
			}
			l := a.limits(time.Now())
			l.Paused = g.pausedOf(name)
			all = append(all, l)
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// pausedOf are the operations of a cloud that somebody has paused.
func (g *Engine) pausedOf(cloud string) (paused []string) {
	if g.heldBack(cloud, "") {
		return []string{messages.PausedAll}
	}
	for _, operation := range handlers.Names() {
		if g.heldBack(cloud, operation) {
			paused = append(paused, operation)
		}
	}
	return paused
}

// Accounts are the names of the clouds that have requests here.
func (g *Engine) Accounts(ctx context.Context) (names []string, err error) {
	err = g.inLoop(ctx, func() {
		for name := range g.accounts {
			names = append(names, name)
		}
	})
	slices.Sort(names)
	return names, err
}

func (a *account) limits(now time.Time) messages.CloudLimits {
	l := messages.CloudLimits{Cloud: a.name, Configured: a.conf != nil, Following: a.following, RefusedUntil: moment(future(a.pause.until, now))}
	for _, q := range a.queues {
		l.Waiting += q.Len()
	}
	a.reopen(now)
	for _, bucket := range a.buckets() {
		if !onlyAsks(bucket) {
			l.Buckets = append(l.Buckets, a.creating(bucket, now))
		}
		if onlyAsks(bucket) || mixed(bucket) {
			l.Buckets = append(l.Buckets, a.asking(bucket, now))
		}
	}
	for _, operation := range handlers.Names() {
		if s := a.slot(operation); s != nil {
			l.Buckets = append(l.Buckets, a.slotUse(operation, s, now))
		}
	}
	return l
}

// slotUse tells of the slots of an operation.
func (a *account) slotUse(operation string, s *budget.Slots, now time.Time) messages.BucketUse {
	use := messages.BucketUse{Bucket: slotOf(operation), Kind: messages.BucketSlots, Used: s.Held(), Running: s.Held()}
	if q := a.queues[bucketOf(operation)]; q != nil {
		use.Waiting = q.Len()
	}
	if free, limited := s.Free(); limited {
		allowed := s.Allowed()
		use.Limit, use.Left = &allowed, &free
		if configured := s.Limit(); configured > allowed {
			use.Configured = &configured
		}
	}
	if at, can := s.Next(now); can && at.After(now) {
		use.Next = moment(at.UTC())
	}
	return use
}

// buckets are the names of all that have a limit, or a line, or are closed,
// sorted.
func (a *account) buckets() []string {
	named := map[string]bool{}
	for bucket := range a.shutBy {
		named[bucket] = true
	}
	if a.conf != nil {
		for bucket := range a.conf.Limits {
			named[bucket] = true
		}
	}
	for bucket, q := range a.queues {
		named[bucket] = named[bucket] || q.Len() > 0
	}
	for bucket, line := range a.asks {
		named[bucket] = named[bucket] || line.len() > 0
	}
	maps.DeleteFunc(named, func(_ string, some bool) bool { return !some })
	return slices.Sorted(maps.Keys(named))
}

// creating tells of a window.
func (a *account) creating(bucket string, now time.Time) messages.BucketUse {
	w := a.peek(bucket)
	use := messages.BucketUse{Bucket: bucket, Kind: messages.BucketCreates, Refused: w.TurnedAway(now), Running: w.Running()}
	use.Used = w.Used(now) - use.Refused
	a.closed(&use, w.ClosedUntil(), now)
	if q := a.queues[bucket]; q != nil {
		use.Waiting = q.Len()
	}
	if limited(&use, w.Limit(), w.Allowed()) {
		*use.Left = w.Left(now)
		if back := w.Next(now); back.After(now) && use.ClosedUntil == nil {
			use.Next, *use.Left = moment(back.UTC()), 0
		}
	}
	return use
}

// asking tells of a bucket of questions.
func (a *account) asking(bucket string, now time.Time) messages.BucketUse {
	p := a.paced[bucket]
	if p == nil {
		p = budget.NewPaced(questions(a.conf, bucket), now)
	}
	use := messages.BucketUse{Bucket: bucket, Kind: messages.BucketQueries, Used: p.Used(now)}
	a.closed(&use, p.ClosedUntil(), now)
	if line := a.asks[bucket]; line != nil {
		use.Waiting = line.len()
	}
	if q := a.queues[bucket]; q != nil {
		use.Waiting += q.Len()
	}
	limited(&use, p.Limit(), p.Allowed())
	return use
}

// limited notes a limit, if there is one: what the cloud is taken to allow, and
// what is configured where that is more.
func limited(use *messages.BucketUse, configured budget.Limit, allowed int) bool {
	if configured.Count <= 0 {
		return false
	}
	left := max(0, allowed-use.Used)
	use.Limit, use.Left, use.Seconds = &allowed, &left, configured.Window.Seconds()
	if allowed < configured.Count {
		use.Configured = &configured.Count
	}
	return true
}
