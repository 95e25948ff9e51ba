package engine

import (
	"context"
	"sync"
	"time"

	"github.com/imsworker/imsworker/messages"
)

// lineups keeps copies of queues for a moment: many questions, page after page,
// are answered from one.
type lineups struct {
	mu   sync.Mutex
	kept map[lineID]*lineup
}

// lineupKept is how long a copy is kept that nobody asks about any more.
const lineupKept = time.Minute

// stale is how old a copy may become: the longer the line, the more it costs to
// copy it, and the less a place changes.
func (l *lineup) stale() time.Duration {
	waiting := len(l.naps)
	for _, t := range l.rounds {
		waiting += t.length
	}
	return time.Duration(waiting) * 100 * time.Microsecond
}

// lined returns a copy of a queue that is fresh enough. It must not be called
// by the loop.
func (g *Engine) lined(ctx context.Context, id lineID) (*lineup, error) {
	g.lines.mu.Lock()
	defer g.lines.mu.Unlock()
	if l := g.lines.kept[id]; l != nil && time.Since(l.at) < l.stale() {
		return l, nil
	}
	for old, l := range g.lines.kept {
		if time.Since(l.at) > lineupKept {
			delete(g.lines.kept, old)
		}
	}
	l, err := g.lineup(ctx, id)
	if err != nil {
		return nil, err
	}
	if g.lines.kept == nil {
		g.lines.kept = map[lineID]*lineup{}
	}
	g.lines.kept[id] = l
	return l, nil
}

// Prospects tells what is expected of requests: of those that the shard has and
// that have not ended. It blocks until the loop has had a moment for it; it
// fails when ctx ends before or the engine has stopped.
func (g *Engine) Prospects(ctx context.Context, keys []string) ([]messages.Prospect, error) {
	facts := make([]fact, 0, len(keys))
	now := time.Now()
	err := g.inLoop(ctx, func() {
		for _, key := range keys {
			if e := g.entries[key]; e != nil && !e.buried {
				facts = append(facts, g.fact(e, now))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	all := make([]messages.Prospect, 0, len(facts))
	for _, f := range facts {
		p, err := g.prospect(ctx, f, now)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// Waiting tells of a part of the line of one bucket, in its order, and whether
// the line goes on.
func (g *Engine) Waiting(ctx context.Context, cloud, bucket string, from, count int) ([]messages.Prospect, bool, error) {
	l, err := g.lined(ctx, lineID{cloud, bucket})
	if err != nil {
		return nil, false, err
	}
	keys, more := l.page(from, count)
	all, err := g.Prospects(ctx, keys)
	return all, more, err
}
