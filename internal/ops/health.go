package ops

import (
	"slices"
	"sync"
)

// Health holds the conditions under which the worker is ready. Whoever can judge a condition sets it; the zero state of a
// condition is "does not hold". It is safe for use by many goroutines.
type Health struct {
	mu    sync.Mutex
	names []string
	holds map[string]bool
}

// NewHealth returns a Health with these conditions, none of which holds yet. With no conditions it is ready at once.
func NewHealth(conditions ...string) *Health {
	return &Health{names: slices.Clone(conditions), holds: map[string]bool{}}
}

// Set says whether a condition holds. A name that is new becomes a condition.
func (h *Health) Set(condition string, holds bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Contains(h.names, condition) {
		h.names = append(h.names, condition)
	}
	h.holds[condition] = holds
}

// Ready reports whether all conditions hold.
func (h *Health) Ready() bool {
	_, missing := h.Conditions()
	return len(missing) == 0
}

// Conditions returns the conditions that hold and those that do not, in the order in which they were named.
func (h *Health) Conditions() (holding, missing []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range h.names {
		if h.holds[name] {
			holding = append(holding, name)
		} else {
			missing = append(missing, name)
		}
	}
	return holding, missing
}
