package events_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/events"
	"github.com/imsworker/imsworker/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "mfrggzdfmztwq2lknnwg23tpob"

// tell tells one event of attempt 1 and returns what was found.
func tell(t *testing.T, l *events.Log, s messages.State, token string, alone bool) engine.Telling {
	t.Helper()
	m := messages.EventMeta{Cloud: "demo", Operation: "copy-image", Key: key, Attempt: 1, Sequence: 1, State: s, Time: time.Now(), CausationID: "a"}
	e := messages.Event{State: s, Request: messages.RequestInfo{ID: "a", Source: "b", Key: key, Cloud: "demo", Operation: "copy-image", Attempt: 1}}
	if s == messages.StateAccepted {
		e.Request.Data = []byte(`{"name":"n"}`)
	}
	telling, err := l.Tell(t.Context(), m, e, token, alone)
	if err != nil {
		t.Fatal(err)
	}
	return telling
}

// TestTellOnce follows one attempt, told by its owner, by a later owner of the
// same attempt, and by a repetition of the request.
func TestTellOnce(t *testing.T) {
	t.Parallel()
	l := events.New(brokertest.Connect(t, 1), prometheus.NewRegistry())
	for i, c := range []struct {
		state messages.State
		token string
		alone bool
		want  engine.Telling
	}{
		{messages.StateAccepted, "own", true, engine.Told},
		{messages.StateAccepted, "own", true, engine.ToldBefore},
		{messages.StateAccepted, "other", true, engine.Foreign},
		{messages.StateSubmitted, "own", false, engine.Told},
		{messages.StateSubmitted, "own", false, engine.ToldBefore},
		{messages.StateFailed, "own", false, engine.Told},
		{messages.StateFailed, "own", false, engine.ToldBefore},
		{messages.StateSucceeded, "own", false, engine.ToldBefore}, // another end of the same attempt is none
		{messages.StateSucceeded, "other", false, engine.Foreign},
		{messages.StateRejected, "other", true, engine.Foreign},
	} {
		if got := tell(t, l, c.state, c.token, c.alone); got != c.want {
			t.Errorf("%d: telling %s as %s gives %v, want %v", i, c.state, c.token, got, c.want)
		}
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	l := events.New(brokertest.Connect(t, 1), prometheus.NewRegistry())
	if _, found, err := l.Accepted(t.Context(), "demo", key, 1); found || err != nil {
		t.Errorf("an accepted event before there is one: %v", err)
	}
	tell(t, l, messages.StateAccepted, "own", true)
	tell(t, l, messages.StateFailed, "own", false)
	if e, found, err := l.Accepted(t.Context(), "demo", key, 1); !found || err != nil || string(e.Request.Data) != `{"name":"n"}` {
		t.Errorf("accepted %+v, %v, %v", e, found, err)
	}
	if e, found, err := l.Final(t.Context(), "demo", key, 1); !found || err != nil || e.State != messages.StateFailed {
		t.Errorf("final %+v, %v, %v", e, found, err)
	}
	if _, found, err := l.Final(t.Context(), "demo", key, 2); found || err != nil {
		t.Errorf("a final event of an attempt that never was: %v", err)
	}
}
