package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/shard"
	"github.com/imsworker/imsworker/messages"
)

const (
	// answerTime bounds how long a question may wait for the engine.
	answerTime = 5 * time.Second
	// answerRetry is the wait before questions are listened to again.
	answerRetry = 5 * time.Second
)

// answer answers live questions about a shard until ctx ends. That it cannot
// keeps no work from being done.
func (w *worker) answer(ctx context.Context, lease *shard.Lease, g *engine.Engine) {
	a := answerer{shard: lease.Shard(), worker: w, engine: g}
	for ctx.Err() == nil {
		err := w.conn.Answer(ctx, broker.QueryFilter(lease.Shard()), func(subject string, question []byte) []byte {
			if !lease.Valid() {
				return nil // another owner may know better
			}
			return a.to(ctx, subject, question)
		})
		if err == nil {
			return
		}
		w.log.Warn("live questions are not answered; trying again", "shard", lease.Shard(), "error", err)
		select {
		case <-time.After(answerRetry):
		case <-ctx.Done():
		}
	}
}

// answerer answers questions about one shard.
type answerer struct {
	shard  int
	worker *worker
	engine *engine.Engine
}

// to answers one question, in words where it cannot.
func (a answerer) to(ctx context.Context, subject string, question []byte) []byte {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	what := subject[strings.LastIndex(subject, ".")+1:]
	answer, err := a.about(ctx, what, question)
	if err != nil {
		answer = struct {
			Shard int    `json:"shard"`
			Error string `json:"error"`
		}{a.shard, err.Error()}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		a.worker.log.Error("an answer cannot be written", "what", what, "error", err)
		return nil
	}
	return text
}

func (a answerer) about(ctx context.Context, what string, question []byte) (any, error) {
	switch what {
	case messages.AskLimits:
		q, err := read[messages.LimitsQuestion](question)
		if err != nil {
			return nil, err
		}
		return a.limits(ctx, q)
	case messages.AskWaiting:
		q, err := read[messages.WaitingQuestion](question)
		if err != nil {
			return nil, err
		}
		return a.waiting(ctx, q)
	case messages.AskRecord:
		q, err := read[messages.RecordQuestion](question)
		if err != nil {
			return nil, err
		}
		return a.record(ctx, q)
	}
	return nil, fmt.Errorf("there is no question %q: %s, %s and %s are there", what, messages.AskLimits, messages.AskWaiting, messages.AskRecord)
}

// read reads a question; an empty one asks for everything.
func read[Q any](question []byte) (q Q, err error) {
	if len(question) == 0 {
		return q, nil
	}
	if err := json.Unmarshal(question, &q); err != nil {
		return q, fmt.Errorf("read the question: %w", err)
	}
	return q, nil
}

func (a answerer) limits(ctx context.Context, q messages.LimitsQuestion) (any, error) {
	names := q.Clouds
	if len(names) == 0 {
		var err error
		if names, err = a.clouds(ctx); err != nil {
			return nil, err
		}
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	at, _ := slices.BinarySearch(names, q.After+"\x00") // behind it
	if q.After == "" {
		at = 0
	}
	names = names[at:]
	answer := messages.LimitsAnswer{Shard: a.shard, Instance: a.worker.cfg.Instance, Clouds: []messages.CloudLimits{}}
	if len(names) > messages.LimitsPage {
		names = names[:messages.LimitsPage]
		answer.Next = names[len(names)-1]
	}
	all, err := a.engine.Limits(ctx, names)
	answer.Clouds = append(answer.Clouds, all...)
	return answer, err
}

// clouds are those of the shard: what is configured, and what has requests.
func (a answerer) clouds(ctx context.Context) ([]string, error) {
	names, err := a.engine.Accounts(ctx)
	for _, name := range a.worker.clouds.names() {
		if broker.ShardOf(name, a.worker.cfg.Shards) == a.shard {
			names = append(names, name)
		}
	}
	return names, err
}

func (a answerer) waiting(ctx context.Context, q messages.WaitingQuestion) (any, error) {
	count := min(cmp.Or(max(0, q.Limit), messages.ProspectsPage), messages.ProspectsPage)
	all, more, err := a.engine.Waiting(ctx, q.Cloud, q.Bucket, max(0, q.From), count)
	return messages.ProspectsAnswer{Shard: a.shard, Instance: a.worker.cfg.Instance, Requests: all, More: more}, err
}

func (a answerer) record(ctx context.Context, q messages.RecordQuestion) (any, error) {
	if len(q.Keys) > messages.ProspectsPage {
		return nil, fmt.Errorf("%d keys are asked about at once, at most %d may be", len(q.Keys), messages.ProspectsPage)
	}
	all, err := a.engine.Prospects(ctx, q.Keys)
	return messages.ProspectsAnswer{Shard: a.shard, Instance: a.worker.cfg.Instance, Requests: all}, err
}
