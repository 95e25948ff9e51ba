package broker

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// errUnled says that what was asked about has no leader, or one that does not
// reach most of the copies. It answers questions for ten or twenty seconds more,
// and then its copies do, but it takes no write.
var errUnled = errors.New("no leader that reaches most of the copies")

// questionAbout is a question that changes nothing and is answered by whoever
// decides about the request: the leader of its stream or its consumer, or that
// of all. Like the request it begins after the prefix of the API.
func questionAbout(verb string) string {
	parts := strings.Split(verb, ".")
	switch {
	case len(parts) >= 4 && parts[0] == "CONSUMER":
		return "CONSUMER.INFO." + parts[2] + "." + parts[3]
	case len(parts) >= 3 && parts[0] == "STREAM":
		return "STREAM.INFO." + parts[len(parts)-1]
	}
	return verb
}

// questions are those that wait for an answer, each once: so there are no more
// than streams and consumers. waiting's lock guards them.
type questions struct {
	asked map[string]bool
	wake  chan struct{} // says that there is one
}

func (q *questions) init() {
	q.asked, q.wake = make(map[string]bool), make(chan struct{}, 1)
}

func (q *questions) none() bool { return len(q.asked) == 0 }

func (q *questions) add(question string) {
	q.asked[question] = true
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// askOn asks the open questions, one after the other and each until it is
// answered, until ctx ends.
func (c *Conn) askOn(ctx context.Context) {
	for {
		select {
		case <-c.waiting.open.wake:
		case <-ctx.Done():
			return
		}
		for question := c.waiting.next(); question != "" && ctx.Err() == nil; question = c.waiting.next() {
			_ = c.repeat(ctx, question, func(limit time.Duration) error { return c.askLeader(ctx, limit, question) })
			if ctx.Err() == nil {
				c.waiting.heard(question)
			}
		}
	}
}

// next is an open question, or nothing.
func (w *waiting) next() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for question := range w.open.asked {
		return question
	}
	return ""
}

// heard says that a question was answered.
func (w *waiting) heard(question string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open.asked, question)
	w.judge()
}

// askLeader asks once. It waits no longer where answers take long: one that
// takes that long shows nothing good, and a new leader is only heard when it is
// asked anew.
func (c *Conn) askLeader(ctx context.Context, limit time.Duration, question string) error {
	var answer struct {
		Cluster *jetstream.ClusterInfo `json:"cluster"`
	}
	if err := c.askOnce(ctx, min(limit, tryTimeout), c.api+question, nil, &answer); err != nil {
		return err
	}
	if !led(answer.Cluster) {
		return errUnled
	}
	return nil
}

// heardLately is how long ago a copy may have spoken last; it does so every
// second.
const heardLately = 4 * time.Second

// led says whether there is a leader that has lately heard from so many copies
// that it can write. One server by itself has no cluster.
func led(cluster *jetstream.ClusterInfo) bool {
	if cluster == nil {
		return true
	}
	there := 1
	for _, p := range cluster.Replicas {
		if !p.Offline && p.Active < heardLately {
			there++
		}
	}
	return cluster.Leader != "" && 2*there > len(cluster.Replicas)+1
}
