package simulate

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// bulks adds bulks to some plans. They are drawn by themselves, so that they
// change nothing of what else a seed makes.
func (p *planner) bulks() {
	draw := rand.New(rand.NewPCG(p.seed, 0xb01))
	if draw.IntN(3) > 0 {
		return
	}
	for n := range 1 + draw.IntN(2) {
		at := time.Duration(draw.Float64() * float64(min(p.length, 6*time.Hour)))
		p.items = append(p.items, item{at, newBulk(draw, fmt.Sprintf("b%02d", n+1))})
		if draw.IntN(2) == 0 { // somebody is lost in the middle of it
			kinds := []string{"kill", "pause", "stop"}
			where := []string{"before page of a bulk", "after page of a bulk", "before leg asked", "after leg asked", "before bulk told", "after bulk told", "before event batch-legs", "after event batch-legs"}
			e := end{kinds[draw.IntN(3)], time.Duration(1+draw.IntN(90)) * time.Second}
			p.items = append(p.items, item{at, ambush{where[draw.IntN(len(where))], 1 + draw.IntN(8), e}})
		}
		switch draw.IntN(4) {
		case 0:
			p.items = append(p.items, item{at + time.Duration(draw.IntN(7200))*time.Second, stopBulk{fmt.Sprintf("b%02d", n+1)}})
		case 1, 2:
			p.items = append(p.items, item{at + 8*time.Hour, retryBulk{fmt.Sprintf("b%02d", n+1)}})
		}
	}
}

// bulkAsk publishes a bulk of images that it brings along.
type bulkAsk struct {
	ask
	legs int
	data messages.BulkCopy
}

func newBulk(draw *rand.Rand, id string) bulkAsk {
	cloud := clouds[draw.IntN(len(clouds))]
	b := bulkAsk{ask: ask{cloud: cloud, operation: messages.OperationBulkCopy, id: id}}
	for n := range 1 + draw.IntN(6) {
		image := fakecloud.Image{ID: uuid(draw), Name: fmt.Sprintf("source-%s-%d", id, n), MinDisk: 40, Size: 1 << 30, DataSize: 1 << 30}
		b.needs.Images = append(b.needs.Images, image)
		b.data.Images = append(b.data.Images, image.ID)
	}
	for n := range 1 + draw.IntN(3) {
		b.data.Targets = append(b.data.Targets, messages.BulkTarget{Name: fmt.Sprintf("leg-%s-%d-{{ .Image.ID }}", id, n)})
	}
	if draw.IntN(3) == 0 { // no copy goes there: one side has none
		b.data.Targets = append(b.data.Targets, messages.BulkTarget{Cloud: clouds[(slices.Index(clouds, cloud)+1)%len(clouds)], AgencyName: "ims_admin_agency"})
	}
	b.data.Concurrency = 1 + draw.IntN(6)
	if draw.IntN(3) == 0 {
		b.data.Policy = messages.PolicyFailFast
	}
	b.legs = len(b.data.Images) * len(b.data.Targets)
	b.ask.data = encoded(b.data)
	return b
}

func (b bulkAsk) happen(w *world) {
	w.mu.Lock()
	w.bulks = append(w.bulks, b)
	w.mu.Unlock()
	w.history.add("publisher", "%s", b)
	_, err := w.fake.Add(b.cloud, b.needs)
	w.must(err)
	subject, header, body := messages.EncodeRequest(messages.Request{
		Identity: messages.Identity{Source: source, ID: b.id}, Cloud: b.cloud, Operation: b.operation, Data: b.ask.data,
	})
	w.inbox.publish(w.shardOf(b.cloud), inboxSubject(w.shardOf(b.cloud), subject), header, body)
}

func (b bulkAsk) String() string {
	return fmt.Sprintf("bulk %s on %s, %d legs: %s", b.id, b.cloud, b.legs, b.ask.data)
}

// stopBulk cancels a bulk, if it has not ended.
type stopBulk struct{ id string }

func (s stopBulk) happen(w *world) {
	for _, b := range w.bulksNow() {
		if b.id == s.id && len(w.watch.ended(b.key())) == 0 {
			w.control(b.cloud, messages.VerbCancel, messages.Control{Key: b.key()})
		}
	}
}

func (s stopBulk) String() string { return "the bulk " + s.id + " is cancelled" }

// retryBulk repeats what did not succeed of a bulk.
type retryBulk struct{ id string }

func (s retryBulk) happen(w *world) {
	for _, b := range w.bulksNow() {
		if ends := w.watch.ended(b.key()); b.id == s.id && len(ends) == 1 && (ends[0].NotSucceeded() || ends[0].State == messages.StateCancelled) {
			w.control(b.cloud, messages.VerbRetry, messages.Control{Key: b.key(), Attempt: 1})
		}
	}
}

func (s retryBulk) String() string { return "the bulk " + s.id + " is retried" }

func (w *world) bulksNow() []bulkAsk {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.bulks)
}

// isPage tells the pages of bulks from records.
func isPage(subject string) bool { return strings.Count(subject, ".") > 3 }

// publish brings a message into the queue, as broker.Conn does: it is repeated
// where the answer is lost.
func (c *conn) publish(ctx context.Context, b *inbox, shard int, what, subject string, header map[string][]string, body []byte) error {
	for {
		err := c.publishOnce(ctx, b, shard, what, subject, header, body)
		if err != errAway { //nolint:errorlint // it is never wrapped
			return err
		}
		if err := c.process.sleep(ctx, tryPause); err != nil {
			return err
		}
	}
}

func (c *conn) publishOnce(ctx context.Context, b *inbox, shard int, what, subject string, header map[string][]string, body []byte) error {
	if err := c.trip(ctx, c.process.name+" publish "+subject); err != nil {
		return err
	}
	c.traps.spring(c.process, "before", what, "")
	if err := c.process.gate(); err != nil {
		return err
	}
	b.publish(shard, inboxSubject(shard, subject), header, body)
	c.traps.spring(c.process, "after", what, "")
	if c.weather.loses(subject) {
		return errAway
	}
	return c.trip(ctx, c.process.name+" published "+subject)
}

// request publishes what a record causes.
func (r *replica) request(ctx context.Context, m messages.Request) error {
	subject, header, body := messages.EncodeRequest(m)
	return r.conn.publish(ctx, r.world.inbox, r.world.shardOf(m.Cloud), "leg asked", subject, header, body)
}

// control publishes what shards tell each other. Now and then a bulk hears of
// nothing.
func (r *replica) control(ctx context.Context, cloud, verb string, data []byte) error {
	sum := fnv.New32a()
	_, _ = sum.Write(data)
	if verb == messages.VerbChildFinished && (sum.Sum32()+uint32(r.world.seed))%8 == 0 {
		return nil
	}
	return r.conn.publish(ctx, r.world.inbox, r.world.shardOf(cloud), "bulk told", messages.ControlSubject(cloud, verb), nil, data)
}

// auditBulks holds bulks against their legs, and the legs against what the
// clouds have made.
func (w *world) auditBulks(made map[string][]string, begun map[string]int) {
	for _, b := range w.bulksNow() {
		ends := w.watch.ended(b.key())
		stuck := w.stuckLeg(b.key())
		if len(ends) == 0 && !stuck {
			w.watch.violated("bulk lost", "%s has not ended", b.id)
		}
		for _, e := range ends {
			w.auditCounts(b, e)
		}
		w.auditLegs(b, made, begun, stuck || len(ends) == 0)
	}
}

// auditCounts: every leg is told once, and the counts are those of the legs.
func (w *world) auditCounts(b bulkAsk, e messages.Event) {
	if e.State != messages.StateBatchCompleted {
		return // nothing of it was begun
	}
	var c messages.Counts
	seen := map[int]bool{}
	for page := 0; ; page++ {
		m, found := w.eventAt(messages.BatchLegsSubject(b.cloud, b.operation, b.key(), e.Request.Attempt, page))
		if !found {
			break
		}
		_, told, err := messages.DecodeEvent(m.Header, m.Data)
		w.must(err)
		for _, leg := range told.Batch.Legs {
			if seen[leg.Index] {
				w.watch.violated("leg once", "%s attempt %d tells leg %d twice", b.id, e.Request.Attempt, leg.Index)
			}
			seen[leg.Index] = true
			one := messages.Counts{Legs: 1}
			switch leg.State {
			case messages.StateSucceeded:
				one.Succeeded++
			case messages.StateFailed:
				one.Failed++
			case messages.StateRejected:
				one.Rejected++
			case messages.StateCancelled:
				one.Cancelled++
			case messages.StateUnresolved:
				one.Unresolved++
			}
			c.Add(one)
		}
	}
	if e.Batch == nil || c != e.Batch.Counts || c.Legs != b.legs {
		w.watch.violated("bulk counts", "%s attempt %d of %d legs tells %+v, its legs are %+v", b.id, e.Request.Attempt, b.legs, e.Batch, c)
	}
}

func (w *world) eventAt(subject string) (broker.Stored, bool) {
	w.streams.mu.Lock()
	defer w.streams.mu.Unlock()
	return w.streams.byName[broker.StreamEvents].find(subject)
}

// auditLegs: what was made for a leg is told by one of its requests, and no
// more than one image is there unless a person has to look, or something was
// cancelled and left.
func (w *world) auditLegs(b bulkAsk, made map[string][]string, begun map[string]int, open bool) {
	for n, image := range b.data.Images {
		for t, target := range b.data.Targets {
			index, name := n*len(b.data.Targets)+t, strings.ReplaceAll(target.Name, "{{ .Image.ID }}", image)
			var ends []messages.Event
			waits := false
			for attempt := 1; attempt <= 4; attempt++ {
				id := messages.LegIdentity(b.cloud, b.key(), attempt, index, messages.StageCopy)
				key := messages.Key(b.cloud, id.Source, id.ID)
				ends = append(ends, w.watch.ended(key)...)
				waits = waits || w.recordedKey(b.cloud, key)
			}
			if open || waits {
				continue
			}
			a := ask{cloud: b.cloud, operation: "copy-image", id: fmt.Sprintf("%s/%d", b.id, index), name: name}
			w.auditEnds(a, ends, made[b.cloud+" "+name], begun[b.cloud+" "+name])
			succeeded := 0
			for _, e := range ends {
				if e.State == messages.StateSucceeded {
					succeeded++
				}
			}
			if succeeded > 1 {
				w.watch.violated("one leg one image", "leg %s was done %d times", a.id, succeeded)
			}
		}
	}
}

// stuckLeg reports whether a leg of the bulk waits for a job that never ends.
func (w *world) stuckLeg(bulk string) bool {
	for shard := range w.shards {
		for _, m := range w.streams.list(broker.TrackStream(shard), broker.TrackFilter(shard)) {
			r, err := ledger.Decode(m.Data)
			if err == nil && !isPage(m.Subject) && r.Parent != nil && r.Parent.Key == bulk && r.State == ledger.Submitted && w.stuck(r) {
				return true
			}
		}
	}
	return false
}
