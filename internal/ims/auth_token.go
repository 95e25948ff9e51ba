package ims

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

const (
	renewAtShare  = 0.8         // of a token's life
	renewAgain    = time.Minute // between early renewals that do not work
	unknownLife   = time.Hour   // where IAM names no end
	shortestLife  = time.Second
	subjectHeader = "X-Subject-Token"
)

// tokens authorises calls with a Keystone token (API reference 1.7). It is
// renewed early, while all calls go on with the old one.
type tokens struct {
	cfg   Config
	do    link
	veil  *veil
	login *shared[token]
}

type token struct {
	value, project string
	renewAt, end   time.Time // our clock
}

func newTokens(cfg Config, do link, veil *veil) *tokens {
	t := &tokens{cfg: cfg, do: do, veil: veil}
	t.login = &shared[token]{ask: t.next, good: token.good, factor: cfg.TimeFactor}
	return t
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
	t.login.drop(func(now token) bool { return now.value == used.token })
	return used.token != ""
}

func (t *tokens) expiry() time.Time { return t.login.peek().end }

// get returns a token that is still good, waiting for a new one only where
// there is none.
func (t *tokens) get(ctx context.Context) (token, error) {
	now, err := t.login.get(ctx)
	if err == nil && !time.Now().Before(now.renewAt) {
		t.login.ahead(ctx, min(renewAgain, time.Until(now.end)/4))
	}
	return now, err
}

func (now token) good() bool { return now.value != "" && time.Now().Before(now.end) }

// next logs in.
func (t *tokens) next(ctx context.Context) (token, error) {
	now, err := t.ask(ctx)
	if old := t.login.peek(); err != nil && old.good() {
		t.cfg.Logger.WarnContext(ctx, "token not renewed, the old one is still good",
			"cloud", t.cfg.Cloud, "until", old.end, "error", err)
	}
	return now, asAuth(err)
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
