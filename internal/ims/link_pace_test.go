package ims

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"
)

// turns is a Pacer that notes what is asked for, and refuses from the nth on.
type turns struct {
	asked  []string
	refuse int
}

var errNoTurn = errors.New("no turn")

func (p *turns) Wait(_ context.Context, _, bucket string) error {
	p.asked = append(p.asked, bucket)
	if len(p.asked) == p.refuse {
		return errNoTurn
	}
	return nil
}

// TestEveryCallTakesItsTurn: pages, repetitions and fallbacks each.
func TestEveryCallTakesItsTurn(t *testing.T) {
	t.Parallel()
	list := func(path string) step {
		return step{method: http.MethodGet, path: path, status: 200, reply: `{"images":[]}`}
	}
	s := play(t,
		step{method: http.MethodGet, path: "/v2/cloudimages?id=i", status: 503},
		list("/v2/cloudimages?id=i"),
		step{method: http.MethodGet, path: "/v2/images/i", status: 200, reply: `{"id":"i"}`},
		step{method: http.MethodGet, path: "/v3/" + testProject + "/backups/b", status: 200, reply: `{"backup":{"id":"b"}}`},
		step{method: http.MethodGet, path: "/v2/" + testProject + "/volumes/v", status: 200, reply: `{"volume":{"id":"v"}}`},
		step{method: http.MethodGet, path: "/v2/" + testProject + "/images/i/tags", status: 200, reply: `{"tags":[]}`},
	)
	c := dial(t, keyConfig(s.URL))
	c.pauses.base = time.Millisecond
	p := &turns{}
	ctx := Paced(t.Context(), p)
	_, image := c.Image(ctx, "i")
	_, backup := c.Backup(ctx, "b")
	_, volume := c.Volume(ctx, "v")
	_, tags := c.ImageTags(ctx, "i")
	if err := errors.Join(image, backup, volume, tags); err != nil {
		t.Error(err)
	}
	if want := []string{"list", "list", "get_image", "cbr", "evs", "tags"}; !slices.Equal(p.asked, want) {
		t.Errorf("took from %q, want %q", p.asked, want)
	}
}

// TestIdentityTakesItsTurn: who asks IAM for a token or a project takes from its
// bucket, also where the call itself is not paced.
func TestIdentityTakesItsTurn(t *testing.T) {
	t.Parallel()
	s := play(t,
		step{method: http.MethodPost, path: "/v3/auth/tokens", status: 429, reply: `{"error_code":"IAM.0012","error_msg":"x"}`},
	)
	c := dial(t, tokenConfig(s.URL))
	p := &turns{}
	_, err := c.Image(Paced(t.Context(), p), "i")
	if want := []string{"list", "iam"}; !slices.Equal(p.asked, want) {
		t.Errorf("took from %q, want %q", p.asked, want)
	}
	var e *Error
	if !errors.As(err, &e) || e.Bucket() != "iam" || !e.NotSent || e.Verdict() != Throttled {
		t.Errorf("error %+v", e)
	}
}

// TestNoTurn: what does not get its turn is not sent, and not tried again.
func TestNoTurn(t *testing.T) {
	t.Parallel()
	c := dial(t, keyConfig("http://127.0.0.1:1"))
	p := &turns{refuse: 1}
	_, err := c.Backup(Paced(t.Context(), p), "b")
	if !errors.Is(err, errNoTurn) || VerdictOf(err) != NotSent || len(p.asked) != 1 {
		t.Errorf("got %v, %v, asked %q", err, VerdictOf(err), p.asked)
	}
	_, err = c.Backup(Paced(Paced(t.Context(), p), nil), "b")
	if errors.Is(err, errNoTurn) || len(p.asked) != 1 {
		t.Errorf("got %v, asked %q", err, p.asked)
	}
}

// TestThrottledTellsItsBucket: whoever owns the budgets has to know which.
func TestThrottledTellsItsBucket(t *testing.T) {
	t.Parallel()
	s := play(t, step{method: http.MethodGet, path: "/v3/" + testProject + "/backups/b", status: 429, reply: `{"error_code":"APIGW.0308"}`})
	_, err := dial(t, keyConfig(s.URL)).Backup(t.Context(), "b")
	if e, ok := errors.AsType[*Error](err); !ok || e.Bucket() != "cbr" || e.Verdict() != Throttled {
		t.Errorf("got %v", err)
	}
}
