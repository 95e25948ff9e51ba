package broker

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestStatusOfAStranger: a message without a body whose headers look like the
// broker's own words reaches its handler as any other.
func TestStatusOfAStranger(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := queue(t, c, "status", AckWait)
	want := map[string]bool{}
	for _, status := range []string{"100", "404", "408", "409", "503", "999", "x"} {
		h := nats.Header{"Status": {status}, "Description": {"Consumer Deleted"}}
		mustPut(t, c, stream, Message{Subject: "test.status." + status, Header: h})
		want["test.status."+status] = true
	}
	s, messages := subscribe(t, c, SubscriberOptions{Stream: stream})
	for len(want) > 0 {
		m := receive(t, messages)
		d, _ := DeliveryOf(m)
		if !want[d.Subject] || d.Deliveries != 1 || "test.status."+d.Header.Get("Status") != d.Subject {
			t.Errorf("got %+v", d)
		}
		delete(want, d.Subject)
		m.Ack()
	}
	if err := s.Err(); err != nil {
		t.Error(err)
	}
}

func TestPullOver(t *testing.T) {
	t.Parallel()
	other := errors.New("anything else")
	for words, want := range map[[2]string]error{
		{"404", "No Messages"}:                   nil,
		{"408", "Request Timeout"}:               nil,
		{"409", "Batch Completed"}:               nil,
		{"503", ""}:                              nats.ErrNoResponders,
		{"409", "Consumer Deleted"}:              jetstream.ErrConsumerDeleted,
		{"409", "Leadership Change"}:             jetstream.ErrConsumerLeadershipChanged,
		{"409", "Server Shutdown"}:               jetstream.ErrServerShutdown,
		{"409", "Exceeded MaxRequestBatch of 1"}: other,
	} {
		over, err := pullOver(nats.Header{"Status": {words[0]}, "Description": {words[1]}})
		if !over || !errors.Is(want, other) && !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%q: %t, %v", words, over, err)
		}
	}
	if over, err := pullOver(nats.Header{"Status": {"100"}, "Description": {"Idle Heartbeat"}}); over || err != nil {
		t.Errorf("a heartbeat: %t, %v", over, err)
	}
}
