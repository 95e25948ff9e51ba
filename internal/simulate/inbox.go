package simulate

import (
	"context"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
)

// inbox is the work queue of all shards: a message stays until it is acked,
// and comes again when whoever had it falls silent for AckWait.
type inbox struct {
	mu       sync.Mutex
	sequence uint64
	waiting  map[int][]*parcel // by shard, to be delivered now
	left     map[uint64]*parcel
	changed  chan struct{} // closed when something is to be delivered
}

// parcel is one message of the inbox.
type parcel struct {
	broker.Delivery
	shard int
	body  []byte
}

func newInbox() *inbox {
	return &inbox{waiting: map[int][]*parcel{}, left: map[uint64]*parcel{}, changed: make(chan struct{})}
}

// publish stores a message for a shard, its subject transformed already.
func (b *inbox) publish(shard int, subject string, header nats.Header, body []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sequence++
	p := &parcel{Delivery: broker.Delivery{
		Subject: subject, Stream: broker.StreamRequests, StreamSequence: b.sequence, Time: time.Now(), Header: header,
	}, shard: shard, body: body}
	b.left[b.sequence] = p
	b.deliver(p)
}

// deliver puts a message into line. The lock is held.
func (b *inbox) deliver(p *parcel) {
	b.waiting[p.shard] = append(b.waiting[p.shard], p)
	close(b.changed)
	b.changed = make(chan struct{})
}

// again delivers a message once more after a while, unless it is acked.
func (b *inbox) again(p *parcel, after time.Duration) {
	time.AfterFunc(after, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.left[p.StreamSequence] != nil {
			b.deliver(p)
		}
	})
}

func (b *inbox) ack(p *parcel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.left, p.StreamSequence)
}

// empty reports whether everything is acked.
func (b *inbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.left) == 0
}

// take takes out what waits for a shard.
func (b *inbox) take(shard int) []*parcel {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.waiting[shard]
	b.waiting[shard] = nil
	for _, p := range all {
		p.Deliveries++
	}
	return all
}

func (b *inbox) waits(shard int) (bool, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting[shard]) > 0, b.changed
}

// consumer feeds one owner of a shard.
type consumer struct {
	inbox   *inbox
	conn    *conn
	shard   int
	valid   func() bool
	handle  func(*message.Message) error
	drain   time.Duration
	running sync.WaitGroup
}

// run hands out messages until ctx ends, then lets handlers finish.
func (c *consumer) run(ctx context.Context) {
	hands, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	for ctx.Err() == nil {
		some, changed := c.inbox.waits(c.shard)
		if !some {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		if c.conn.trip(ctx, c.conn.process.name+" fetch") != nil || !c.valid() {
			_ = c.conn.process.sleep(ctx, time.Second)
			continue
		}
		for _, p := range c.inbox.take(c.shard) {
			d := p.Delivery
			c.running.Go(func() { c.hand(hands, p, d) })
		}
	}
	limit := time.AfterFunc(c.drain, cancel)
	defer limit.Stop()
	c.running.Wait()
}

// hand lets the handler decide about one message. The broker's patience is
// renewed as long as the process is heard of.
func (c *consumer) hand(ctx context.Context, p *parcel, d broker.Delivery) {
	msg := broker.Hand(ctx, d, p.body)
	done := make(chan error, 1)
	go func() { done <- c.handle(msg) }()
	patience := time.NewTicker(broker.AckWait)
	defer patience.Stop()
	acked, quiet := msg.Acked(), false
	for {
		select {
		case <-acked: // by the handler itself
			acked = nil
			c.inbox.ack(p)
		case err := <-done:
			c.fate(ctx, p, d, err, quiet)
			return
		case <-patience.C:
			if c.conn.process.silent() && !quiet {
				quiet = true
				c.inbox.again(p, 0)
			}
		}
	}
}

// fate tells the broker what the handler decided; the broker may not hear it.
func (c *consumer) fate(ctx context.Context, p *parcel, d broker.Delivery, err error, quiet bool) {
	if c.conn.process.silent() && !quiet {
		quiet = true
		c.inbox.again(p, broker.AckWait)
	}
	if lost := c.conn.trip(context.WithoutCancel(ctx), c.conn.process.name+" ack"); lost != nil {
		if !quiet {
			c.inbox.again(p, broker.AckWait)
		}
		return
	}
	switch {
	case err == nil:
		c.inbox.ack(p)
	case !quiet:
		c.inbox.again(p, min(100*time.Millisecond<<min(d.Deliveries, 7), 10*time.Second))
	}
}
