package ims

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"
)

const (
	renewAtShare  = 0.8 // of a token's life
	renewLimit    = 15 * time.Second
	renewAgain    = time.Minute // wait after an early renewal that did not work
	unknownLife   = time.Hour   // where IAM names no end
	shortestLife  = time.Second
	subjectHeader = "X-Subject-Token"
)

// tokens authorises calls with a Keystone token (API reference 1.7), which is
// renewed by one caller at a time, early, while the others go on with the old
// one.
type tokens struct {
	cfg  Config
	do   link
	veil *veil

	renewal semaphore  // held by whoever asks for a token
	mu      sync.Mutex // guards now
	now     token
}

type token struct {
	value, project string
	renewAt, end   time.Time // our clock
}

func newTokens(cfg Config, do link, veil *veil) *tokens {
	return &tokens{cfg: cfg, do: do, veil: veil, renewal: newSemaphore()}
}

func (t *tokens) project(ctx context.Context) (string, error) {
	if t.cfg.ProjectID != "" {
		return t.cfg.ProjectID, nil
	}
	now, err := t.get(ctx)
	if err != nil {
		return "", err
	}
	if now.project == "" {
		return "", &Error{
			Call: "Token", Cloud: t.cfg.Cloud, Status: http.StatusForbidden, Code: statusCode(http.StatusForbidden), NotSent: true,
			Err: errors.New("the token is not scoped to a project"), auth: true,
		}
	}
	return now.project, nil
}

func (t *tokens) authorize(ctx context.Context, k *call) error {
	now, err := t.get(ctx)
	if err != nil {
		return err
	}
	if k.used != nil {
		k.used.token = now.value
	}
	k.header.Set("X-Auth-Token", now.value)
	return nil
}

// renew forgets the token that was refused; a newer one stays.
func (t *tokens) renew(used stamp) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now.value == used.token {
		t.now = token{}
	}
	return used.token != ""
}

func (t *tokens) expiry() time.Time { return t.current().end }

func (t *tokens) current() token {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

func (t *tokens) keep(now token) token {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = now
	return now
}

// get returns a token that is still good, waiting for a new one only where
// there is none.
func (t *tokens) get(ctx context.Context) (token, error) {
	now := t.current()
	switch {
	case !now.good():
		return t.replace(ctx)
	case time.Now().Before(now.renewAt) || !t.renewal.tryAcquire():
		return now, nil
	}
	defer t.renewal.release()
	return t.early(ctx), nil
}

func (now token) good() bool { return now.value != "" && time.Now().Before(now.end) }

func (t *tokens) replace(ctx context.Context) (token, error) {
	if err := t.renewal.acquire(ctx); err != nil {
		return token{}, err
	}
	defer t.renewal.release()
	if now := t.current(); now.good() {
		return now, nil
	}
	now, err := t.ask(ctx)
	if err != nil {
		return token{}, asAuth(err)
	}
	return t.keep(now), nil
}

// early renews while the old token is good, so that a failure does no harm
// and must not cost the caller its own time limit. It is asked again a while
// later.
func (t *tokens) early(ctx context.Context) token {
	old := t.current()
	if time.Now().Before(old.renewAt) {
		return old
	}
	limited, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	now, err := t.ask(limited)
	if err != nil {
		t.cfg.Logger.WarnContext(ctx, "token not renewed, the old one is still good",
			"cloud", t.cfg.Cloud, "until", old.end, "error", err)
		now, now.renewAt = old, time.Now().Add(min(renewAgain, time.Until(old.end)/4))
	}
	return t.keep(now)
}

func (t *tokens) ask(ctx context.Context) (token, error) {
	body, err := encode(t.request())
	if err != nil {
		return token{}, err
	}
	k := call{
		name: "Token", method: http.MethodPost, service: identityService,
		path: "/v3/auth/tokens", body: body, secret: true,
	}
	asked := time.Now()
	r, err := t.do(ctx, k)
	if err != nil {
		return token{}, err
	}
	return t.read(r, asked)
}

func (t *tokens) read(r *reply, asked time.Time) (token, error) {
	value := r.header.Get(subjectHeader)
	if value == "" {
		return token{}, &Error{
			Call: "Token", Cloud: t.cfg.Cloud, Status: r.status, RequestID: shown(r.requestID(), t.veil, maxID),
			Err: errors.New("the answer has no token"),
		}
	}
	t.veil.add(value)
	var answer struct {
		Token struct {
			Expires instant `json:"expires_at"`
			Project struct {
				ID text `json:"id"`
			} `json:"project"`
		} `json:"token"`
	}
	_ = json.Unmarshal(r.body, &answer) // the token itself is in the header
	life := t.life(answer.Token.Expires.Time, r)
	return token{
		value: value, project: answer.Token.Project.ID.trim(),
		renewAt: asked.Add(time.Duration(float64(life) * renewAtShare)), end: asked.Add(life),
	}, nil
}

// life is how long the token is good, by the clock that its end was written
// with: the cloud's.
func (t *tokens) life(end time.Time, r *reply) time.Duration {
	if end.IsZero() {
		return unknownLife
	}
	date, err := http.ParseTime(r.header.Get("Date"))
	if err != nil {
		date = r.at
	}
	return max(shortestLife, time.Duration(float64(end.Sub(date))/t.cfg.TimeFactor))
}
