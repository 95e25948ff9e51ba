package broker

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

func TestQueryAndAnswer(t *testing.T) {
	t.Parallel()
	c := connect(t)
	if _, err := c.Query(within(t), QuerySubject(5, "limits"), nil); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody listens: got %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- c.Answer(ctx, QueryFilter(5), func(subject string, question []byte) []byte {
			if len(question) == 0 {
				return nil
			}
			return []byte(subject + " " + string(question))
		})
	}()
	ask := func() (string, error) {
		answer, err := c.Query(within(t), QuerySubject(5, "limits"), []byte("?"))
		return string(answer), err
	}
	got, err := ask()
	for errors.Is(err, ErrNobody) { // it is just about to listen
		got, err = ask()
	}
	if err != nil || got != "ims.query.05.limits ?" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := c.Query(within(t), QuerySubject(4, "limits"), []byte("?")); !errors.Is(err, ErrNobody) {
		t.Errorf("another shard: got %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Query(short, QuerySubject(5, "limits"), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who listens says nothing: got %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	if _, err := ask(); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody listens any more: got %v", err)
	}
}

// TestQueryWithoutTheRight says so at once.
func TestQueryWithoutTheRight(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nats.conf")
	write(t, file, restricted)
	inside := startIn(t, InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file})
	worker := dial(t, Options{URL: inside.URL(), User: "worker", Password: "pw", InboxPrefix: "_INBOX_worker"})
	if _, err := worker.Query(within(t), QuerySubject(0, "limits"), nil); !errors.Is(err, ErrDenied) {
		t.Errorf("got %v, want ErrDenied", err)
	}
}

// TestRightsOfQuestions looks which of the two rights users have.
func TestRightsOfQuestions(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nats.conf")
	write(t, file, `authorization { users: [
		{ user: all, password: pw }
		{ user: answers, password: pw, permissions: { publish: [ "$JS.API.>" ], subscribe: [ "_INBOX.>", "ims.query.>" ] } }
		{ user: asks, password: pw, permissions: { publish: [ "ims.query.>" ], subscribe: [ "_INBOX.>" ] } }
		{ user: neither, password: pw, permissions: { publish: [ "$JS.API.>" ], subscribe: [ "_INBOX.>" ] } }
	] }`)
	inside := startIn(t, InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file})
	for user, may := range map[string]struct{ ask, listen bool }{"all": {true, true}, "answers": {false, true}, "asks": {true, false}, "neither": {}} {
		c := dial(t, Options{URL: inside.URL(), User: user, Password: "pw"})
		if got := c.MayAsk(within(t), 16); may.ask != (got == nil) || !may.ask && !errors.Is(got, ErrDenied) {
			t.Errorf("%s asks: got %v", user, got)
		}
		if got := c.MayListen(within(t), 16); may.listen != (got == nil) || !may.listen && !errors.Is(got, ErrDenied) {
			t.Errorf("%s listens: got %v", user, got)
		}
	}
}
