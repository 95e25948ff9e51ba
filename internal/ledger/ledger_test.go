package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

func TestMain(m *testing.M) {
	brokertest.ServeIfAsked()
	goleak.VerifyTestMain(m)
}

func record(id string) *ledger.Record {
	return &ledger.Record{
		Key: messages.Key("demo", "test", id), Cloud: "demo", Operation: "copy-image", Source: "test", ID: id, Attempt: 1,
		State: ledger.Accepted, Token: "t", Accepted: time.Now().UTC(), Data: json.RawMessage(`{"a":1}`),
	}
}

func TestOnlyOneWriterDecides(t *testing.T) {
	t.Parallel()
	s := ledger.New(brokertest.Connect(t, 1), 0)
	r := record("a")
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), record("a")); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("second create: %v, want ErrExists", err)
	}
	mine, theirs := r.Clone(), r.Clone()
	theirs.State = ledger.Submitting
	if err := s.Update(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	mine.State = ledger.Parked
	if err := s.Update(t.Context(), mine); !errors.Is(err, ledger.ErrChanged) {
		t.Errorf("update of an old version: %v, want ErrChanged", err)
	}
	got, err := s.Get(t.Context(), r.Key)
	if err != nil || got.State != ledger.Submitting || got.Sequence != theirs.Sequence || got.Stored.IsZero() {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := s.Get(t.Context(), "nobody"); !errors.Is(err, ledger.ErrNone) {
		t.Errorf("unknown key: %v, want ErrNone", err)
	}
}

// TestFollow reads what is there, then the news; of each subject only the
// newest version remains.
func TestFollow(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	s := ledger.New(conn, 0)
	for i := range 50 {
		r := record(fmt.Sprint(i))
		if err := errors.Join(s.Create(t.Context(), r), s.Update(t.Context(), r)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Put(t.Context(), broker.TrackStream(0), broker.Message{Subject: broker.TrackSubject(0, "rubbish"), Data: []byte("no record")}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	seen, bad := map[string]int{}, 0
	err := s.Follow(ctx, func(r *ledger.Record) {
		if seen[r.Key]++; r.ID == "late" {
			cancel()
		}
	}, func() {
		if len(seen) != 50 || slices.Max(slices.Collect(maps.Values(seen))) != 1 || bad != 1 {
			t.Errorf("caught up with %d records and %d others", len(seen), bad)
		}
		go func() { _ = s.Create(context.WithoutCancel(ctx), record("late")) }()
	}, func(string, error) { bad++ })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("follow ended with %v", err)
	}
}

// TestFollowHandsOverOwnWritesAsCopies writes here and elsewhere under one
// key: each version comes once, with its place and time, whoever wrote it, and
// what happens to a written record later does not show in the news.
func TestFollowHandsOverOwnWritesAsCopies(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	here, elsewhere := ledger.New(conn, 0), ledger.New(conn, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	news, ready := make(chan *ledger.Record, 10), make(chan struct{})
	followed := make(chan error, 1)
	go func() {
		followed <- here.Follow(ctx, func(r *ledger.Record) { news <- r }, func() { close(ready) }, func(string, error) {})
	}()
	<-ready
	r := record("a")
	expect := func(s ledger.State) {
		t.Helper()
		select {
		case got := <-news:
			if got.State != s || got.Sequence != r.Sequence || got.Stored.IsZero() || got == r {
				t.Errorf("got %+v, want %s as message %d", got, s, r.Sequence)
			}
		case <-ctx.Done():
			t.Fatalf("%s did not come", s)
		}
	}
	for _, write := range []func() error{
		func() error { return here.Create(ctx, r) },
		func() error { return elsewhere.Update(ctx, r) },
		func() error { return here.Update(ctx, r) },
		func() error { return here.Bury(ctx, r, time.Minute) },
	} {
		written := r.State
		if err := write(); err != nil {
			t.Fatal(err)
		}
		r.State = ledger.Finished
		expect(written)
	}
	if err := here.Update(ctx, record("a")); !errors.Is(err, ledger.ErrChanged) {
		t.Errorf("update of an old version: %v", err)
	}
	cancel()
	if err := <-followed; !errors.Is(err, context.Canceled) {
		t.Errorf("follow ended with %v", err)
	}
}

func TestTombstoneIsSmallAndVanishes(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	s := ledger.New(conn, 0)
	r := record("a")
	r.Posts, r.Outcome, r.Finished = []time.Time{time.Now().UTC()}, messages.StateFailed, time.Now().UTC()
	r.Failure = &messages.Failure{Reason: messages.ReasonJobFailed, Code: "IMG.0134", Message: "many words"}
	if err := errors.Join(s.Create(t.Context(), r), s.Bury(t.Context(), r, time.Second)); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(t.Context(), r.Key)
	if err != nil || !got.Buried || got.Data != nil || len(got.Posts) != 1 || got.Failure.Message != "" || got.Failure.Reason != messages.ReasonJobFailed {
		t.Errorf("tombstone %+v, %v", got, err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for !errors.Is(err, ledger.ErrNone) && time.Now().Before(deadline) {
		_, err = s.Get(t.Context(), r.Key)
	}
	if !errors.Is(err, ledger.ErrNone) {
		t.Errorf("the tombstone is still there: %v", err)
	}
	if info, err := streamInfo(t, conn); err != nil || info.Config.MaxMsgsPerSubject != -1 {
		t.Errorf("the stream has a limit a subject: %+v, %v", info, err)
	}
}

func streamInfo(t *testing.T, conn *broker.Conn) (*jetstream.StreamInfo, error) {
	t.Helper()
	s, err := conn.JetStream().Stream(t.Context(), broker.TrackStream(0))
	if err != nil {
		return nil, err
	}
	return s.CachedInfo(), nil
}

func TestUnknownFieldsAreKept(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	s := ledger.New(conn, 0)
	if _, err := conn.Put(t.Context(), broker.TrackStream(0), broker.Message{
		Subject: broker.TrackSubject(0, "k"), Data: []byte(`{"v":2,"key":"k","state":"accepted","novelty":{"x":[1,2]}}`),
	}); err != nil {
		t.Fatal(err)
	}
	r, err := s.Get(t.Context(), "k")
	if err != nil || r.Version != 2 || string(r.Extra["novelty"]) != `{"x":[1,2]}` || len(r.Extra) != 1 {
		t.Fatalf("read %+v, %v", r, err)
	}
	r.State = ledger.Parked
	if err := s.Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	m, err := conn.Last(t.Context(), broker.TrackStream(0), broker.TrackSubject(0, "k"))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(m.Data, &fields); err != nil || fmt.Sprint(fields["novelty"]) != "map[x:[1 2]]" || fields["state"] != "parked" {
		t.Errorf("written %s, %v", m.Data, err)
	}
}

func TestHashData(t *testing.T) {
	t.Parallel()
	same := []string{`{"a":1,"b":"x"}`, ` { "b" : "x", "a" : 1 } `}
	if ledger.HashData([]byte(same[0])) != ledger.HashData([]byte(same[1])) {
		t.Error("white space and order count")
	}
	for _, other := range []string{`{"a":2,"b":"x"}`, `{"a":1,"b":"x","c":null}`, `not JSON`} {
		if ledger.HashData([]byte(same[0])) == ledger.HashData([]byte(other)) {
			t.Errorf("same hash as %s", other)
		}
	}
}

func TestCloneIsOfItsOwn(t *testing.T) {
	t.Parallel()
	r := record("a")
	r.Posts = []time.Time{time.Now()}
	c := r.Clone()
	c.Posts[0] = time.Time{}
	if r.Posts[0].IsZero() {
		t.Error("a clone shares its list of posts")
	}
}
