package main

import (
	"io"
	"os"

	"github.com/imsworker/imsworker/internal/ops"
	"github.com/imsworker/imsworker/messages"
)

// tone is a colour that adds to what a word says and never says anything alone.
type tone string

const (
	good     tone = "32"
	doubtful tone = "33"
	bad      tone = "31"
	faint    tone = "2"
)

// colours reports whether what is written to w may be coloured: w is a terminal that knows colours, and NO_COLOR is not set
// (https://no-color.org).
func colours(w io.Writer) bool {
	return ops.IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// terminalWidth is how many columns the terminal behind w has; 0 where there is none.
func terminalWidth(w io.Writer) int {
	width, _ := ops.TerminalSize(w)
	return width
}

func (t *table) painted(text string, c tone) string {
	if !t.paint || c == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// stateTone is the colour of a state of a request.
func stateTone(state string) tone {
	switch messages.State(state) {
	case messages.StateSucceeded:
		return good
	case messages.StateFailed, messages.StateRejected, messages.StateUnresolved:
		return bad
	case messages.StateLate, messages.StateCancelled, "parked", "uncertain":
		return doubtful
	}
	return ""
}
