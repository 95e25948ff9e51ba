package engine

import (
	"maps"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/messages"
)

// Allowances keeps what is learned about how much the clouds take, where that is
// less than their limits, beyond one owner of an account. Neither call blocks.
type Allowances interface {
	// RecallLimits returns what was kept last, by the names that it was kept
	// under.
	RecallLimits(cloud string) map[string]budget.Memory
	// KeepLimits keeps all that is known of a cloud now; what is not named is over.
	// The map is not changed any more.
	KeepLimits(cloud string, learned map[string]budget.Memory)
}

// recallLimits has a new account know what its owner before has learned: that
// the cloud refuses calls although the limit is kept, since others use the
// account, costs some of them to learn.
func (g *Engine) recallLimits(a *account, now time.Time) *account {
	if g.Allowances == nil || a.conf == nil {
		return a
	}
	a.kept = g.Allowances.RecallLimits(a.name)
	for name, m := range a.kept {
		switch kind, bucket, _ := strings.Cut(name, "/"); kind {
		case messages.BucketCreates:
			a.window(bucket).Recall(m, now)
		case messages.BucketQueries:
			a.query(bucket).Recall(m, now)
		}
	}
	return a
}

// keepLimits has the next owner know what has been learned.
func (g *Engine) keepLimits(a *account, now time.Time) {
	if g.Allowances == nil {
		return
	}
	learned := map[string]budget.Memory{}
	note := func(kind, bucket string, m budget.Memory) {
		if m != (budget.Memory{}) {
			learned[kind+"/"+bucket] = m
		}
	}
	for bucket, w := range a.windows {
		note(messages.BucketCreates, bucket, w.Memory(now))
	}
	for bucket, p := range a.paced {
		note(messages.BucketQueries, bucket, p.Memory(now))
	}
	if !maps.Equal(learned, a.kept) {
		g.Allowances.KeepLimits(a.name, learned)
		a.kept = learned
	}
}
