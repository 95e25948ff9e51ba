package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

// lines is a writer whose reader may leave.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default:
	}
	return len(p), nil
}

func TestSigns(t *testing.T) {
	t.Parallel()
	out := make(lines)
	s := newSigns(out)
	s.every = time.Millisecond
	s.begin("stress")
	s.say("counting")
	for line := range out {
		if strings.HasPrefix(line, "stress, ") && strings.HasSuffix(line, ": counting\n") {
			break
		}
	}
	s.end()
	s.end()
	var none *signs
	none.begin("")
	none.say("")
	none.end()
}

// TestStopped has everything end that a scenario has started.
func TestStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(500*time.Millisecond, cancel)
	err := stress{flight: 10, plain: map[time.Duration]int{time.Second: 1}, factor: 300, watched: 100 * time.Hour}.run(ctx, &bench{out: io.Discard})
	if err == nil {
		t.Error("the scenario did not notice that it was stopped")
	}
}
