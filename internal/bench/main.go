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
	{"stress", "calls a job and delays of the worker beside plain pollers: 2,000 jobs of about three minutes under way, limits off", stress{
		flight: 2000, plain: map[time.Duration]int{10 * time.Second: 200, time.Second: 40}, factor: 20, warm: 8 * time.Minute, watched: 15 * time.Minute,
	}.run},
	{"real", "the same for an account used as far as its limits go: whole images of about an hour, copies of about three minutes", usedUp{
		plain: map[time.Duration]int{10 * time.Second: 10, time.Second: 5}, factor: 60, warm: 80 * time.Minute, watched: 100 * time.Minute,
	}.run},
	{"few", "the same for 50 jobs that begin together, with looks at the image list and without", few{jobs: 50, accounts: 4, rounds: 2, factor: 40}.run},
	{"copies", "300 copies at 15 in five minutes: refusals, and how much longer than with every window used at once", copies{
		requests: 300, allowed: believed, factor: 60, prefix: "copies",
	}.run},
	{"halved", "the same where the account takes half as many, which nobody has told the worker", copies{
		requests: 300, allowed: believed / 2, factor: 100, prefix: "halved",
	}.run},
	{"show_progress", "500 jobs of about an hour in a cloud that answers 200 questions in five minutes, without a list", showProgress{
		flight: 500, factor: 100, warm: 90 * time.Minute, watched: 120 * time.Minute,
	}.run},
	{"fairness", "a bulk of 10,000 from one publisher, and single requests of another", fairness{bulk: 10_000, rounds: 10, factor: 20}.run},
	{"bulk", "1,000 images to 10 places, one leg of twenty fails and is retried: the worker's peak memory, and legs a second", bulk{
		images: 1000, targets: 10, factor: 60,
	}.run},
	{"sizing", "what a request takes in each stream and in the broker's memory", sizing{
		requests: 5000, jobs: 40 * time.Minute, subjects: 200_000, factor: 60, quiet: 12 * time.Second,
	}.run},
	{"polls", "status queries a second and how late they are, without HTTP", polls{
		requests: 110_000, wait: 5 * time.Second, window: 15 * time.Second,
	}.run},
	{"takeover", "a replica with 100,000 requests of 200 clouds is killed: how long until another follows all of them", takeover{
		pair: pair{clouds: 200, requests: 100_000, lease: 15 * time.Second, rest: 31 * time.Second}, watch: 20 * time.Second,
	}.run},
	{"list", "the command line lists 100,000 requests, and shows one of them", list{
		pair: pair{clouds: 200, requests: 100_000}, lists: 5, gets: 15,
	}.run},
	{"handover", "one of two replicas with 100,000 requests of 200 clouds is stopped: how long until the other follows all of them", handover{
		pair: pair{clouds: 200, requests: 100_000, lease: 15 * time.Second, rest: 31 * time.Second},
	}.run},
}

// bench is what scenarios are given.
type bench struct {
	out     io.Writer
	profile string // directory for profiles; empty: none are kept
	signs   *signs // of life; nil: none are given
}

func main() {
	if code, asked := serveIfAsked(); asked {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{out: os.Stdout, profile: os.Getenv("PROFILE"), signs: newSigns(os.Stderr)}
	err := b.run(ctx, os.Getenv("ONLY"))
	b.signs.end()
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: stopped; all that it had started has ended")
		stop()
		os.Exit(interrupted)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// interrupted is the exit code of what somebody has stopped.
const interrupted = 130

// serveIfAsked makes this process a broker, a worker or one that measures a
// command, and nothing else, when
// this program has started itself as one.
func serveIfAsked() (code int, asked bool) {
	switch {
	case len(os.Args) == 5 && os.Args[1] == brokerProcess:
		return serveBroker(os.Args[2], os.Args[3], os.Args[4]), true
	case len(os.Args) == 2 && os.Args[1] == workerProcess:
		return serveWorker(), true
	case len(os.Args) > 2 && os.Args[1] == askerProcess:
		return measureCommand(os.Args[2:]), true
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
		b.signs.begin(s.name)
		err := s.run(ctx, b)
		b.signs.end()
		if err != nil {
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
