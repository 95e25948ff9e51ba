package app_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/broker/nodes"
	"github.com/imsworker/imsworker/internal/config"
)

// clustered is a worker whose broker is a cluster of three, reached through
// proxies that the test and the cloud do not use.
type clustered struct {
	*troubled

	cluster *nodes.Cluster
	front   *nodes.Front
}

// TestBrokerOfThree takes one worker and its cluster through everything that
// happens to clusters, under load.
func TestBrokerOfThree(t *testing.T) {
	t.Parallel()
	if os.Getenv("LONG") == "" {
		t.Skip("takes minutes: LONG=1 runs it; make chaos has a broker of three too")
	}
	cluster := brokertest.StartCluster(t)
	s := clustered{
		troubled: &troubled{system: newSystem(t, ", limits: off, horizon: 60s", nil)},
		cluster:  cluster, front: brokertest.NewFront(t, cluster),
	}
	s.allowImages(1000)
	s.cfg.NATS.URL, s.cfg.Lease, s.cfg.Shards = config.Secret(s.front.URL()), 15*time.Second, 2
	s.start()
	s.conn.Close() // it goes the worker's way
	s.conn = brokertest.Dial(t, cluster.URL())
	for _, each := range []struct {
		name   string
		happen func(clustered)
	}{
		{"leaders_step_down", clustered.leadersStepDown},
		{"node_lost", clustered.nodeLost},
		{"no_quorum_for_a_while", clustered.noQuorum},
		{"all_lost_and_back", clustered.allLost},
		{"node_of_the_worker_cut_off", clustered.nodeCutOff},
	} {
		t.Run(each.name, func(t *testing.T) {
			defer s.as(t)()
			each.happen(s)
			s.audit()
		})
	}
}

// as has a part of the test speak for itself.
func (s clustered) as(t *testing.T) (back func()) {
	whole := s.t
	s.t = t
	return func() { s.t = whole }
}

// begin sends n requests and waits until some of them are begun.
func (s clustered) begin(n int) {
	s.t.Helper()
	for range n {
		m := &nats.Msg{Subject: "ims.request.demo.copy-image", Data: []byte(copyBase), Header: copyEvent(fmt.Sprint(s.sent))}
		s.await("a request to be stored", func() bool { _, err := s.conn.JetStream().PublishMsg(s.t.Context(), m); return err == nil })
		s.sent++
	}
	begun := s.made()
	s.await("some of them to be begun", func() bool { return s.made() > begun })
}

// leadersStepDown has every stream look for another leader.
func (s clustered) leadersStepDown() {
	s.begin(30)
	for _, order := range []string{
		"STREAM.LEADER.STEPDOWN." + broker.StreamRequests, "STREAM.LEADER.STEPDOWN." + broker.StreamEvents,
		"STREAM.LEADER.STEPDOWN." + broker.StreamState, "STREAM.LEADER.STEPDOWN." + broker.TrackStream(0),
		"STREAM.LEADER.STEPDOWN." + broker.TrackStream(1),
	} {
		s.await(order, func() bool {
			m, err := s.conn.NATS().Request("$JS.API."+order, nil, 5*time.Second)
			return err == nil && strings.Contains(string(m.Data), `"success":true`)
		})
	}
	s.begin(5)
}

// nodeLost kills the node that the worker is connected to.
func (s clustered) nodeLost() {
	s.stayAt(0)
	s.begin(30)
	s.cluster.Nodes[0].Kill()
	s.begin(5)
	s.restart(0)
}

// noQuorum leaves one node of three: the worker is connected and waits.
func (s clustered) noQuorum() {
	s.begin(30)
	s.cluster.Nodes[0].Kill()
	s.cluster.Nodes[1].Kill()
	s.ready(503)
	s.restart(0, 1)
	s.ready(200)
	s.begin(5)
}

func (s clustered) allLost() {
	s.begin(30)
	for _, n := range s.cluster.Nodes {
		n.Kill()
	}
	s.ready(503)
	s.restart(0, 1, 2)
	s.begin(5)
}

// nodeCutOff cuts the node of the worker off from the others: the worker has to
// go over to them.
func (s clustered) nodeCutOff() {
	s.conn = brokertest.Dial(s.t, s.cluster.Nodes[0].URL()+","+s.cluster.Nodes[1].URL()) // the test is not cut off
	s.stayAt(2)
	s.begin(30)
	s.cluster.Isolate(2)
	defer s.cluster.Rejoin(2)
	s.begin(5)
	s.audit()
	s.said("the broker takes nothing; trying another of its servers")
}

// stayAt has the worker connect to one node, and no more than that: it may go
// over to the others again. What it says of itself may be older than the cut.
func (s clustered) stayAt(node int) {
	s.t.Helper()
	const connections = 2 // that for leases is one of its own
	for i, p := range s.front.Proxies {
		if i != node {
			p.Cut()
		}
	}
	s.await("the worker to be at that node", func() bool { return s.front.Proxies[node].Links() == connections })
	s.ready(200)
	s.front.Heal()
}

func (s clustered) restart(which ...int) {
	s.t.Helper()
	for _, n := range which {
		if err := s.cluster.Nodes[n].Start(); err != nil {
			s.t.Fatal(err)
		}
	}
}
