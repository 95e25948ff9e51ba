package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/broker"
)

// TestReaderOfThree: whoever reads events from an account of its own gets them
// through every node of the cluster, as does who publishes get confirmations.
func TestReaderOfThree(t *testing.T) {
	t.Parallel()
	s := settingsOf(t, map[string]string{"CONFIG": "../../deployments/nats"})
	dir := t.TempDir()
	d, err := newDoor(s, dir)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := d.start(t.Context(), dir, s.brokers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	admin, worker := dialled(t, d.options(asAdministrator, cluster.URL())), dialled(t, d.options(asWorker, cluster.URL()))
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
		publisher := dialled(t, d.options("publisher_demo", node.URL()))
		if _, err := publisher.Put(ctx, broker.StreamRequests, broker.Message{Subject: "ims.request.demo.copy-image", Data: []byte("{}")}); err != nil {
			t.Errorf("node %d: publish: %v", i+1, err)
		}
	}
}

func dialled(t *testing.T, o broker.Options) *broker.Conn {
	t.Helper()
	conn, err := broker.Dial(t.Context(), o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
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
