package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// Reason says why a message is a dead letter; the list is closed.
type Reason string

// The reasons.
const (
	ReasonInvalid          Reason = "invalid"           // the message or its data has mistakes
	ReasonSubject          Reason = "subject"           // wrong number of tokens, or tokens that nothing can be called
	ReasonUnknownCloud     Reason = "unknown_cloud"     // no worker knows the cloud
	ReasonUnknownOperation Reason = "unknown_operation" // no such operation or verb
	ReasonIdentityReused   Reason = "identity_reused"   // the identity belongs to another request
	ReasonAttempt          Reason = "attempt"           // not the attempt that may come next
	ReasonBackup           Reason = "backup"            // the backup of a notice cannot become an image
)

// Reasons lists the closed list.
func Reasons() []Reason {
	return []Reason{ReasonInvalid, ReasonSubject, ReasonUnknownCloud, ReasonUnknownOperation, ReasonIdentityReused, ReasonAttempt, ReasonBackup}
}

// Headers of a dead letter.
const (
	headerReason   = "Ims-Dead-Reason"
	headerDetail   = "Ims-Dead-Detail"
	headerSubject  = "Ims-Dead-Subject"
	headerTime     = "Ims-Dead-Time"
	headerSequence = "Ims-Dead-Sequence"
	headerSource   = "Ims-Dead-Request-Source"
	headerID       = "Ims-Dead-Request-Id"
	headerOmitted  = "Ims-Dead-Omitted"
	deadPrefix     = "Ims-Dead-"
	originalPrefix = "Ims-Orig-"
)

// detailLimit keeps a dead letter's headers within what the broker takes.
const detailLimit = 8 << 10

// putter is what dead letters need of the broker.
type putter interface {
	Put(ctx context.Context, stream string, m broker.Message) (uint64, error)
}

// DeadLetters stores messages that could not become a record.
type DeadLetters struct {
	store  putter
	stored *prometheus.CounterVec
	log    *slog.Logger
}

// NewDeadLetters returns the store and registers its counter.
func NewDeadLetters(s putter, reg prometheus.Registerer, log *slog.Logger) *DeadLetters {
	d := &DeadLetters{store: s, log: log, stored: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "imsworker_dead_letters_total", Help: "Messages that could not become a record; rises when one is put aside, under the reason.",
	}, []string{"reason"})}
	reg.MustRegister(d.stored)
	for _, reason := range Reasons() {
		d.stored.WithLabelValues(string(reason))
	}
	return d
}

// Letter is a message that could not become a record.
type Letter struct {
	Cloud, Operation string // "_" where the subject has none
	Subject          string // where it was published
	Sequence         uint64 // in the stream of requests, 0 if it came otherwise
	Name             string // tells letters without a sequence apart; empty: each is one of its own
	Header           nats.Header
	Body             []byte
	// Identity is that of the request, as far as it has one: a replay needs it.
	Identity messages.Identity
}

// Verdict is why a message is a dead letter.
type Verdict struct {
	Reason   Reason
	Problems messages.Problems
}

// Store keeps the letter with its original body and headers; what does not fit
// the broker beside our own headers is left out, and the letter says so.
// Storing the same delivery again within broker.DeadWindow leaves one letter.
// It blocks until the broker has it or ctx ends.
func (d *DeadLetters) Store(ctx context.Context, l Letter, v Verdict) error {
	l, v = addressed(l, v)
	var number uint64
	var err error
	for _, m := range []func(Letter, Verdict) broker.Message{whole, withFewerHeaders, withLittleBody} {
		if number, err = d.store.Put(ctx, broker.StreamDead, m(l, v)); !errors.Is(err, broker.ErrTooLarge) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("store dead letter of %s: %w", brief(l.Subject), err)
	}
	d.stored.WithLabelValues(string(v.Reason)).Inc()
	d.say(ctx, number, l, v)
	return nil
}

// say names the letter by the number that `imsworker dead get` takes. What
// stands in it is left out: it may be anything that somebody has published.
func (d *DeadLetters) say(ctx context.Context, number uint64, l Letter, v Verdict) {
	fields := []any{"letter", number, "subject", oneLine(l.Subject), "reason", string(v.Reason), "problems", len(v.Problems)}
	if l.Identity.ID != "" {
		fields = append(fields, "key", messages.Key(l.Cloud, l.Identity.Source, l.Identity.ID))
	}
	d.log.WarnContext(ctx, "message is a dead letter: `imsworker dead get` with the letter's number says what is wrong with it", fields...)
}

// addressed puts a letter whose cloud or operation nothing can be called under
// _._: the subject of a dead letter holds nothing that a stranger made up.
func addressed(l Letter, v Verdict) (Letter, Verdict) {
	if l.Cloud == "_" && l.Operation == "_" || soundTokens(l.Cloud, l.Operation) {
		return l, v
	}
	v = Verdict{Reason: ReasonSubject, Problems: unsound(l.Cloud, l.Operation)}
	l.Cloud, l.Operation = "_", "_"
	return l, v
}

// whole is the letter as it should be stored.
func whole(l Letter, v Verdict) broker.Message {
	h := nats.Header{}
	for name, values := range l.Header {
		h[original(name, len(l.Body) == 0)] = values
	}
	maps.Copy(h, ours(l, v))
	m := broker.Message{Subject: broker.DeadSubject(l.Cloud, l.Operation), Header: h, Data: l.Body}
	switch {
	case l.Sequence > 0:
		m.MsgID = fmt.Sprintf("dead-%d", l.Sequence)
	case l.Name != "":
		m.MsgID = "dead-" + l.Name
	}
	return m
}

// ours are the headers that a letter has beside those of the original.
func ours(l Letter, v Verdict) nats.Header {
	h := nats.Header{}
	h.Set(headerReason, string(v.Reason))
	h.Set(headerDetail, oneLine(v.Problems.Error()))
	h.Set(headerSubject, oneLine(l.Subject))
	h.Set(headerTime, time.Now().UTC().Format(time.RFC3339Nano))
	h.Set(headerSequence, fmt.Sprint(l.Sequence))
	if l.Identity.ID != "" {
		encoded := messages.ReplayHeaders(l.Identity, 1)
		h[headerSource], h[headerID] = encoded[messages.HeaderRequestSource], encoded[messages.HeaderRequestID]
	}
	return h
}

// original renames headers that mean something to the broker, which kept as
// they are can make the publish fail for ever, and those that would look like
// ours. Without a body, a header Status makes a message look like one of the
// broker's own to its readers, who would never show it.
func original(name string, empty bool) string {
	if empty && strings.EqualFold(name, "Status") {
		return originalPrefix + name
	}
	for _, prefix := range []string{"nats-", deadPrefix} {
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			return originalPrefix + name
		}
	}
	return name
}

// oneLine makes a text fit for a header: one line of visible characters.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > detailLimit {
		s = strings.ToValidUTF8(s[:detailLimit], "") + " …"
	}
	return s
}

// letter is a delivery as a dead letter.
func letter(d broker.Delivery, body []byte, cloud, operation string) Letter {
	l := Letter{Cloud: "_", Operation: "_", Subject: publishedSubject(d.Subject), Sequence: d.StreamSequence, Header: d.Header, Body: body}
	if cloud != "" && operation != "" {
		l.Cloud, l.Operation = cloud, operation
	}
	return l
}

// publishedSubject undoes the broker's transform:
// ims.inbox.<n>.<kind>.<cloud>.<verb> was ims.<kind>.<cloud>.<verb>.
func publishedSubject(subject string) string {
	if kind, cloud, verb, ok := parseSubject(subject); ok {
		return "ims." + kind + "." + cloud + "." + verb
	}
	return subject
}
