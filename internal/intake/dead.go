package intake

import (
	"context"
	"fmt"
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
	ReasonSubject          Reason = "subject"           // wrong number of tokens
	ReasonUnknownCloud     Reason = "unknown_cloud"     // no worker knows the cloud
	ReasonUnknownOperation Reason = "unknown_operation" // no such operation or verb
	ReasonIdentityReused   Reason = "identity_reused"   // the identity belongs to another request
	ReasonAttempt          Reason = "attempt"           // not the attempt that may come next
)

// Reasons lists the closed list.
func Reasons() []Reason {
	return []Reason{ReasonInvalid, ReasonSubject, ReasonUnknownCloud, ReasonUnknownOperation, ReasonIdentityReused, ReasonAttempt}
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
}

// NewDeadLetters returns the store and registers its counter.
func NewDeadLetters(s putter, reg prometheus.Registerer) *DeadLetters {
	d := &DeadLetters{store: s, stored: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "imsworker_dead_letters_total", Help: "Messages that could not become a record, by reason.",
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

// Store keeps the letter with its original body and headers. Storing the same
// delivery twice leaves one letter. It blocks until the broker has it or ctx
// ends.
func (d *DeadLetters) Store(ctx context.Context, l Letter, v Verdict) error {
	h := nats.Header{}
	for name, values := range l.Header {
		h[original(name)] = values
	}
	h.Set(headerReason, string(v.Reason))
	h.Set(headerDetail, oneLine(v.Problems.Error()))
	h.Set(headerSubject, oneLine(l.Subject))
	h.Set(headerTime, time.Now().UTC().Format(time.RFC3339Nano))
	h.Set(headerSequence, fmt.Sprint(l.Sequence))
	if l.Identity.ID != "" {
		encoded := messages.ReplayHeaders(l.Identity, 1)
		h[headerSource], h[headerID] = encoded[messages.HeaderRequestSource], encoded[messages.HeaderRequestID]
	}
	m := broker.Message{Subject: "ims.dead." + l.Cloud + "." + l.Operation, Header: h, Data: l.Body}
	if l.Sequence > 0 {
		m.MsgID = fmt.Sprintf("dead-%d", l.Sequence)
	}
	if _, err := d.store.Put(ctx, broker.StreamDead, m); err != nil {
		return fmt.Errorf("store dead letter of %s: %w", l.Subject, err)
	}
	d.stored.WithLabelValues(string(v.Reason)).Inc()
	return nil
}

// original renames headers that mean something to the broker: kept as they
// are they can make the publish fail for ever.
func original(name string) string {
	if len(name) >= 5 && strings.EqualFold(name[:5], "nats-") {
		return originalPrefix + name
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
