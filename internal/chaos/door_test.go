package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/credentials"
)

// TestThreeNodes: whoever reads events from an account of its own gets them
// through every node of the cluster, as does who publishes get confirmations.
// Nobody becomes a node by any certificate of the same authority.
func TestThreeNodes(t *testing.T) {
	t.Parallel()
	s := settingsOf(t, map[string]string{"CONFIG": "../../deployments/nats"})
	dir := t.TempDir()
	d, err := newDoor(s, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := credentials.Make(credentials.Options{Dir: d.dir, Nodes: []string{"intruder"}, Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	cluster, err := d.start(t.Context(), dir, s.brokers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	admin, worker := brokertest.DialAs(t, d.options(asAdministrator, cluster.URL())), brokertest.DialAs(t, d.options(asWorker, cluster.URL()))
	want := broker.Topology(broker.TopologyOptions{Shards: 1, Replicas: 3, EventsMaxAge: time.Hour, Readers: []string{"demo"}})
	if _, err := admin.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	for i, node := range cluster.Nodes {
		subject := fmt.Sprintf("ims.event.demo.copy-image.final.succeeded.k.%d", i)
		if _, err := worker.Put(t.Context(), broker.StreamEvents, broker.Message{Subject: subject, Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if got, err := fetchOne(ctx, d, node.URL()); err != nil || got != subject {
			t.Errorf("node %d: got %q, %v", i+1, got, err)
		}
		if said := asNode(t, d, node.Routes(), "nats-2"); !strings.HasPrefix(said, "INFO ") || strings.Contains(said, "-ERR") {
			t.Errorf("node %d: another node is told %q", i+1, said)
		}
		if said := asNode(t, d, node.Routes(), "intruder"); !strings.Contains(said, "Authorization Violation") {
			t.Errorf("node %d: who is no node is told %q", i+1, said)
		}
		publisher := brokertest.DialAs(t, d.options("publisher_demo", node.URL()))
		if _, err := publisher.Put(ctx, broker.StreamRequests, broker.Message{Subject: "ims.request.demo.copy-image", Data: []byte("{}")}); err != nil {
			t.Errorf("node %d: publish: %v", i+1, err)
		}
	}
}

// asNode knocks where nodes do, with somebody's certificate of the authority
// that all trust, and returns all that it
// is told up to the answer to a ping.
func asNode(t *testing.T, d door, address, name string) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(d.secret(name+".crt"), d.secret(name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Close() }()
	route := tls.Client(plain, &tls.Config{Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true}) //nolint:gosec // whether it is let in is asked
	if _, err := fmt.Fprintf(route, "CONNECT {\"name\":%q,\"cluster\":\"imsworker\",\"tls_required\":true}\r\nPING\r\n", name); err != nil {
		return err.Error()
	}
	said := ""
	for lines := bufio.NewScanner(route); lines.Scan() && !strings.HasPrefix(lines.Text(), "PONG"); {
		said += lines.Text() + "\n"
	}
	return said
}

// fetchOne takes one event as the reader of demo.
func fetchOne(ctx context.Context, d door, url string) (subject string, err error) {
	enter, err := d.connect("reader_demo")
	if err != nil {
		return "", err
	}
	nc, err := nats.Connect(url, enter...)
	if err != nil {
		return "", err
	}
	defer nc.Close()
	js, err := jetstream.NewWithDomain(nc, "IMS")
	if err != nil {
		return "", err
	}
	consumer, err := js.Consumer(ctx, broker.StreamEvents, broker.ReaderConsumer("demo"))
	if err != nil {
		return "", err
	}
	message, err := consumer.Next(jetstream.FetchMaxWait(30 * time.Second))
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(message.Subject()), message.DoubleAck(ctx)
}
