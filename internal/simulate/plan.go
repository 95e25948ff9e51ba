package simulate

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// plan is all that a seed decides.
type plan struct {
	seed     uint64
	replicas int
	shards   int
	// realLeases has the replicas share the shards as the real ones do; those
	// cost most of the time, so such plans are short.
	realLeases bool
	items      []item // by time
}

// The clouds of every world; both are accounts of one fake.
var clouds = []string{"east", "west"}

// regions are where they are.
var regions = map[string]string{"east": "eu-de", "west": "eu-nl"}

// planner draws a plan.
type planner struct {
	plan
	*rand.Rand
	length time.Duration
	asked  []item
}

// newPlan draws the plan of a seed. Each kind of trouble is rare, frequent or
// absent in a plan, so that plans differ from each other.
func newPlan(seed uint64) plan {
	p := &planner{Rand: rand.New(rand.NewPCG(seed, 0x1a5)), plan: plan{seed: seed}}
	p.replicas, p.shards = 1+p.IntN(3), 1+p.IntN(2)
	p.length = p.between(20*time.Minute, 8*time.Hour)
	switch p.IntN(20) {
	case 0, 1:
		p.realLeases, p.length = true, p.between(10*time.Minute, time.Hour)
	case 2, 3:
		p.length = p.between(24*time.Hour, 96*time.Hour)
	}
	p.requests()
	for _, trouble := range []func(){p.strike, p.ambush, p.storm, p.road, p.fault, p.fault, p.fortune, p.fortune, p.quota, p.person, p.repeat} {
		for range p.often() {
			trouble()
		}
	}
	p.bulks()
	slices.SortStableFunc(p.items, func(a, b item) int { return int(a.at - b.at) })
	return p.plan
}

// often is how often one kind of trouble comes.
func (p *planner) often() int {
	return [...]int{0, 0, 1, 2, 3, 6}[p.IntN(6)]
}

func (p *planner) between(least, most time.Duration) time.Duration {
	return least + time.Duration(p.Float64()*float64(most-least))
}

// upTo prefers small durations.
func (p *planner) upTo(most time.Duration) time.Duration {
	return time.Duration(p.Float64() * p.Float64() * float64(most))
}

func (p *planner) add(at time.Duration, what happening) {
	p.items = append(p.items, item{at, what})
}

// sometime is a moment at which something is likely to be under way: soon
// after a request.
func (p *planner) sometime() time.Duration {
	if len(p.asked) == 0 || p.IntN(4) == 0 {
		return p.between(0, p.length)
	}
	return p.asked[p.IntN(len(p.asked))].at + p.upTo(20*time.Minute) - 2*time.Second
}

// requests spreads requests over the time; some come many at once.
func (p *planner) requests() {
	names := slices.DeleteFunc(handlers.Names(), func(name string) bool { return works[name].data == nil })
	for n := 2 + p.IntN(10); n > 0; {
		at, together := p.between(time.Minute, p.length), 1
		if p.IntN(4) == 0 {
			together = min(n, 2+p.IntN(8))
		}
		operation, cloud := names[p.IntN(len(names))], clouds[p.IntN(len(clouds))]
		for range together {
			p.request(at+p.upTo(10*time.Second), cloud, operation)
		}
		n -= together
	}
}

func (p *planner) request(at time.Duration, cloud, operation string) {
	id := fmt.Sprintf("r%02d", len(p.asked)+1)
	name := "image-" + id
	data, needs := works[operation].data(p.Rand, name, p.options(at))
	it := item{at, ask{cloud: cloud, operation: operation, id: id, name: name, data: encoded(data), needs: needs}}
	p.asked = append(p.asked, it)
	p.items = append(p.items, it)
}

func (p *planner) options(at time.Duration) messages.Options {
	var o messages.Options
	if p.IntN(5) == 0 {
		d := messages.DeadlineAfter(p.between(2*time.Minute, 3*time.Hour).Round(time.Second))
		o.Deadline = &d
	}
	if p.IntN(5) == 0 {
		o.Priority = []string{messages.PriorityHigh, messages.PriorityLow}[p.IntN(2)]
	}
	if p.IntN(6) == 0 {
		t := begin.Add(at + p.upTo(6*time.Hour)).Round(time.Second).UTC()
		o.NotBefore = &t
	}
	no := false
	if p.IntN(4) == 0 {
		o.Preflight = &no
	}
	if p.IntN(6) == 0 {
		o.KeepMarker = &no
	}
	return o
}

func (p *planner) replica() string { return fmt.Sprintf("replica-%d", 1+p.IntN(p.replicas)) }

func (p *planner) cloud() string { return clouds[p.IntN(len(clouds))] }

// end is a way to lose a process, for a moment or for longer than a lease.
func (p *planner) end() end {
	kind := []string{"kill", "kill", "pause", "pause", "stop"}[p.IntN(5)]
	switch {
	case kind == "pause" && p.IntN(2) == 0: // as long as others need to take over, but not for a call to time out
		return end{kind, p.between(leaseTime-3*time.Second, submitTimeout+3*time.Second).Round(time.Second)}
	case kind == "pause":
		return end{kind, p.between(time.Second, 90*time.Second).Round(time.Second)}
	}
	return end{kind, p.upTo(5*time.Minute).Round(time.Second) + time.Second}
}

func (p *planner) strike() { p.add(p.sometime(), strike{p.replica(), p.end()}) }

func (p *planner) ambush() {
	all := points()
	point := all[p.IntN(len(all))]
	if p.IntN(3) == 0 { // where most is at stake
		point = []string{"before record submitting", "after record submitting", "during call POST", "before record submitted"}[p.IntN(4)]
	}
	p.add(p.sometime(), ambush{point, 1 + p.IntN(3), p.end()})
}

func (p *planner) storm() {
	s := storm{lasts: p.upTo(3 * time.Minute).Round(time.Second)}
	switch p.IntN(5) {
	case 0:
		s.kind = "away"
	case 1:
		s.kind, s.replica = "cut", p.replica()
	case 2:
		s.kind, s.by = "slow", p.between(time.Second, 40*time.Second).Round(time.Second)
	default:
		s.kind, s.count = "lose", 1+p.IntN(4)
		s.subject = []string{"ims.track.", "ims.event.", "ims.lease.", "ims."}[p.IntN(4)]
	}
	p.add(p.sometime(), s)
}

func (p *planner) road() {
	if p.IntN(4) == 0 {
		p.add(p.sometime(), road{lasts: p.upTo(5 * time.Minute).Round(time.Second)})
		return
	}
	p.add(p.sometime(), road{lasts: p.between(time.Minute, time.Hour).Round(time.Second), most: p.between(5*time.Second, 35*time.Second).Round(time.Second)})
}

// calls are what faults may meet: creating calls more often than others.
func (p *planner) call(operation string) string {
	others := []string{"ShowJob", "ListImages", "GetImage", "*"}
	if p.IntN(3) == 0 {
		return others[p.IntN(len(others))]
	}
	return works[operation].call
}

// fault spoils a call; nearly always one of the time when there is a request
// for that cloud.
func (p *planner) fault() {
	at, a := p.target()
	f := fakecloud.Fault{Call: p.call(a.operation), Count: 1 + p.IntN(3)}
	kinds := []string{
		fakecloud.DropBefore, fakecloud.DropAfter, fakecloud.DropAfter, fakecloud.StatusBefore, fakecloud.StatusAfter, fakecloud.StatusAfter,
		fakecloud.HangBefore, fakecloud.Delay, fakecloud.BrokenBefore, fakecloud.BrokenAfter, fakecloud.CutAfter, fakecloud.HTMLAfter,
		fakecloud.TooMany, fakecloud.Busy, "refused",
	}
	f.Kind = kinds[p.IntN(len(kinds))]
	switch f.Kind {
	case fakecloud.StatusBefore, fakecloud.StatusAfter:
		f.Status = []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}[p.IntN(4)]
	case "refused": // the credentials, for a while
		f.Kind, f.Call, f.Count = fakecloud.StatusBefore, "*", 2+p.IntN(10)
		f.Status = []int{http.StatusUnauthorized, http.StatusForbidden}[p.IntN(2)]
	case fakecloud.HangBefore, fakecloud.Delay:
		f.Delay = fakecloud.Duration(p.between(5*time.Second, 50*time.Second).Round(time.Second))
	}
	p.add(at, fault{a.cloud, f})
}

// target is a moment just before a request is likely to be submitted.
func (p *planner) target() (time.Duration, ask) {
	it := p.asked[p.IntN(len(p.asked))]
	return max(0, it.at-time.Second+p.upTo(time.Minute)*time.Duration(p.IntN(2))), it.what.(ask)
}

// fortune decides about a job. What appears late appears before any horizon
// is over.
func (p *planner) fortune() {
	at, a := p.target()
	o := fakecloud.Outcome{Call: works[a.operation].call, Run: fakecloud.Duration(p.upTo(2*time.Hour).Round(time.Second) + time.Second)}
	switch p.IntN(8) {
	case 0, 1:
		o.Code, o.Reason = "IMG.0134", "no luck"
		o.Killed = p.IntN(2) == 0
	case 2, 3: // an image that shows up late, but below every horizon
		o.Run = fakecloud.Duration(p.between(time.Second, time.Minute).Round(time.Second))
		o.ImageLate = fakecloud.Duration(p.between(10*time.Second, 200*time.Second).Round(time.Second))
	case 4:
		o.Forgotten = true
	case 5:
		o.ForgottenAfter = fakecloud.Duration(p.upTo(30*time.Minute).Round(time.Second) + time.Second)
	case 6:
		o.ImageEarly = true
	case 7:
		o.Stuck = works[a.operation].makes && a.operation != "export-volume" && p.IntN(3) == 0 // a volume that uploads for ever lets nothing else end
	}
	p.add(at, fortune{a.cloud, o})
}

func (p *planner) quota() {
	p.add(p.sometime(), full{p.cloud(), p.upTo(3 * time.Hour).Round(time.Second)})
}

func (p *planner) person() {
	p.add(p.between(time.Hour, p.length+3*time.Hour), person{p.IntN(2) == 0})
}

// repeat publishes something a second time, at once or long after its
// tombstone is gone, or under an identity that is taken.
func (p *planner) repeat() {
	it := p.asked[p.IntN(len(p.asked))]
	again := it.what.(ask)
	again.how = "again"
	switch p.IntN(5) {
	case 0:
		again.how, again.data = "reused", encoded(map[string]string{"image_id": fakecloud.DemoImage, "name": "another"})
		again.operation = "copy-image"
	case 1:
		again.how, again.id = "invalid", fmt.Sprintf("x%02d", len(p.items))
		again.data = encoded(map[string]string{"nonsense": "yes"})
	}
	p.add(it.at+p.upTo(4*time.Hour)+time.Second, again)
}
