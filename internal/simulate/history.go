package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// history is what happened, for a person to read.
type history struct {
	begun time.Time
	mu    sync.Mutex
	lines []string
}

// add notes what somebody did.
func (h *history) add(who, format string, args ...any) {
	at := time.Since(h.begun)
	line := fmt.Sprintf("%s  %-12s  %s", clock(at), who, fmt.Sprintf(format, args...))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, line)
}

func (h *history) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.lines...)
}

// clock writes a time since the beginning, "1d 02:03:04.567".
func clock(d time.Duration) string {
	d = d.Round(time.Millisecond)
	day := 24 * time.Hour
	return fmt.Sprintf("%dd %02d:%02d:%02d.%03d", d/day, d%day/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second, d%time.Second/time.Millisecond)
}

// logger writes a process's log into the history. What the worker itself takes
// for impossible is told to alarm.
type logger struct {
	history *history
	who     string
	alarm   func(text string)
	attrs   []slog.Attr
}

// Enabled implements slog.Handler.
func (*logger) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

// Handle implements slog.Handler.
func (l *logger) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	write := func(a slog.Attr) bool {
		if value := a.Value.String(); value != "" {
			fmt.Fprintf(&b, " %s=%s", a.Key, value)
		}
		return true
	}
	for _, a := range l.attrs {
		write(a)
	}
	r.Attrs(write)
	l.history.add(l.who, "%s", b.String())
	if impossible[r.Message] {
		l.alarm(b.String())
	}
	return nil
}

// impossible are the engine's words for what never happens.
var impossible = map[string]bool{
	"a record had no timer; it is armed again":                                      true,
	"the attempt has a final event of another writer already; this one is not told": true,
}

// WithAttrs implements slog.Handler.
func (l *logger) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *l
	c.attrs = append(append([]slog.Attr(nil), l.attrs...), attrs...)
	return &c
}

// WithGroup implements slog.Handler; nobody here uses groups.
func (l *logger) WithGroup(string) slog.Handler { return l }
