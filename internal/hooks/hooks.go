// Package hooks takes notices of backups by HTTP, on a listener of its own:
// CloudEvents with a token, and messages of the Simple Message Notification
// service (SMN) with their signature. It believes no more than it has
// verified, calls nobody but the cloud's own SMN, and answers 2xx only when
// the notice is stored.
//
// What a notice leads to is left to package backup.
package hooks

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/messages"
)

// Limits of what callers may do.
const (
	maxBody    = 256 << 10
	maxAtOnce  = 64
	storeLimit = 10 * time.Second // how long a caller waits for the broker
)

// store is what hooks need of the broker.
type store interface {
	Put(ctx context.Context, stream string, m broker.Message) (uint64, error)
	Last(ctx context.Context, stream, subject string) (broker.Stored, error)
}

// Cloud is what hooks need to know of a configured cloud.
type Cloud struct {
	// Topics are the URNs whose messages are believed.
	Topics []string
	// SMN is the address of the cloud's service, without a slash at the end:
	// certificates are read from nowhere else, and subscriptions confirmed
	// nowhere but there and at the Consoles.
	SMN      string
	Consoles []string
	TLS      *tls.Config // nil: the system's roots
}

// Options are what hooks work with.
type Options struct {
	// Token is what callers of the CloudEvents hook show; empty: it is off.
	Token string
	// Cloud returns a configured cloud; false: there is none of that name.
	Cloud func(name string) (Cloud, bool)
	Store store
	Log   *slog.Logger
}

// Hooks is the handler of the listener.
type Hooks struct {
	Options
	token    [sha256.Size]byte
	slots    chan struct{}
	certs    *certificates
	requests *prometheus.CounterVec
}

// New returns the hooks and registers their counter. Close ends what they keep
// open.
func New(o Options, reg prometheus.Registerer) *Hooks {
	h := &Hooks{Options: o, token: sha256.Sum256([]byte(o.Token)), slots: make(chan struct{}, maxAtOnce), certs: newCertificates()}
	h.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "imsworker_hook_requests_total", Help: "Calls of the hooks; rises with each, under stored, ignored (nothing about a finished backup), confirmed (a subscription), refused (not believed) or unavailable (the broker is away: the sender tries again).",
	}, []string{"hook", "result"})
	reg.MustRegister(h.requests)
	for _, hook := range []string{hookEvents, hookSMN, hookOther} {
		for _, result := range []string{resultStored, resultIgnored, resultConfirmed, resultRefused, resultUnavailable} {
			h.requests.WithLabelValues(hook, result)
		}
	}
	return h
}

// Close ends the connections that are kept.
func (h *Hooks) Close() { h.certs.close() }

// The hooks, and what becomes of a call.
const (
	hookEvents = "cloudevents"
	hookSMN    = "smn"
	hookOther  = "other" // a path that is none

	resultStored      = "stored"
	resultIgnored     = "ignored"
	resultConfirmed   = "confirmed"
	resultRefused     = "refused"
	resultUnavailable = "unavailable"
)

// Handler serves /hooks/<cloud>/cloudevents and /hooks/<cloud>/smn.
func (h *Hooks) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/hooks/{cloud}/cloudevents", h.serve(hookEvents, h.cloudEvent))
	mux.HandleFunc("/hooks/{cloud}/smn", h.serve(hookSMN, h.smn))
	mux.HandleFunc("/", h.serve(hookOther, func(context.Context, call) outcome {
		return refused(http.StatusNotFound, "there is no such hook; there are /hooks/<cloud>/cloudevents and /hooks/<cloud>/smn")
	}))
	return mux
}

// call is one call of a hook.
type call struct {
	cloud  string
	conf   Cloud
	header http.Header
	body   []byte
}

// outcome is what became of a call.
type outcome struct {
	status int
	result string
	why    string // for the caller and the log; never a secret
}

func refused(status int, format string, args ...any) outcome {
	return outcome{status, resultRefused, fmt.Sprintf(format, args...)}
}

func unavailable(format string, args ...any) outcome {
	return outcome{http.StatusServiceUnavailable, resultUnavailable, fmt.Sprintf(format, args...)}
}

// serve reads a call within its limits, has it worked on and answers. The
// caller is told why it is refused, the log too.
func (h *Hooks) serve(hook string, work func(context.Context, call) outcome) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := call{cloud: r.PathValue("cloud"), header: r.Header}
		o := unavailable("too many calls at once; try again")
		select {
		case h.slots <- struct{}{}:
			o = h.work(w, r, hook, &c, work)
			<-h.slots
		default:
		}
		h.requests.WithLabelValues(hook, o.result).Inc()
		h.tell(r, hook, c, o)
		answer(w, o)
	}
}

func (h *Hooks) work(w http.ResponseWriter, r *http.Request, hook string, c *call, do func(context.Context, call) outcome) outcome {
	switch {
	case hook == hookOther:
		return do(r.Context(), *c)
	case r.Method != http.MethodPost:
		return refused(http.StatusMethodNotAllowed, "the method is %s; want POST", brief(r.Method))
	}
	if o := h.read(w, r, hook, c); o.status != 0 {
		return o
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*storeLimit+2*certLimit)
	defer cancel()
	return do(ctx, *c)
}

// read judges who calls, and reads the body. The body of who shows no token is
// not read.
func (h *Hooks) read(w http.ResponseWriter, r *http.Request, hook string, c *call) outcome {
	if hook == hookEvents {
		if o := h.authorize(r.Header); o.status != 0 {
			return o
		}
	}
	known := false
	if c.conf, known = h.Cloud(c.cloud); !known {
		return refused(http.StatusNotFound, "there is no such cloud")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return refused(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", maxBody)
	}
	if err != nil {
		return refused(http.StatusBadRequest, "the body cannot be read")
	}
	c.body = body
	return outcome{}
}

// authorize compares the token in constant time, whatever its length.
func (h *Hooks) authorize(header http.Header) outcome {
	if h.Token == "" {
		return refused(http.StatusForbidden, "the hook for CloudEvents is off: IMSWORKER_HOOK_TOKEN is not set")
	}
	scheme, token, _ := strings.Cut(header.Get("Authorization"), " ")
	shown := sha256.Sum256([]byte(strings.TrimSpace(token)))
	if subtle.ConstantTimeCompare(shown[:], h.token[:]) != 1 || !strings.EqualFold(scheme, "Bearer") {
		return refused(http.StatusUnauthorized, "the token is missing or wrong")
	}
	return outcome{}
}

func (h *Hooks) tell(r *http.Request, hook string, c call, o outcome) {
	level := slog.LevelDebug
	switch o.result {
	case resultRefused, resultUnavailable:
		level = slog.LevelWarn
	case resultConfirmed:
		level = slog.LevelInfo
	}
	h.Log.Log(r.Context(), level, "call of a hook", "hook", hook, "cloud", brief(c.cloud), "result", o.result, "status", o.status, "why", o.why, "from", r.RemoteAddr)
}

func answer(w http.ResponseWriter, o outcome) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if o.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="imsworker"`)
	}
	if o.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	if o.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "30")
	}
	w.WriteHeader(o.status)
	_, _ = io.WriteString(w, o.why+"\n") // the caller may be gone; nobody else wants to know
}

// keep stores a notice; only then may the caller forget it.
func (h *Hooks) keep(ctx context.Context, cloud string, id messages.Identity, n messages.Notice, at time.Time) outcome {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	subject, header, body, err := messages.EncodeNotice(cloud, id, n, at)
	if err == nil {
		_, err = h.Store.Put(ctx, broker.StreamRequests, broker.Message{Subject: subject, Header: header, Data: body})
	}
	if err != nil {
		h.Log.ErrorContext(ctx, "a backup notice cannot be stored", "cloud", cloud, "error", err)
		return unavailable("the notice cannot be stored now; try again")
	}
	crash.At(crash.Hooked)
	return outcome{http.StatusOK, resultStored, "stored"}
}

// brief keeps what a stranger wrote short and on one line.
func brief(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > 120 {
		s = strings.ToValidUTF8(s[:120], "") + "…"
	}
	return s
}
