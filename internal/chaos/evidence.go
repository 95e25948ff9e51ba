package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/fakecloud"
)

// facts are everything that the auditor judges by.
type facts struct {
	started time.Time
	sent    []request
	resent  int
	told    []told
	made    []fakecloud.Mutation // what the cloud accepted, all accounts
	images  map[string]string    // status by id
	calls   map[string]map[string]int
	dead    []string // dead letters
	wrong   []string // what processes did that they never may
	deeds   map[string]int
}

// evidence asks the cloud and the broker, when all is over.
func (p *plant) evidence(ctx context.Context) (facts, error) {
	f := facts{images: map[string]string{}, calls: map[string]map[string]int{}}
	for n := range clouds {
		if err := p.cloud.tell(ctx, cloudName(n), &f); err != nil {
			return f, fmt.Errorf("ask what %s did: %w", cloudName(n), err)
		}
	}
	var err error
	f.dead, err = p.deadLetters(ctx)
	return f, err
}

func (c *cloud) tell(ctx context.Context, name string, f *facts) error {
	var made []fakecloud.Mutation
	var images []struct{ ID, Status string }
	var calls map[string]map[string]int
	err := errors.Join(c.get(ctx, name, "truth", &made), c.get(ctx, name, "images", &images), c.get(ctx, name, "counts", &calls))
	f.made = append(f.made, made...)
	for _, i := range images {
		f.images[i.ID] = i.Status
	}
	for call, byStatus := range calls {
		if f.calls[call] == nil {
			f.calls[call] = maps.Clone(byStatus)
			continue
		}
		for status, count := range byStatus {
			f.calls[call][status] += count
		}
	}
	return err
}

// made is the number of changes that the cloud has accepted.
func (p *plant) made(ctx context.Context) (int, error) {
	n := 0
	for i := range clouds {
		var last []fakecloud.Mutation
		if err := p.cloud.call(ctx, "GET", cloudName(i)+"&limit=1", "truth", nil, &last); err != nil {
			return 0, fmt.Errorf("ask what %s did: %w", cloudName(i), err)
		}
		if len(last) > 0 {
			n += last[0].Sequence
		}
	}
	return n, nil
}

// deadLetters are the subjects and reasons of what could not become a request.
func (p *plant) deadLetters(ctx context.Context) ([]string, error) {
	conn, err := broker.Dial(ctx, p.door.options(asOperator, p.cluster.URL()), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	reading, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var dead []string
	err = conn.Tail(reading, broker.StreamDead, "ims.dead.>", func(m broker.Stored) {
		dead = append(dead, m.Subject+": "+m.Header.Get("Ims-Dead-Reason")+": "+m.Header.Get("Ims-Dead-Detail"))
	}, cancel)
	if !errors.Is(err, context.Canceled) {
		return nil, err
	}
	return dead, ctx.Err()
}
