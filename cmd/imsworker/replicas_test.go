package main

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// trouble is what may happen to workers while they are at work; happens returns
// when it is over and the rest works on.
type trouble struct {
	lease   time.Duration
	longest time.Duration // without a final event, in the long form
	first   string        // the binary that the workers begin with; empty: this version
	happens func(f *fleet, binary, next string)
}

// TestReplicas lets three workers share the load while they are stopped,
// killed, paused or replaced: nothing is lost, nothing is done or told twice.
//
// The variable REPLICAS_REQUESTS asks for the long form on a quiet machine,
// with so many requests, pauses of 40 s, and a look at the clock.
func TestReplicas(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the binary and runs many processes")
	}
	requests, long := 150, false
	if text := os.Getenv("REPLICAS_REQUESTS"); text != "" {
		var err error
		if requests, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		long = true
	}
	binary, next, previous := build(t, ""), build(t, "nextrecords"), buildPrevious(t)
	for name, c := range map[string]trouble{
		"rolling restart": {lease: 15 * time.Second, longest: 2 * time.Second, happens: restartAll},
		"upgrade":         {lease: 15 * time.Second, happens: upgradeAll},
		"from the last":   {lease: 15 * time.Second, first: previous, happens: upgradeFrom(previous)},
		"killed":          {lease: 3 * time.Second, longest: 6 * time.Second, happens: killTwo},
		"paused":          {lease: 3 * time.Second, happens: pauseFor(6 * time.Second)},
	} {
		if name == "paused" && long {
			c.lease, c.happens = 15*time.Second, pauseFor(40*time.Second)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "from the last" && previous == "" {
				t.Skip("a tree without history has no version before this one")
			}
			f := newFleet(t, c.lease)
			first := cmp.Or(c.first, binary)
			f.share(f.run(first, "a"), f.run(first, "b"), f.run(first, "c"))
			over := make(chan struct{})
			sent := f.load(requests, 50*time.Millisecond, over)
			f.await("the load to begin", func() bool { return len(f.endings()) > 0 })
			c.happens(f, binary, next)
			close(over)
			gap := f.audit(<-sent)
			if long && c.longest > 0 && gap > c.longest {
				t.Errorf("nothing ended for %s, want at most %s", gap, c.longest)
			}
			f.quiet()
		})
	}
}

// quiet fails if a worker has logged an error.
func (f *fleet) quiet() {
	f.t.Helper()
	for _, w := range f.workers {
		if text := w.log.String(); strings.Contains(text, "level=ERROR") {
			f.t.Errorf("%s logged errors", w.name)
		}
	}
}

// everyone lists the workers that run, in the order of their names.
func (f *fleet) everyone() []*worker {
	return []*worker{f.workers["a"], f.workers["b"], f.workers["c"]}
}

// restartAll restarts one worker after the other.
func restartAll(f *fleet, binary, _ string) {
	for _, w := range f.everyone() {
		f.stop(w)
		f.run(binary, w.name)
	}
	f.share(f.everyone()...)
}

// upgradeAll replaces one worker by the next version, puts the old one back,
// which leaves the newer records alone, and then replaces all.
func upgradeAll(f *fleet, binary, next string) {
	a := f.workers["a"]
	for tries := 0; tries < 5 && !f.metNewer(); tries++ {
		f.stop(a)
		a = f.run(next, "a")
		f.await("the next version to have requests in flight", func() bool {
			return strings.Contains(a.get(f.t, "/metrics"), `state="submitted"}`)
		})
		f.stop(a)
		a = f.run(binary, "a")
	}
	if !f.metNewer() {
		f.t.Error("no worker met a record of the next version")
	}
	for _, w := range f.everyone() {
		f.stop(w)
		f.run(next, w.name)
	}
	f.share(f.everyone()...)
}

// upgradeFrom replaces one worker of the previous version by this one, puts the
// old one back for a while, and then replaces all.
func upgradeFrom(previous string) func(f *fleet, binary, _ string) {
	return func(f *fleet, binary, _ string) {
		for _, version := range []string{binary, previous} {
			f.stop(f.workers["a"])
			f.run(version, "a")
			f.share(f.everyone()...)
		}
		restartAll(f, binary, "")
	}
}

// metNewer says whether a worker has met a record of the next version.
func (f *fleet) metNewer() bool {
	return slices.ContainsFunc(f.everyone(), func(w *worker) bool {
		return strings.Contains(w.log.String(), "record of a newer version")
	})
}

// killTwo kills two of three workers, one after the other; one comes back
// under its name.
func killTwo(f *fleet, binary, _ string) {
	f.kill(f.workers["a"])
	f.share(f.workers["b"], f.workers["c"])
	f.kill(f.workers["b"])
	f.run(binary, "b")
	f.share(f.workers["b"], f.workers["c"])
}

// pauseFor pauses a worker until others have long gone on with its shards.
func pauseFor(d time.Duration) func(f *fleet, _, _ string) {
	return func(f *fleet, _, _ string) {
		a := f.workers["a"]
		f.signal(a, syscall.SIGSTOP)
		begun := time.Now()
		f.share(f.workers["b"], f.workers["c"])
		f.await("the pause to be over", func() bool { return time.Since(begun) > d })
		f.signal(a, syscall.SIGCONT)
		f.share(f.everyone()...)
	}
}
