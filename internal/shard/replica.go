package shard

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

// replica is one Run. One goroutine decides; holders, the announcer and the
// watchers run beside it and report.
type replica struct {
	Options
	session   string
	holders   []*holder
	announcer *announcer
	table     *table

	news    chan func()  // from the watchers
	ended   chan outcome // of a holder's run
	busy    int          // holders that run
	unknown int          // filters whose first contents are not known yet

	begun   time.Time         // when all that stood in the broker was known; zero before
	members []string          // sessions at the last look, in the order that all share
	names   map[string]string // of the sessions
	changed time.Time         // when the members changed last
	calm    bool              // no plan was worth anything since the members changed
	pays    time.Time         // since when a plan has been worth its disturbance; zero: none is
	told    *Share
	said    []int // the share as it stands in the log
	lost    *losses
}

// outcome is what became of a holder's run.
type outcome struct {
	holder *holder
	taken  bool
	err    error
}

// How decisions are paced.
const (
	rhythm = 250 * time.Millisecond // everything is looked at again at the latest
	grace  = time.Second            // how long a free shard is left to its heir
	atOnce = 2                      // shards that one replica hands over at the same time
)

func newReplica(o Options, own func(context.Context, *Lease)) *replica {
	r := &replica{
		Options: o, session: rand.Text(), table: newTable(o.Shards, o.Lease),
		news: make(chan func()), ended: make(chan outcome), lost: &losses{},
	}
	r.announcer = newAnnouncer(o, r.session)
	for shard := range o.Shards {
		r.holders = append(r.holders, newHolder(o, shard, r.session, own, r.lost))
	}
	return r
}

// run works until ctx ends. The holders have another context: what they hold
// is bequeathed before they are told to end.
func (r *replica) run(ctx context.Context) {
	working, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(errDone)
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	var beside sync.WaitGroup
	for _, filter := range []string{broker.LeaseFilter, broker.MemberFilter} {
		r.unknown++
		beside.Go(func() { r.watch(watching, filter) })
	}
	speaking, hush := context.WithCancel(context.WithoutCancel(ctx))
	r.decideUntil(ctx, working, func() { beside.Go(func() { r.announcer.run(speaking) }) })
	r.bequeath()
	end(context.Cause(ctx))
	hush()
	for r.busy > 0 {
		select {
		case learn := <-r.news:
			learn()
		case o := <-r.ended:
			r.conclude(o, time.Now())
		}
	}
	r.lost.say(r.Log)
	stop()
	beside.Wait()
}

// decideUntil takes and hands over shards until ctx ends. begin is called once,
// as soon as it is known who was there before.
func (r *replica) decideUntil(ctx, working context.Context, begin func()) {
	tick := time.NewTicker(rhythm)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case learn := <-r.news:
			learn()
		case o := <-r.ended:
			r.conclude(o, time.Now())
		case <-tick.C:
			r.lost.say(r.Log)
		}
		switch {
		case r.unknown > 0:
			continue
		case r.begun.IsZero():
			r.begun = time.Now()
			r.inherit()
			r.present()
			begin()
		}
		r.decide(working, time.Now())
	}
}

// watch learns what happens under a filter, from the beginning on.
func (r *replica) watch(ctx context.Context, filter string) {
	first := func() { r.unknown-- }
	tell := func(learn func()) {
		select {
		case r.news <- learn:
		case <-ctx.Done():
		}
	}
	for ctx.Err() == nil {
		err := r.Conn.Tail(ctx, broker.StreamState, filter, func(s broker.Stored) {
			r.seen(s)
			tell(func() { r.learn(s) })
		}, func() {
			if first != nil {
				tell(first)
				first = nil
			}
		})
		if ctx.Err() == nil {
			r.Log.WarnContext(ctx, "leases and members cannot be watched; trying again", "error", err)
			_ = wait(ctx, time.Second, nil)
		}
	}
}

// seen tells a holder at once what happened to its lease.
func (r *replica) seen(s broker.Stored) {
	if shard, found := r.table.shards[s.Subject]; found {
		r.holders[shard].seen(s)
	}
}

func (r *replica) learn(s broker.Stored) { r.table.learn(s, time.Now()) }

// inherit notes whose leases may be taken over at once: those that a process
// of the same name left behind, or every one if the broker ended with us.
func (r *replica) inherit() {
	delete(r.table.members, broker.MemberSubject(r.Instance))
	for shard, l := range r.table.leases {
		if l.held && (r.TakeAll || l.Instance == r.Instance) {
			r.holders[shard].inherited = l.Session
		}
	}
}

// conclude notes that a holder's run is over.
func (r *replica) conclude(o outcome, now time.Time) {
	h := o.holder
	r.busy--
	if heir := h.heir.Swap(nil); h.giving {
		r.table.leases[h.shard].released(*heir, now) // the news will come
	}
	h.busy, h.giving = false, false
	switch {
	case o.taken:
		h.inherited = ""
		h.notBefore = now.Add(r.interval()) // let others have it first
	case o.conflict():
		h.notBefore = now.Add(10 * time.Millisecond) // somebody was quicker: look who
	default:
		h.notBefore = now.Add(min(time.Second, r.Lease/3))
	}
	if o.err == nil || o.conflict() {
		h.failing = false
		return
	}
	if !h.failing { // once, however long the broker is away
		h.failing = true
		r.Log.Warn("lease not taken; trying again", "shard", h.shard, "error", o.err)
	}
}
