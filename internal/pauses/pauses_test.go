package pauses_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/pauses"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// follow learns what is stored, as a process that starts does.
func follow(t *testing.T, p *pauses.Pauses) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_ = p.Follow(ctx, cancel, func(subject string, err error) { t.Errorf("%s: %v", subject, err) })
}

func TestPauses(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	changes := 0
	p := pauses.New(conn, func(pauses.Pause) { changes++ })
	start := time.Now()
	say := func(operation string, paused bool, message uint64) {
		t.Helper()
		at := start.Add(time.Duration(message) * time.Second)
		if err := p.Set(t.Context(), pauses.Pause{Cloud: "demo", Operation: operation, Paused: paused, At: at, Message: message}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(copies, others bool) {
		t.Helper()
		for _, who := range []*pauses.Pauses{p, pauses.New(conn, func(pauses.Pause) {})} {
			follow(t, who)
			if who.Paused("demo", "copy-image") != copies || who.Paused("demo", "tag-image") != others || who.Paused("other", "copy-image") {
				t.Errorf("copies %v, others %v", who.Paused("demo", "copy-image"), who.Paused("demo", "tag-image"))
			}
		}
	}
	want(false, false)
	say("copy-image", true, 1)
	want(true, false)
	say("", true, 2)
	want(true, true)
	say("copy-image", false, 3)
	say("copy-image", true, 1) // comes again
	want(true, true)
	say("", false, 4)
	want(false, false)
	if changes != 4 {
		t.Errorf("%d changes, want 4", changes)
	}
}
