package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
)

// progressEvery is the time between two lines of progress.
const progressEvery = 10 * time.Second

// endure sends all requests while everything goes wrong, waits until they have
// ended and audits.
func (p *plant) endure(ctx context.Context) (*report, error) {
	ears := &ears{finals: map[string]int{}, when: time.Now()}
	listening, deafen := context.WithCancel(ctx)
	var hearing sync.WaitGroup
	hearing.Go(func() { ears.listen(listening, p) })
	defer hearing.Wait()
	defer deafen()

	started := time.Now()
	p.say("%d workers, %d broker nodes and the cloud are up; requests are sent now", len(p.workers), len(p.cluster.Nodes))
	trouble, calm := context.WithCancel(ctx)
	defer calm()
	var troubles sync.WaitGroup
	troubles.Go(func() { p.carryOut(trouble, &troubles) })
	err := p.load(ctx, ears)
	calm()
	troubles.Wait()
	if err != nil {
		return nil, err
	}
	p.say("%d of %d requests have ended; everything is left alone now", ears.ended(), len(p.sent))
	return p.wind(ctx, ears, started)
}

// wind lets what is under way end, stops the workers and takes the evidence.
func (p *plant) wind(ctx context.Context, ears *ears, started time.Time) (*report, error) {
	wrong, err := p.calmDown(ctx)
	if err != nil {
		return nil, err
	}
	wrong = append(wrong, p.retire()...)
	facts, err := p.evidence(ctx)
	if err != nil {
		return nil, err
	}
	if err := ears.upTo(ctx, p); err != nil {
		return nil, err
	}
	facts.sent, facts.told, facts.started, facts.wrong, facts.deeds = p.sent, ears.events(), started, append(facts.wrong, wrong...), p.deeds
	facts.resent = ears.resent
	return audit(facts), nil
}

// calmDown waits until the queue is empty and the cloud has done nothing new
// for as long as a submission may be on its way.
func (p *plant) calmDown(ctx context.Context) (wrong []string, err error) {
	end := time.Now().Add(patience)
	quiet, before := time.Now(), -1
	for time.Since(quiet) < p.submitTimeout()+3*time.Second || p.queued(ctx) != 0 {
		n, err := p.made(ctx)
		if err != nil {
			return nil, err
		}
		if n != before {
			quiet, before = time.Now(), n
		}
		if time.Now().After(end) {
			return []string{fmt.Sprintf("after %s of rest the queue holds %d messages", patience, p.queued(ctx))}, nil
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// queued is the number of requests that nobody has taken; -1 if the broker
// does not say.
func (p *plant) queued(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	stream, err := p.js.Stream(ctx, broker.StreamRequests)
	if err != nil {
		return -1
	}
	return int(stream.CachedInfo().State.Msgs)
}

// load publishes the requests, some of them again, never more than FLIGHT
// under way at once, and waits until all have ended, or nothing more comes.
func (p *plant) load(ctx context.Context, ears *ears) error {
	random := p.random(chanceRepeats)
	told := time.Now()
	for n := 0; n < len(p.sent) || ears.ended() < len(p.sent); {
		if time.Since(told) >= progressEvery {
			told = time.Now()
			p.say("%s", p.progress(n, ears))
		}
		if ears.silentFor() > p.lastWait() {
			p.say("nothing has ended for %s: no more is waited for", p.lastWait().Round(time.Second))
			return nil
		}
		if n == len(p.sent) || n-ears.ended() >= p.flight {
			if err := sleep(ctx, 20*time.Millisecond); err != nil {
				return err
			}
			continue
		}
		if err := p.publish(ctx, p.sent[n]); err != nil {
			return err
		}
		n++
		if err := p.again(ctx, random, n, ears); err != nil {
			return err
		}
	}
	return nil
}

// again sends one of twenty once more, or one of those before it.
func (p *plant) again(ctx context.Context, random *rand.Rand, n int, ears *ears) error {
	if random.IntN(20) != 0 {
		return nil
	}
	which := n - 1
	if random.IntN(2) == 0 {
		which = random.IntN(n)
	}
	ears.resent++
	return p.publish(ctx, p.sent[which])
}

// lastWait is how long nothing may end before it is given up: the longest
// horizon, an outage and a take-over fit into it.
func (p *plant) lastWait() time.Duration {
	return p.real(90*time.Minute) + 4*p.lease + time.Minute
}

// publish sends a request as any NATS client does, until it is stored.
func (p *plant) publish(ctx context.Context, r request) error {
	m := nats.NewMsg("ims.request." + r.cloud + "." + r.operation.name)
	m.Data = r.body
	m.Header = nats.Header{
		"ce-specversion": {"1.0"}, "ce-type": {"io.imsworker.request." + r.operation.name + ".v1"}, "ce-source": {source}, "ce-id": {r.name},
	}
	for {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := p.js.PublishMsg(try, m)
		cancel()
		if err == nil {
			return nil
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (p *plant) progress(n int, ears *ears) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var done []string
	for _, kind := range slices.Sorted(maps.Keys(p.deeds)) {
		done = append(done, fmt.Sprintf("%s ×%d", kind, p.deeds[kind]))
	}
	return fmt.Sprintf("sent %d, ended %d of %d; %s", n, ears.ended(), len(p.sent), strings.Join(done, ", "))
}

// carryOut does the deeds of the plan in their time, and undoes each.
func (p *plant) carryOut(ctx context.Context, all *sync.WaitGroup) {
	started := time.Now()
	for _, d := range p.plan() {
		if sleep(ctx, time.Until(started.Add(d.at))) != nil {
			return
		}
		p.say("%s", d)
		p.mu.Lock()
		p.deeds[d.kind]++
		p.mu.Unlock()
		all.Go(func() {
			undo := p.do(d)
			_ = sleep(ctx, d.lasts)
			if err := undo(); err != nil {
				p.say("%v", err)
			}
		})
	}
}

// do begins a deed and returns what ends it.
func (p *plant) do(d deed) (undo func() error) {
	switch d.kind {
	case killNode:
		p.cluster.Nodes[d.target].Kill()
		return p.cluster.Nodes[d.target].Start
	case isolateNode:
		p.cluster.Isolate(d.target)
		return func() error { p.cluster.Rejoin(d.target); return nil }
	}
	w := p.workers[d.target]
	switch d.kind {
	case killWorker:
		w.kill()
		return w.start
	case pauseWorker:
		w.pause()
		return func() error { w.resume(); return nil }
	case cutBroker:
		w.front.Cut()
		return func() error { w.front.Heal(); return nil }
	}
	w.cloud.Cut()
	return func() error { w.cloud.Heal(); return nil }
}
