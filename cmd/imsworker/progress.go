package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/ops"
	"github.com/imsworker/imsworker/messages"
)

const (
	// nothingHeard is how it stands as long as no event has come.
	nothingHeard = "nothing heard of the request"
	// firstWord is how long that is nothing to speak of: a worker that runs takes a request in at once.
	firstWord = 10 * time.Second
)

// progress is one line on a terminal that is written over; elsewhere it shows nothing.
type progress struct {
	mu        sync.Mutex
	out       io.Writer // nil where nothing is to be shown
	plain     bool
	operation string
	last      string // the state that was seen last, in words
}

func newProgress(out io.Writer, operation string) *progress {
	p := &progress{operation: operation, last: nothingHeard, plain: !colours(out)}
	if ops.IsTerminal(out) {
		p.out = out
	}
	return p
}

// expectFirst says, if nothing is heard for some time, what that may come from; the wait goes on.
func (p *progress) expectFirst(notes io.Writer, patience time.Duration, cloud string) (stop func()) {
	timer := time.AfterFunc(patience, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.last == nothingHeard {
			fmt.Fprintf(notes, "note: %s for %s%s; it is waited for\n", p.last, patience, p.doubt(cloud))
		}
	})
	return func() { timer.Stop() }
}

func (p *progress) show(e messages.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = "still " + string(e.State)
	if p.out == nil {
		return
	}
	word := string(e.State)
	room := max(terminalWidth(p.out)-len(p.operation)-len(word)-len("  ")-1, leastFold)
	if !p.plain {
		word = "\x1b[36m" + word + "\x1b[0m"
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s %s %s", p.operation, word, cutTo(visible(eventDetail(e)), room))
}

// doubt is what to think of when no event has come.
func (p *progress) doubt(cloud string) string {
	if p.last != nothingHeard {
		return ""
	}
	return fmt.Sprintf(": maybe no worker runs, or none knows a cloud %q", cloud)
}

func (p *progress) clear() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
