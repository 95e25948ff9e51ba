package hooks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// The types of SMN's messages.
const (
	typeNotification = "Notification"
	typeSubscribe    = "SubscriptionConfirmation"
	typeUnsubscribe  = "UnsubscribeConfirmation"
)

// How old a message may be, and how far ahead of our clock. SMN repeats what it
// could not deliver; how long, it does not say.
const (
	mostAge   = 24 * time.Hour
	mostAhead = 5 * time.Minute
)

// smnMessage is what SMN posts.
type smnMessage struct {
	Type             string `json:"type"`
	ID               string `json:"message_id"`
	Topic            string `json:"topic_urn"`
	Subject          string `json:"subject"`
	Message          string `json:"message"`
	Timestamp        string `json:"timestamp"`
	SignatureVersion string `json:"signature_version"`
	Signature        string `json:"signature"`
	CertURL          string `json:"signing_cert_url"`
	SubscribeURL     string `json:"subscribe_url"`
}

// smn takes a message: it is judged by what it says first, then by its
// signature, and only then believed. Nothing is called for a message that is
// not of a topic in the list.
func (h *Hooks) smn(ctx context.Context, c call) outcome {
	var m smnMessage
	if len(bytes.TrimSpace(c.body)) == 0 {
		return refused(http.StatusBadRequest, "the body is empty; want a message of SMN, in JSON")
	}
	if err := json.Unmarshal(c.body, &m); err != nil {
		return refused(http.StatusBadRequest, "the body is no message of SMN, which is JSON with type, message_id, topic_urn and more")
	}
	at, o := m.judge(c.conf, time.Now())
	if o.status != 0 {
		return o
	}
	if o := h.verify(ctx, c, m); o.status != 0 {
		return o
	}
	known, err := h.heard(ctx, m)
	switch {
	case err != nil:
		h.Log.ErrorContext(ctx, "it cannot be looked up whether a message of SMN is known", "cloud", c.cloud, "error", err)
		return unavailable("it cannot be looked up now whether the message is known; try again")
	case known:
		return refused(http.StatusConflict, "the message %s was taken before", brief(m.ID))
	}
	return h.believe(ctx, c, m, at)
}

// believe does what an authentic message asks for. It is noted afterwards: one
// that was cut off may be sent again.
func (h *Hooks) believe(ctx context.Context, c call, m smnMessage, at time.Time) outcome {
	var o outcome
	switch m.Type {
	case typeSubscribe:
		o = h.confirm(ctx, c.conf, m)
	case typeUnsubscribe:
		o = outcome{http.StatusOK, resultConfirmed, "the subscription of " + brief(m.Topic) + " has ended"}
	default:
		found := search([]byte(m.Message), m.Subject)
		if found.nothing != "" {
			o = outcome{http.StatusOK, resultIgnored, found.nothing}
			break
		}
		found.notice.Evidence.Channel, found.notice.Evidence.NativeID = messages.ChannelSMN, brief(m.ID)
		o = h.keep(ctx, c.cloud, messages.Identity{Source: m.Topic, ID: m.ID}, found.notice, at)
	}
	if o.status == http.StatusOK {
		if err := h.note(ctx, m); err != nil { // it may be taken a second time, which changes nothing
			h.Log.WarnContext(ctx, "a message of SMN cannot be noted", "cloud", c.cloud, "error", err)
		}
	}
	return o
}

// judge looks at what a message says of itself.
func (m smnMessage) judge(conf Cloud, now time.Time) (time.Time, outcome) {
	at, err := time.Parse(time.RFC3339, m.Timestamp)
	switch {
	case !slices.Contains([]string{typeNotification, typeSubscribe, typeUnsubscribe}, m.Type):
		return at, refused(http.StatusBadRequest, "the type %q is none of SMN's", brief(m.Type))
	case m.ID == "" || len(m.ID) > 200:
		return at, refused(http.StatusBadRequest, "the message has no usable message_id")
	case !slices.Contains(conf.Topics, m.Topic):
		return at, refused(http.StatusForbidden, "the topic %q is not in smn_topics of the cloud's entry", brief(m.Topic))
	case err != nil:
		return at, refused(http.StatusBadRequest, "the timestamp %q is none", brief(m.Timestamp))
	case now.Sub(at) > mostAge:
		return at, refused(http.StatusForbidden, "the message is of %s, older than %s", brief(m.Timestamp), mostAge)
	case at.Sub(now) > mostAhead:
		return at, refused(http.StatusForbidden, "the message is of %s, which is still to come", brief(m.Timestamp))
	}
	return at, outcome{}
}

// digest names a message whatever stands in its id.
func (m smnMessage) digest() string {
	sum := sha256.Sum256([]byte(m.Topic + "\n" + m.Type + "\n" + m.ID))
	return hex.EncodeToString(sum[:16])
}

// heard reports whether the message was taken before, by any replica.
func (h *Hooks) heard(ctx context.Context, m smnMessage) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	_, err := h.Store.Last(ctx, broker.StreamState, broker.HeardPrefix+m.digest())
	if errors.Is(err, broker.ErrNone) {
		return false, nil
	}
	return err == nil, err
}

// note has the message refused from now on, for as long as it is young enough.
func (h *Hooks) note(ctx context.Context, m smnMessage) error {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	_, err := h.Store.Put(ctx, broker.StreamState, broker.Message{Subject: broker.HeardPrefix + m.digest(), TTL: mostAge + mostAhead + time.Hour, Rollup: true})
	return err
}
