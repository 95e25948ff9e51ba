package broker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/broker/nodes"
)

// clustered is a cluster of three with the worker's streams on all of them.
type clustered struct {
	*testing.T

	cluster *nodes.Cluster
	direct  *broker.Conn // reaches every node, for the test's own questions
}

// TestClusterOfThree takes one cluster through everything that happens to
// clusters, one after the other, while a writer writes and a reader reads.
func TestClusterOfThree(t *testing.T) {
	t.Parallel()
	if os.Getenv("LONG") == "" {
		t.Skip("takes minutes: LONG=1 runs it; make chaos has a broker of three too")
	}
	c := clustered{T: t, cluster: brokertest.StartCluster(t)}
	c.direct = brokertest.Dial(t, c.cluster.URL())
	c.makeStreams()
	if info := c.info(); info.Config.Replicas != 3 {
		t.Fatalf("%d copies on a cluster of three", info.Config.Replicas)
	}
	for _, each := range []struct {
		name   string
		happen func(clustered, *ledgerWork)
	}{
		{"readers_anywhere", clustered.readersAnywhere},
		{"leader_steps_down", clustered.leaderStepsDown},
		{"node_of_the_client_lost", clustered.nodeOfTheClientLost},
		{"no_quorum_for_a_while", clustered.noQuorum},
		{"no_quorum_and_idle", clustered.noQuorumIdle},
		{"all_lost_and_back", clustered.allLost},
		{"leader_cut_off_with_its_client", clustered.leaderCutOff},
	} {
		t.Run(each.name, func(t *testing.T) {
			c := c
			c.T = t
			w := c.work(each.name)
			each.happen(c, w)
			w.audit()
		})
	}
}

// makeStreams does so while one of the nodes is not there yet.
func (c clustered) makeStreams() {
	c.Helper()
	c.cluster.Nodes[2].Kill()
	made := make(chan error, 1)
	go func() {
		_, err := c.direct.Apply(c.Context(), broker.Topology(broker.TopologyOptions{Shards: 1, Replicas: 3, EventsMaxAge: time.Hour}))
		made <- err
	}()
	select {
	case err := <-made:
		c.Errorf("three copies on two servers: %v", err)
	case <-time.After(time.Second): // long enough to be refused
	}
	if err := c.cluster.Nodes[2].Start(); err != nil {
		c.Fatal(err)
	}
	if err := <-made; err != nil {
		c.Fatal(err)
	}
}

// readersAnywhere reads with many consumers, which the cluster puts on any of
// its nodes: whichever it is, everything comes, and at once.
func (c clustered) readersAnywhere(w *ledgerWork) {
	w.more(5)
	for i := range 60 {
		ctx, cancel := context.WithTimeout(c.Context(), 5*time.Second)
		n := 0
		err := w.conn.Tail(ctx, broker.TrackStream(0), w.subject, func(broker.Stored) { n++ }, cancel)
		cancel()
		if n < 5 || !errors.Is(err, context.Canceled) {
			c.Fatalf("reader %d got %d messages: %v", i, n, err)
		}
	}
}

func (c clustered) leaderStepsDown(w *ledgerWork) {
	for range 2 {
		w.more(50)
		leader := c.leader()
		c.stepDown()
		eventually(c.T, "another leader", func() bool { l := c.leader(); return l != "" && l != leader })
	}
	w.more(50)
}

func (c clustered) nodeOfTheClientLost(w *ledgerWork) {
	w.more(50)
	node := c.nodeOf(w.conn)
	c.cluster.Nodes[node].Kill()
	w.more(50)
	if c.nodeOf(w.conn) == node {
		c.Error("the client is still with the node that is gone")
	}
	c.restart(node)
}

// noQuorum leaves one node, that of the client: it is connected and nothing
// can be written.
func (c clustered) noQuorum(w *ledgerWork) {
	w.more(20)
	mine := c.nodeOf(w.conn)
	others := slices.DeleteFunc([]int{0, 1, 2}, func(n int) bool { return n == mine })
	for _, n := range others {
		c.cluster.Nodes[n].Kill()
	}
	written := w.count()
	ctx, cancel := context.WithTimeout(c.Context(), 2*time.Second)
	defer cancel()
	if _, err := c.direct.Put(ctx, broker.TrackStream(0), broker.Message{Subject: broker.TrackSubject(0, "nobody"), Expect: &broker.Expect{}, Token: "t"}); err == nil {
		c.Error("one node of three takes a write")
	}
	if more := w.count() - written; more > 1 {
		c.Errorf("%d writes without a quorum", more)
	}
	c.restart(others...)
	w.more(20)
}

// noQuorumIdle has the leader lose the others, with a client on it that gives
// its write up. The leader answers for some time yet; the client must not take
// that for work, and must notice when it is.
func (c clustered) noQuorumIdle(w *ledgerWork) {
	w.more(20)
	const node = 0
	idle := brokertest.Dial(c.T, c.cluster.Nodes[node].URL())
	c.leadBy(node)
	fetching := c.fetching(node)
	ctx, giveUp := context.WithCancel(c.Context())
	defer giveUp()
	told := make(chan error, 8)
	idle.OnStuck(func(cause error) {
		giveUp()
		told <- cause
	})
	c.cluster.Nodes[1].Kill()
	c.cluster.Nodes[2].Kill()
	killed := time.Now()
	if _, err := idle.Put(ctx, broker.TrackStream(0), broker.Message{Subject: broker.TrackSubject(0, "idle"), Expect: &broker.Expect{}, Token: "t"}); err == nil {
		c.Error("one node of three takes a write")
	}
	if cause := next(c.T, told); cause == nil {
		c.Error("works before it was stuck")
	}
	const knows = 25 * time.Second // when the leader has long known that it is alone
	eventuallyWithin(c.T, time.Minute, "the leader to know", func() bool { return len(told) != 0 || time.Since(killed) > knows })
	if len(told) != 0 {
		c.Errorf("told %v without a quorum, after %s", <-told, time.Since(killed))
	}
	if cause := next(c.T, fetching); cause == nil {
		c.Error("a fetch works before it was stuck")
	}
	c.restart(1, 2)
	for _, told := range []<-chan error{told, fetching} {
		if cause := next(c.T, told); cause != nil {
			c.Errorf("stuck again: %v", cause)
		}
	}
	w.more(20)
}

// fetching is what a client on a node is told that does nothing but fetch.
func (c clustered) fetching(node int) <-chan error {
	c.Helper()
	conn, told := brokertest.Dial(c.T, c.cluster.Nodes[node].URL()), make(chan error, 8)
	conn.OnStuck(func(cause error) { told <- cause })
	s := broker.NewSubscriber(conn, broker.SubscriberOptions{Stream: broker.StreamRequests})
	if _, err := s.Subscribe(c.Context(), broker.ShardConsumer(0)); err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { _ = s.Close() })
	return told
}

func (c clustered) allLost(w *ledgerWork) {
	w.more(50)
	for _, n := range c.cluster.Nodes {
		n.Kill()
	}
	c.restart(0, 1, 2)
	w.more(50)
}

// leaderCutOff cuts the leader, with the client on it, off from the others,
// who go on without it. The client must go over to them.
func (c clustered) leaderCutOff(w *ledgerWork) {
	w.more(20)
	node := c.nodeOf(w.conn)
	c.leadBy(node)
	c.cluster.Isolate(node)
	defer c.cluster.Rejoin(node)
	w.more(20)
	if c.nodeOf(w.conn) == node {
		c.Error("the client is still with the node that is cut off")
	}
}

// leadBy has a node lead the ledger.
func (c clustered) leadBy(node int) {
	for range 20 {
		if c.leader() == c.cluster.Nodes[node].Name() {
			return
		}
		c.stepDownTo(c.cluster.Nodes[node].Name())
		eventually(c.T, "a leader", func() bool { return c.leader() != "" })
	}
}

// ledgerWork writes one record again and again, each time on condition that
// nobody else has, and reads along what is stored.
type ledgerWork struct {
	clustered

	conn    *broker.Conn
	subject string
	cancel  context.CancelFunc
	all     sync.WaitGroup

	mu      sync.Mutex
	written []uint64 // sequences, as they were confirmed
	read    []uint64
	err     error
}

func (c clustered) work(name string) *ledgerWork {
	w := &ledgerWork{clustered: c, conn: brokertest.Dial(c.T, brokertest.NewFront(c.T, c.cluster).URL()), subject: broker.TrackSubject(0, name)}
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.Context()))
	w.cancel = cancel
	w.all.Go(func() { w.write(ctx) })
	w.all.Go(func() {
		_ = w.conn.Tail(ctx, broker.TrackStream(0), w.subject, func(s broker.Stored) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.read = append(w.read, s.Sequence)
		}, func() {})
	})
	c.Cleanup(func() { cancel(); w.all.Wait() })
	return w
}

// write is cut short by the end of the test; an answer that it has not heard
// then stands in the stream all the same.
func (w *ledgerWork) write(ctx context.Context) {
	last := uint64(0)
	for n := 0; ctx.Err() == nil; n++ {
		sequence, err := w.conn.Put(ctx, broker.TrackStream(0), broker.Message{
			Subject: w.subject, Token: fmt.Sprint(n), Expect: &broker.Expect{Sequence: last},
		})
		w.mu.Lock()
		switch {
		case err == nil:
			last = sequence
			w.written = append(w.written, sequence)
		case ctx.Err() == nil:
			w.err = err
			cancel := w.cancel
			defer cancel()
		}
		w.mu.Unlock()
	}
}

func (w *ledgerWork) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.written)
}

// more waits until so many further writes were confirmed.
func (w *ledgerWork) more(n int) {
	w.Helper()
	want := w.count() + n
	eventuallyWithin(w.T, time.Minute, fmt.Sprintf("%d writes", n), func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.err != nil {
			w.Fatal(w.err)
		}
		return len(w.written) >= want
	})
}

// audit compares what was confirmed with what was read: the reader may have
// seen more, at the end, and nothing else.
func (w *ledgerWork) audit() {
	w.Helper()
	w.mu.Lock()
	confirmed := len(w.written)
	w.mu.Unlock()
	eventuallyWithin(w.T, time.Minute, "the reader to have read all", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.read) >= confirmed
	})
	w.cancel()
	w.all.Wait()
	for i := range min(len(w.written), len(w.read)) {
		if w.written[i] != w.read[i] {
			w.Fatalf("write %d was confirmed as %d and read as %d", i, w.written[i], w.read[i])
		}
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	eventuallyWithin(t, 30*time.Second, what, holds)
}

func eventuallyWithin(t *testing.T, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// restart starts nodes again and waits until every copy of the ledger has
// caught up.
func (c clustered) restart(which ...int) {
	c.Helper()
	for _, n := range which {
		if err := c.cluster.Nodes[n].Start(); err != nil {
			c.Fatal(err)
		}
	}
	if err := c.cluster.Ready(c.Context()); err != nil {
		c.Fatal(err)
	}
	eventuallyWithin(c.T, time.Minute, "all copies", func() bool {
		info := c.info()
		if info == nil || info.Cluster == nil || info.Cluster.Leader == "" || len(info.Cluster.Replicas) != 2 {
			return false
		}
		return !slices.ContainsFunc(info.Cluster.Replicas, func(p *jetstream.PeerInfo) bool { return p.Offline || !p.Current })
	})
}

// info is what the cluster says of the ledger; nil while nobody answers.
func (c clustered) info() *jetstream.StreamInfo {
	ctx, cancel := context.WithTimeout(c.Context(), time.Second)
	defer cancel()
	stream, err := c.direct.JetStream().Stream(ctx, broker.TrackStream(0))
	if err != nil {
		return nil
	}
	return stream.CachedInfo()
}

func (c clustered) leader() string {
	if info := c.info(); info != nil && info.Cluster != nil {
		return info.Cluster.Leader
	}
	return ""
}

func (c clustered) stepDown() { c.stepDownTo("") }

// stepDownTo has the leader of the ledger give up, in favour of a node if it
// is named.
func (c clustered) stepDownTo(node string) {
	c.Helper()
	var body []byte
	if node != "" {
		body = []byte(`{"placement":{"preferred":"` + node + `"}}`)
	}
	ctx, cancel := context.WithTimeout(c.Context(), 5*time.Second)
	defer cancel()
	m, err := c.direct.NATS().RequestWithContext(ctx, "$JS.API.STREAM.LEADER.STEPDOWN."+broker.TrackStream(0), body)
	if err != nil || !strings.Contains(string(m.Data), `"success":true`) {
		c.Logf("step down: %v %s", err, m.Data)
	}
}

// nodeOf is the number of the node that a client is connected to.
func (c clustered) nodeOf(conn *broker.Conn) int {
	return slices.IndexFunc(c.cluster.Nodes, func(n *nodes.Node) bool { return n.Name() == conn.NATS().ConnectedServerName() })
}
