package main

import (
	"fmt"
	"io"

	"github.com/imsworker/imsworker/internal/ops"
	"github.com/imsworker/imsworker/messages"
)

// nothingHeard is how it stands as long as no event has come.
const nothingHeard = "nothing heard of the request"

// progress is one line on a terminal that is written over; elsewhere it shows nothing.
type progress struct {
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

func (p *progress) show(e messages.Event) {
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
