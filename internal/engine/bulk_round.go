package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/bulk"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/messages"
)

// inquiry is a leg that is asked for, and what was found.
type inquiry struct {
	index int
	leg   bulk.Leg
	end   *bulk.End
	known bool
}

// settleLegs notes which legs have ended: those that were heard of, and those
// of which nothing was heard for long. Their own final events tell.
func (g *Engine) settleLegs(ctx context.Context, t task, l *legs, now time.Time) error {
	all, err := g.legsToAsk(ctx, t, l, now)
	if err != nil {
		return err
	}
	if err := each(ctx, all, func(ctx context.Context, a *inquiry) error { return g.askFor(ctx, l, a) }); err != nil {
		return err
	}
	for _, a := range all {
		if err := g.note(ctx, t, l, a, now); err != nil {
			return err
		}
	}
	return nil
}

// legsToAsk are the legs that are worth a look, those that were heard of
// first.
func (g *Engine) legsToAsk(ctx context.Context, t task, l *legs, now time.Time) (all []*inquiry, err error) {
	indices := map[int]bool{}
	for _, n := range t.news {
		if l.open[n.index] != nil {
			indices[n.index] = true
		}
	}
	var due []int
	for index, o := range l.open {
		if !indices[index] && !o.look.After(now) {
			due = append(due, index)
		}
	}
	slices.SortFunc(due, func(a, b int) int {
		return cmp.Or(l.open[a].look.Compare(l.open[b].look), cmp.Compare(a, b))
	})
	for _, index := range due[:min(len(due), legsInRound)] {
		indices[index] = true
	}
	for index := range indices {
		_, leg, err := g.pageOf(ctx, l, index)
		if err != nil {
			return nil, err
		}
		if leg != nil && leg.State.Running() {
			all = append(all, &inquiry{index: index, leg: *leg})
		}
	}
	slices.SortFunc(all, func(a, b *inquiry) int { return cmp.Compare(a.index, b.index) })
	return all, nil
}

// askFor reads what is told of a leg's request.
func (g *Engine) askFor(ctx context.Context, l *legs, a *inquiry) error {
	child, _ := l.parent.Child(a.index, a.leg, a.leg.State)
	final, ended, err := g.Events.Final(ctx, child.Cloud, child.Key, a.leg.Child)
	if err != nil {
		return fmt.Errorf("read the end of leg %d: %w", a.index, err)
	}
	if ended {
		a.known, a.end = true, &bulk.End{State: final.State, Failure: legFailure(final)}
		if len(final.Images) > 0 {
			a.end.ImageID = final.Images[0].ID
		}
		return nil
	}
	if _, a.known, err = g.Events.Accepted(ctx, child.Cloud, child.Key, a.leg.Child); err != nil {
		return fmt.Errorf("read whether leg %d was accepted: %w", a.index, err)
	}
	return nil
}

// legFailure is why a leg's request did not succeed.
func legFailure(e messages.Event) *messages.Failure {
	if e.Error == nil && e.Cancel != nil {
		return &messages.Failure{Reason: messages.ReasonCancelled, Message: e.Cancel.Message}
	}
	return e.Error
}

// note brings a leg up to what was found of it.
func (g *Engine) note(ctx context.Context, t task, l *legs, a *inquiry, now time.Time) error {
	p, leg, err := g.pageOf(ctx, l, a.index)
	if err != nil || leg == nil {
		return err
	}
	o := l.open[a.index]
	o.look = now.Add(t.conf.Scale(legsLook))
	switch {
	case a.end != nil:
		leg.Hear(*a.end, l.attempt)
		p.changed = true
		delete(l.open, a.index)
		if leg.State.Running() && t.wish != nil {
			leg.Stop(l.attempt, l.stopped(t))
		}
		if leg.State.Running() { // its next stage
			l.open[a.index] = &underWay{look: o.look}
		}
	case a.known:
		o.sent, o.unknown = true, time.Time{}
	case o.unknown.IsZero():
		o.unknown, o.sent = now, false
	case now.Sub(o.unknown) > legsLost && (t.wish != nil || now.After(t.deadline) || leg.Repeats()):
		leg.Hear(bulk.End{State: messages.StateUnresolved, Failure: lost(l, a)}, l.attempt)
		p.changed = true
		delete(l.open, a.index)
	default:
		o.sent = false // it is asked for again, which changes nothing where it is there
	}
	return nil
}

// lost is the failure of a leg whose request has left no trace.
func lost(l *legs, a *inquiry) *messages.Failure {
	child, _ := l.parent.Child(a.index, a.leg, a.leg.State)
	return &messages.Failure{
		Reason: messages.ReasonUnresolved, Message: fmt.Sprintf("no worker has told anything of its request, %s on cloud %s", child.Key, child.Cloud),
		Remedy: "Look for the request among the dead letters, and whether a worker serves the cloud.",
	}
}

// stopLegs ends what has not begun, where somebody wants the bulk to end, or
// where a leg did not succeed and the policy is to begin no more then.
func (g *Engine) stopLegs(ctx context.Context, t task, l *legs) error {
	why := l.stopped(t)
	if why == nil {
		return nil
	}
	for n, p := range l.pages {
		if p.counts.Waiting == 0 && p.Page == nil {
			continue
		}
		if err := g.hold(ctx, l, n); err != nil {
			return err
		}
		for i := range p.Legs {
			if leg := &p.Legs[i]; leg.State == bulk.Waiting {
				leg.Stop(l.attempt, why)
				p.changed = true
			}
		}
	}
	return nil
}

// stopped says why no leg is begun any more; nil while they are.
func (l *legs) stopped(t task) *messages.Failure {
	if t.wish != nil {
		return &messages.Failure{Reason: messages.ReasonCancelled, Message: "it had not begun when the bulk was cancelled", Remedy: "Retry the bulk to begin it."}
	}
	if l.data.Policy != messages.PolicyFailFast {
		return nil
	}
	var c messages.Counts
	for _, p := range l.pages {
		now := p.counts
		if p.Page != nil {
			now = p.Counts()
		}
		c.Add(now)
	}
	if c.Unsuccessful() == 0 {
		return nil
	}
	return &messages.Failure{Reason: messages.ReasonCancelled, Message: "it had not begun when another leg did not succeed, and the policy is fail-fast", Remedy: "Mend the other leg's trouble, and retry the bulk."}
}

// beginLegs puts as many legs under way as there is room for, and returns how
// many that are.
func (g *Engine) beginLegs(ctx context.Context, t task, l *legs) (begun int, err error) {
	if g.heldBack(t.cloud, t.operation) {
		return 0, nil
	}
	room, sharing := min(cmp.Or(l.data.Concurrency, messages.LegsAtOnce)-len(l.open), legsInRound), l.sharing()
	for n, p := range l.pages {
		if begun >= room {
			break
		}
		if p.Page == nil && p.counts.Waiting == 0 {
			continue
		}
		if err := g.hold(ctx, l, n); err != nil {
			return begun, err
		}
		for i := p.firstUnseen; i < len(p.Legs) && begun < room; i++ {
			leg := &p.Legs[i]
			s := l.toShare(*leg)
			if leg.State == bulk.Waiting && sharing[s] {
				continue // a later round begins it
			}
			if leg.State == bulk.Waiting {
				leg.Begin(l.attempt, l.parent.Route(leg.Target).Way)
				l.open[p.First+i] = &underWay{look: time.Now().Add(t.conf.Scale(legsLook))}
				p.changed = true
				begun++
				sharing[s] = s != (toShare{})
			}
			if i == p.firstUnseen {
				p.firstUnseen++
			}
		}
	}
	return begun, nil
}

// toShare is an image that has to be shared with a project.
type toShare struct{ image, project string }

// toShare is what a leg needs before it can be copied; the zero value of most.
func (l *legs) toShare(leg bulk.Leg) toShare {
	if route := l.parent.Route(leg.Target); route.Way == messages.WayShare {
		return toShare{leg.ImageID, route.ProjectID}
	}
	return toShare{}
}

// sharing is what legs that are under way are sharing at the moment. Two that
// share the same would get in each other's way: what one has had accepted
// already is pending again once the other's job has ended.
func (l *legs) sharing() map[toShare]bool {
	all := map[toShare]bool{}
	for index := range l.open {
		p := l.pages[index/bulk.PageLegs]
		if p.Page == nil {
			continue
		}
		leg := p.Legs[index-p.First]
		if s := l.toShare(leg); s != (toShare{}) && (leg.State == bulk.Sharing || leg.State == bulk.Answering) {
			all[s] = true
		}
	}
	return all
}

// askLegs publishes the requests of legs that are written down as under way. It
// reports whether some could not be published: the next round goes on with
// them.
func (g *Engine) askLegs(ctx context.Context, l *legs) (refused bool) {
	var all []*inquiry
	for index, o := range l.open {
		p := l.pages[index/bulk.PageLegs]
		if o.sent || o.look.IsZero() || p.Page == nil { // one that was under way before this owner is looked for first
			continue
		}
		all = append(all, &inquiry{index: index, leg: p.Legs[index-p.First]})
	}
	slices.SortFunc(all, func(a, b *inquiry) int { return cmp.Compare(a.index, b.index) })
	err := each(ctx, all, func(ctx context.Context, a *inquiry) error {
		if err := g.askLeg(ctx, l, a.index, a.leg); err != nil {
			return err
		}
		a.known = true
		crash.At(crash.Asked)
		return nil
	})
	for _, a := range all {
		l.open[a.index].sent = a.known
	}
	if err != nil && ctx.Err() == nil {
		g.Log.Warn("not all legs could be asked for; it is tried again", "key", l.parent.Key, "cloud", l.parent.Cloud, "error", err)
	}
	return err != nil
}

// askLeg publishes the request for a stage of a leg, or opens the next attempt
// of one that an earlier attempt of the bulk has left unresolved, or cancelled
// when it had begun. A second time changes nothing.
func (g *Engine) askLeg(ctx context.Context, l *legs, index int, leg bulk.Leg) error {
	child, id := l.parent.Child(index, leg, leg.State)
	if leg.Repeats() {
		again := messages.Control{Key: child.Key, Attempt: leg.Child - 1}
		if leg.Left { // its job may still run: then it is asked for again later
			again.Parent = l.parent.Key
		}
		return g.control(ctx, child.Cloud, messages.VerbRetry, again)
	}
	data, err := json.Marshal(handlers.LegData(l.data, l.parent.Route(leg.Target), handlers.Leg{ImageID: leg.ImageID, Target: leg.Target, Name: leg.Name}, leg.State.Stage(), l.options))
	if err != nil {
		return fmt.Errorf("write the request of leg %d: %w", index, err)
	}
	err = g.Request(ctx, messages.Request{
		Identity: id, Cloud: child.Cloud, Operation: child.Operation, Time: l.accepted,
		CorrelationID: l.correlation, Trace: l.trace, Hop: l.taken, Data: data,
	})
	if err != nil {
		return fmt.Errorf("ask for leg %d, %s on cloud %s: %w", index, child.Operation, child.Cloud, err)
	}
	return nil
}

func (g *Engine) control(ctx context.Context, cloud, verb string, c messages.Control) error {
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("write control message: %w", err)
	}
	return g.Control(ctx, cloud, verb, data)
}

// cancelLegs tells legs that are under way to stop, each once by this owner.
// Such a message leaves alone what has ended meanwhile.
func (g *Engine) cancelLegs(ctx context.Context, t task, l *legs) error {
	if t.wish == nil {
		return nil
	}
	var all []*inquiry
	for index, o := range l.open {
		p := l.pages[index/bulk.PageLegs]
		if !o.cancel && o.sent && p.Page != nil {
			all = append(all, &inquiry{index: index, leg: p.Legs[index-p.First]})
		}
	}
	err := each(ctx, all, func(ctx context.Context, a *inquiry) error {
		child, _ := l.parent.Child(a.index, a.leg, a.leg.State)
		err := g.control(ctx, child.Cloud, messages.VerbCancel, messages.Control{Key: child.Key, Parent: l.parent.Key, DeleteImage: t.wish.Delete})
		a.known = err == nil
		return err
	})
	for _, a := range all {
		l.open[a.index].cancel = a.known
	}
	return err
}

// tellBatchProgress tells how the legs stand, if that has changed and was not told
// just now. The newest is kept, so one that is lost is no harm.
func (g *Engine) tellBatchProgress(ctx context.Context, t task, l *legs, now time.Time) {
	counts := l.counts()
	if counts == l.shown || now.Sub(l.told) < progressEvery {
		return
	}
	l.told = now
	r, err := g.read(ctx, t.key)
	if err != nil || r.Attempt != l.attempt || r.Done() {
		return
	}
	e := event(r, messages.StateBatchProgress)
	e.Batch = &messages.Batch{Counts: counts}
	if err := g.Events.Replace(ctx, meta(r, messages.StateBatchProgress, now.UTC()), e, r.Token); err != nil {
		g.Log.Warn("progress is not told", "key", t.key, "error", err)
		return
	}
	l.shown = counts
}
