package engine

import (
	"fmt"
	"slices"
	"testing"
)

// TestLineupOfManySources: one source has as much in line as there are others
// with a single request. To go through all of it costs a step for each request,
// not one for each pair of a place and a source.
func TestLineupOfManySources(t *testing.T) {
	t.Parallel()
	const many = 100_000
	l := &lineup{}
	all := &l.rounds[1]
	for i := range many {
		all.lines = append(all.lines, marks{{key: fmt.Sprint("one-", i)}})
	}
	long := make(marks, many)
	for i := range long {
		long[i] = mark{key: fmt.Sprint("many-", i)}
	}
	all.lines = slices.Insert(all.lines, 0, long)
	all.length = 2 * many
	keys, more := l.page(2*many-2, 10)
	if more || !slices.Equal(keys, []string{fmt.Sprint("many-", many-2), fmt.Sprint("many-", many-1)}) {
		t.Errorf("the last page is %v, more: %t", keys, more)
	}
	keys, more = l.page(many, 2)
	if !more || !slices.Equal(keys, []string{fmt.Sprint("one-", many-1), "many-1"}) {
		t.Errorf("in the middle stand %v, more: %t", keys, more)
	}
}
