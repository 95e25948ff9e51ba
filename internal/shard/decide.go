package shard

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

// conflict says that another write was first.
func (o outcome) conflict() bool { return errors.Is(o.err, broker.ErrConflict) }

// decide takes what should be ours and hands over what should not.
func (r *replica) decide(working context.Context, now time.Time) {
	r.table.forget(now)
	r.meet()
	plan := r.view().spread()
	if r.announcer.displaced.Load() {
		r.giveAll()
	} else {
		r.takeDue(working, plan, now)
		r.balance(plan, now)
	}
	r.present()
	r.tell(plan, now)
}

// self is this replica as a member; nobody while another has its name.
func (r *replica) self() member {
	if r.announcer.displaced.Load() {
		return member{}
	}
	return member{Instance: r.Instance, Session: r.session}
}

// meet looks who is there, and says who came and went.
func (r *replica) meet() {
	members, names := r.table.sessions(r.self())
	if r.members != nil && slices.Equal(members, r.members) {
		return
	}
	for _, session := range members {
		if r.names[session] == "" && session != r.session {
			r.Log.Info("a replica is there to share the shards", "replica", names[session], "replicas", len(members))
		}
	}
	for _, session := range r.members {
		if names[session] == "" && session != r.session {
			r.Log.Info("a replica is gone", "replica", r.names[session], "replicas", len(members))
		}
	}
	r.members, r.names, r.calm, r.changed = members, names, false, time.Now()
}

// view is what this replica knows, its own intentions included.
func (r *replica) view() view {
	v := view{members: r.members, owners: make([]string, r.Shards), weights: make([]int, r.Shards)}
	for shard, l := range r.table.leases {
		v.weights[shard] = l.Weight + idleWeight
		v.owners[shard] = r.owner(r.holders[shard], l)
	}
	return v
}

// owner is who works a shard, or is about to.
func (r *replica) owner(h *holder, l leaseSeen) string {
	heir := l.heir
	if named := h.heir.Load(); named != nil {
		heir = *named
	}
	switch {
	case h.giving || !l.held && heir != "":
		if r.names[heir] == "" {
			return "" // it went away meanwhile
		}
		return heir
	case h.current.Load() != nil:
		return r.session
	case r.ours(h, l):
		return r.session // not worked now, but ours to take again
	case l.held:
		return l.Session
	}
	return ""
}

// ours reports whether a lease is held by this replica, or by one whose leases
// it may take over. One that cannot be read names nobody, and is not.
func (r *replica) ours(h *holder, l leaseSeen) bool {
	return l.held && l.Session != "" && (l.Session == r.session || l.Session == h.inherited)
}

// takeDue begins to take what may be taken now.
func (r *replica) takeDue(working context.Context, plan view, now time.Time) {
	for shard, h := range r.holders {
		if h.busy || now.Before(h.notBefore) || !r.mayTake(h, r.table.leases[shard], plan.owners[shard], now) {
			continue
		}
		h.busy = true
		r.busy++
		var run context.Context
		run, h.end = context.WithCancelCause(working)
		go func() {
			taken, err := h.run(run)
			h.end(errDone)
			r.ended <- outcome{holder: h, taken: taken, err: err}
		}()
	}
}

// mayTake says whether it is worth looking for a lease. A free shard is left
// to the one for whom it is meant, but not for long.
func (r *replica) mayTake(h *holder, l leaseSeen, planned string, now time.Time) bool {
	switch {
	case r.ours(h, l):
		return true
	case l.held:
		return r.table.stale(l.at, now)
	case planned == r.session:
		return true
	}
	since := l.at
	if since.Before(r.begun) {
		since = r.begun
	}
	return now.Sub(since) > grace
}

// balance hands over what others should work. When replicas came or went that
// is done at once; later only if it has been worth it for a while, since loads
// change all the time.
func (r *replica) balance(plan view, now time.Time) {
	moves := plan.moves()
	if len(moves) == 0 {
		r.calm, r.pays = true, time.Time{}
		return
	}
	if r.pays.IsZero() {
		r.pays = now
	}
	if r.calm && now.Sub(r.pays) < r.patience() {
		return
	}
	for _, m := range moves {
		if m.from == r.session && r.giving() < atOnce {
			r.give(r.holders[m.shard], m.to)
		}
	}
}

// patience is how long uneven loads are borne while nobody comes or goes.
func (r *replica) patience() time.Duration { return 2 * r.Lease }

func (r *replica) giving() (n int) {
	for _, h := range r.holders {
		if h.giving {
			n++
		}
	}
	return n
}

// give has a shard's owner end, so that the heir can go on.
func (r *replica) give(h *holder, heir string) {
	if h.giving || h.current.Load() == nil {
		return
	}
	r.Log.Debug("shard is handed over", "shard", h.shard, "to", r.names[heir])
	h.giving = true
	h.heir.Store(&heir)
	h.end(ErrHandedOver)
}

func (r *replica) giveAll() {
	for _, h := range r.holders {
		r.give(h, "")
	}
}

// bequeath says who shall go on with the shards of a replica that ends.
func (r *replica) bequeath() {
	v := r.view()
	v.members = slices.DeleteFunc(slices.Clone(v.members), func(s string) bool { return s == r.session })
	for shard, owner := range v.owners {
		if owner == r.session {
			v.owners[shard] = ""
		}
	}
	plan := v.spread()
	for shard, h := range r.holders {
		if heir := plan.owners[shard]; h.busy && h.heir.Load() == nil {
			h.heir.Store(&heir)
		}
	}
}

// present updates what the announcer says.
func (r *replica) present() {
	m := member{Instance: r.Instance, Session: r.session}
	for _, h := range r.holders {
		if h.current.Load() != nil {
			m.Shards++
			m.Load += int(h.weight.Load())
		}
	}
	r.announcer.load.Store(&m)
}

// tell reports the share when it has changed.
func (r *replica) tell(plan view, now time.Time) {
	s := Share{Shards: r.held(), Members: len(r.members), Settled: r.settled(plan, now)}
	if r.told != nil && s.Settled == r.told.Settled && s.Members == r.told.Members && slices.Equal(s.Shards, r.told.Shards) {
		return
	}
	r.told = &s
	if s.Settled && !slices.Equal(s.Shards, r.said) {
		r.said = s.Shards
		r.Log.Info("this replica works its share of the shards", "shards", s.Shards, "of", r.Shards, "replicas", s.Members)
	}
	if r.Changed != nil {
		r.Changed(s)
	}
}

func (r *replica) held() []int {
	shards := []int{}
	for shard, h := range r.holders {
		if l := h.current.Load(); l != nil && l.Valid() {
			shards = append(shards, shard)
		}
	}
	return shards
}

// settled says whether this replica works all that it should. For a while after
// somebody came or went, it waits for what others hand over to it, and for the
// leases of one that is gone. With a shard that hangs it never is.
func (r *replica) settled(plan view, now time.Time) bool {
	if r.announcer.displaced.Load() {
		return false
	}
	for _, h := range r.holders {
		if l := h.current.Load(); l != nil && l.abandoned() {
			return false
		}
	}
	waiting := now.Sub(r.changed) < r.patience()
	for shard, owner := range plan.owners {
		switch {
		case owner == r.session && r.holders[shard].current.Load() == nil:
			return false
		case waiting && r.names[owner] == "": // it will be free when its lease expires
			return false
		}
	}
	if r.calm || !waiting {
		return true
	}
	return !slices.ContainsFunc(plan.moves(), func(m move) bool { return m.to == r.session })
}
