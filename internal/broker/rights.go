package broker

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// rights turns each change that this user may not make into a manual one, and
// returns the first refusal. Nothing is changed: the server is asked for each
// change with a question that lacks the name it is about, which it answers
// with an error to whoever may ask.
func (c *Conn) rights(ctx context.Context, plan Plan, want []Stream) (refusal, err error) {
	asking, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	answers := make(map[string]error)
	for i, change := range plan {
		if change.Action == ActionManual {
			continue
		}
		verb := verbOf(change, want)
		answer, asked := answers[verb]
		if !asked {
			answer = c.mayAsk(asking, verb)
			answers[verb] = answer
		}
		if answer == nil {
			continue
		}
		if !refused(ctx, answer) {
			return nil, fmt.Errorf("look whether %s is permitted: %w", verb, answer)
		}
		plan[i] = change.manual(c.rightFor(verb))
		if refusal == nil {
			refusal = answer
		}
	}
	return refusal, nil
}

// mayAsk is nil once the server answers, be it with any error.
func (c *Conn) mayAsk(ctx context.Context, verb string) error {
	defer c.denied.expect(c.api + verb)()
	var pause backoff
	for {
		var answer struct{}
		err := c.askOnce(ctx, tryTimeout, c.api+verb, []byte("{}"), &answer)
		if _, answered := apiError(err); answered || err == nil {
			return nil
		}
		if !transient(err) || pause.wait(ctx) != nil {
			return err
		}
	}
}

func (c *Conn) rightFor(verb string) string {
	return "not permitted: let an administrator do it (imsworker streams --apply), or let this user publish to " + c.api + verb
}

// verbOf is what Apply asks for to make the change.
func verbOf(c Change, want []Stream) string {
	if c.Consumer != "" {
		return consumerVerb(c.Stream, consumerOf(c, want))
	}
	if c.Action == ActionCreate {
		return "STREAM.CREATE." + c.Stream
	}
	return "STREAM.UPDATE." + c.Stream
}

func consumerOf(c Change, want []Stream) jetstream.ConsumerConfig {
	for _, w := range want {
		for _, consumer := range w.Consumers {
			if w.Config.Name == c.Stream && consumer.Name == c.Consumer {
				return consumer
			}
		}
	}
	return jetstream.ConsumerConfig{Name: c.Consumer}
}
