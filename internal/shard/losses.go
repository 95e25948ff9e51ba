package shard

import (
	"log/slog"
	"slices"
	"sync"
)

// losses are the shards whose leases have run out since the log told of some:
// while the broker is away all of them do, within a moment, and one line tells
// of it.
type losses struct {
	mu     sync.Mutex
	shards []int
	why    error // of the first of them
}

// note is called by the shard's holder, at once.
func (l *losses) note(shard int, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.shards) == 0 {
		l.why = why
	}
	l.shards = append(l.shards, shard)
}

// say tells of those that were not told yet.
func (l *losses) say(log *slog.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.shards) == 0 {
		return
	}
	slices.Sort(l.shards)
	log.Warn("shards lost", "shards", l.shards, "error", l.why)
	l.shards, l.why = nil, nil
}
