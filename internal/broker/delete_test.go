package broker

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// TestDelete: what is gone stays gone, and the second try says so too; its neighbours stay.
func TestDelete(t *testing.T) {
	t.Parallel()
	c := connect(t)
	name := testStream(t, c, "delete", nil)
	var numbers []uint64
	for range 3 {
		numbers = append(numbers, mustPut(t, c, name, Message{Subject: "test.delete.a", Data: []byte("{}")}))
	}
	for range 2 {
		if err := c.Delete(within(t), name, numbers[1]); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := c.JetStream().Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range numbers {
		if _, err := stream.GetMsg(t.Context(), n); errors.Is(err, jetstream.ErrMsgNotFound) != (i == 1) {
			t.Errorf("message %d: %v", n, err)
		}
	}
	if err := c.Delete(within(t), "IMS_NONE", 1); err == nil {
		t.Error("a stream that is not there was deleted from")
	}
}
