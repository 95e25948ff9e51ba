// Command bench measures the worker: what its promises cost beside the same
// work done by hand, what a request in flight weighs, and how many status
// queries it keeps up with.
//
// A scenario builds all it needs, prints a table for a person, and each figure
// once more on a line of its own, `figure NAME VALUE UNIT`. The environment
// chooses: ONLY names one scenario, PROFILE a directory for profiles of the
// worker. Numbers of different machines do not compare; ratios mostly do.
//
// Whether anything is right is left to the tests; nothing here checks results.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// scenario is one row of what can be measured.
type scenario struct {
	name string
	what string
	run  func(ctx context.Context, b *bench) error
}

// scenarios is the only list of them.
var scenarios = []scenario{
	{"lifecycles", "whole lives of requests a second, against two floors of raw nats.go and net/http", lifecycles{
		clouds: 16, flight: 1024, rounds: 3, window: 5 * time.Second,
	}.run},
	{"memory", "heap of the engines for a request that waits for its next status query", memory{
		requests: 100_000,
	}.run},
	{"admission", "what one more submission costs while 1,000 and while 100,000 requests wait, and the heap of one that waits", admission{
		few: 1000, many: 100_000, admitted: 10_000, rounds: 3,
	}.run},
	{"polls", "status queries a second and how late they are, without HTTP", polls{
		requests: 110_000, wait: 5 * time.Second, window: 15 * time.Second,
	}.run},
	{"takeover", "a replica with 100,000 requests of 200 clouds is killed: how long until another follows all of them", takeover{
		pair: pair{clouds: 200, requests: 100_000, lease: 15 * time.Second, rest: 31 * time.Second}, watch: 20 * time.Second,
	}.run},
	{"handover", "one of two replicas with 100,000 requests of 200 clouds is stopped: how long until the other follows all of them", handover{
		pair: pair{clouds: 200, requests: 100_000, lease: 15 * time.Second, rest: 31 * time.Second},
	}.run},
}

// bench is what scenarios are given.
type bench struct {
	out     io.Writer
	profile string // directory for profiles; empty: none are kept
}

func main() {
	if code, asked := serveIfAsked(); asked {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{out: os.Stdout, profile: os.Getenv("PROFILE")}
	if err := b.run(ctx, os.Getenv("ONLY")); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// serveIfAsked makes this process a broker or a worker, and nothing else, when
// this program has started itself as one.
func serveIfAsked() (code int, asked bool) {
	switch {
	case len(os.Args) == 5 && os.Args[1] == brokerProcess:
		return serveBroker(os.Args[2], os.Args[3], os.Args[4]), true
	case len(os.Args) == 2 && os.Args[1] == workerProcess:
		return serveWorker(), true
	}
	return 0, false
}

// run runs one scenario, or all of them one after the other.
func (b *bench) run(ctx context.Context, only string) error {
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	if b.profile != "" {
		if err := os.MkdirAll(b.profile, 0o750); err != nil {
			return fmt.Errorf("make the directory for profiles: %w", err)
		}
	}
	for _, s := range chosen {
		fmt.Fprintf(b.out, "\n%s: %s\n\n", s.name, s.what)
		if err := s.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func choose(only string) ([]scenario, error) {
	if only == "" {
		return scenarios, nil
	}
	at := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == only })
	if at >= 0 {
		return scenarios[at : at+1], nil
	}
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return nil, fmt.Errorf("no scenario is named %q; there are %s", only, strings.Join(names, ", "))
}
