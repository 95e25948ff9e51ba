package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

type apiAnswer struct {
	Error *jetstream.APIError `json:"error,omitempty"`
}

// ask sends one request to the JetStream API, repeats it until ctx ends while
// that can help, and decodes the answer. verb is the subject after the prefix,
// as in STREAM.INFO.IMS_DEAD. The client library is not used for these: its
// look-ups may be answered by a follower that lags.
func (c *Conn) ask(ctx context.Context, verb string, question, answer any) error {
	var body []byte
	if question != nil {
		var err error
		if body, err = json.Marshal(question); err != nil {
			return fmt.Errorf("encode %s: %w", verb, err)
		}
	}
	return c.repeat(ctx, questionAbout(verb), func(limit time.Duration) error { return c.askOnce(ctx, limit, c.api+verb, body, answer) })
}

func (c *Conn) askOnce(ctx context.Context, limit time.Duration, subject string, body []byte, answer any) error {
	if err := subjectFits(subject); err != nil {
		return err
	}
	watched, stop := c.denied.watch(ctx, subject)
	defer stop()
	reply, err := c.request(watched, limit, &nats.Msg{Subject: subject, Data: body})
	if err != nil {
		if cause := context.Cause(watched); errors.Is(cause, ErrDenied) {
			return cause
		}
		return err
	}
	return decodeAnswer(reply.Data, answer)
}

func decodeAnswer(data []byte, answer any) error {
	var failed apiAnswer
	if err := json.Unmarshal(data, &failed); err != nil {
		return fmt.Errorf("read the broker's answer: %w", err)
	}
	if failed.Error != nil {
		return failed.Error
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("read the broker's answer: %w", err)
	}
	return nil
}
