package ims

import (
	"sync"
	"time"
)

// fallbackFor is how long the other job query is used before the configured
// one gets another chance: a gateway may lose a path for a moment only.
const fallbackFor = 10 * time.Minute

// queries remembers which of the two job queries works.
type queries struct {
	configured string

	mu    sync.Mutex // guards the rest
	other string
	until time.Time
}

func (q *queries) current() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.other != "" && time.Now().Before(q.until) {
		return q.other
	}
	return q.configured
}

func (q *queries) use(query string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.other, q.until = query, time.Now().Add(fallbackFor)
}

func otherQuery(query string) string {
	if query == ShowJob {
		return ShowJobProgress
	}
	return ShowJob
}
