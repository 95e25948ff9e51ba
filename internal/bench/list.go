package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// list is the scenario of an operator's questions: the command line, as it is
// built for delivery and in a process of its own, lists all requests of a
// ledger, and shows some of them one by one. No worker runs: what is read are
// records and events.
type list struct {
	pair
	lists, gets int
}

func (s list) run(ctx context.Context, b *bench) error {
	dir, err := os.MkdirTemp("", "imsworker-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program := filepath.Join(dir, "imsworker")
	build := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", program, "github.com/imsworker/imsworker/cmd/imsworker") //nolint:gosec // a path of our own
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, said)
	}
	server, err := startBroker(ctx, false, "")
	if err != nil {
		return err
	}
	defer server.stop()
	names := cloudNames(s.clouds)
	if err := errors.Join(s.seed(ctx, server.url, names), s.tellAll(ctx, server.url, names)); err != nil {
		return err
	}
	b.signs.say("the records are written")
	return s.ask(ctx, b, names, asker{program: program, env: []string{"IMSWORKER_NATS_URL=" + server.url}})
}

// ask measures the commands.
func (s list) ask(ctx context.Context, b *bench, names []string, by asker) error {
	var listed, shown []effort
	for range s.lists {
		e, err := by.ask(ctx, "requests", "ls")
		if err != nil {
			return err
		}
		if e.Lines != s.requests+1 {
			return fmt.Errorf("requests ls has printed %d lines of %d requests", e.Lines, s.requests)
		}
		listed = append(listed, e)
	}
	for i := range s.gets {
		n := i * (s.requests / s.gets)
		e, err := by.ask(ctx, "requests", "get", messages.Key(names[n%len(names)], "bench", fmt.Sprint(n)))
		if err != nil {
			return err
		}
		shown = append(shown, e)
	}
	fmt.Fprintf(b.out, "%d requests in %d shards; %d bytes of table. Processor time: %.2f s to list, %.3f s to show one, of the command alone\n\n",
		s.requests, shards, listed[0].Bytes, medianOf(listed, effort.processor), medianOf(shown, effort.processor))
	return b.tell([]figure{
		{"list_100k_seconds", medianOf(listed, effort.seconds), "s", "< 2"},
		{"list_100k_rss_mib", medianOf(listed, effort.mebibytes), "MiB", "< 200"},
		{"get_milliseconds", 1000 * medianOf(shown, effort.seconds), "ms", "< 100"},
	})
}

func medianOf(of []effort, value func(effort) float64) float64 {
	values := make([]float64, 0, len(of))
	for _, e := range of {
		values = append(values, value(e))
	}
	return median(values)
}

// tellAll publishes the events that such requests have.
func (s list) tellAll(ctx context.Context, url string, names []string) error {
	conn, err := broker.Dial(ctx, broker.Options{URL: url, Name: "bench"}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer conn.Close()
	writers, ctx := errgroup.WithContext(ctx)
	writers.SetLimit(256)
	for i := range s.requests {
		r := longRunning(names[i%len(names)], i)
		writers.Go(func() error {
			return errors.Join(publishEvent(ctx, conn, r, messages.StateAccepted), publishEvent(ctx, conn, r, messages.StateSubmitted))
		})
	}
	if err := writers.Wait(); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

// publishEvent publishes one event of a request.
func publishEvent(ctx context.Context, conn *broker.Conn, r *ledger.Record, state messages.State) error {
	event := messages.Event{
		Request: messages.RequestInfo{ID: r.ID, Source: r.Source, Key: r.Key, Cloud: r.Cloud, Operation: r.Operation, Attempt: r.Attempt},
		State:   state, Times: messages.Times{Accepted: &r.Accepted},
	}
	if state == messages.StateSubmitted {
		event.Job, event.Times.Submitted = &messages.Job{ID: r.JobID}, &r.Submitted
	}
	sequence := 1 + slices.Index([]messages.State{messages.StateAccepted, messages.StateSubmitted}, state)
	header, body, err := messages.EncodeEvent(messages.EventMeta{
		Cloud: r.Cloud, Operation: r.Operation, Key: r.Key, Attempt: r.Attempt, Sequence: sequence, State: state, Time: time.Now().UTC(), CausationID: r.ID,
	}, event)
	if err != nil {
		return fmt.Errorf("make an event: %w", err)
	}
	_, err = conn.Put(ctx, broker.StreamEvents, broker.Message{
		Subject: messages.EventSubject(r.Cloud, r.Operation, state, r.Key, r.Attempt), Header: header, Data: body,
	})
	return err
}
