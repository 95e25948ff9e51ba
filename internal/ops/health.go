package ops

import (
	"maps"
	"slices"
	"sync"
)

// Health holds the conditions under which the worker is ready. Whoever can judge a condition sets it; the zero state of a
// condition is "does not hold". It is safe for use by many goroutines.
type Health struct {
	mu    sync.Mutex
	names []string
	holds map[string]bool
	notes map[string]string
}

// NewHealth returns a Health with these conditions, none of which holds yet. With no conditions it is ready at once.
func NewHealth(conditions ...string) *Health {
	return &Health{names: slices.Clone(conditions), holds: map[string]bool{}, notes: map[string]string{}}
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

// Note says something about the worker that a person should know and that keeps it from nothing; an empty text takes back
// what was said under the name.
func (h *Health) Note(name, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.notes, name)
	if text != "" {
		h.notes[name] = text
	}
}

// Notes returns what was noted, in the order of the names.
func (h *Health) Notes() (texts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(h.notes)) {
		texts = append(texts, h.notes[name])
	}
	return texts
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
