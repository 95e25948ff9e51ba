package broker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
)

// serverLog writes the inside server's log to slog: its notices are details
// (debug), its errors are warnings, since clients see what matters as errors of
// their own. It never ends the process.
type serverLog struct {
	log *slog.Logger

	mu   sync.Mutex
	last string
	died bool
}

func newServerLog(log *slog.Logger) *serverLog {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &serverLog{log: log}
}

func (l *serverLog) debug() bool {
	return l.log.Enabled(context.Background(), slog.LevelDebug)
}

func (l *serverLog) lastError() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == "" {
		return "it took too long"
	}
	return l.last
}

func (l *serverLog) fatal() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.died
}

func (l *serverLog) keep(text string, died bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last, l.died = text, l.died || died
}

func (l *serverLog) say(level slog.Level, text string) {
	l.log.Log(context.Background(), level, "inside broker", "says", text)
}

// Noticef logs at debug level.
func (l *serverLog) Noticef(format string, v ...any) {
	l.say(slog.LevelDebug, fmt.Sprintf(format, v...))
}

// Debugf logs at debug level.
func (l *serverLog) Debugf(format string, v ...any) {
	l.say(slog.LevelDebug, fmt.Sprintf(format, v...))
}

// Tracef logs at debug level; tracing is never switched on.
func (l *serverLog) Tracef(format string, v ...any) {
	l.say(slog.LevelDebug, fmt.Sprintf(format, v...))
}

// Warnf logs at warning level.
func (l *serverLog) Warnf(format string, v ...any) { l.say(slog.LevelWarn, fmt.Sprintf(format, v...)) }

// Errorf logs at warning level and is kept for the error of a failed start.
func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.keep(text, false)
	l.say(slog.LevelWarn, text)
}

// Fatalf is Errorf for what the server cannot go on after.
func (l *serverLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.keep(text, true)
	l.say(slog.LevelWarn, text)
}
