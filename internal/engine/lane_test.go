package engine

import "testing"

// TestLane: what is expected to find an end goes first, the rest is not kept
// from going on, and each goes in turns.
func TestLane(t *testing.T) {
	t.Parallel()
	l := &lane{}
	for i := range 4 {
		l.push(task{key: string(rune('a' + i))})
	}
	for i := range 2 {
		l.push(task{key: string(rune('x' + i)), near: true})
	}
	got := ""
	for l.len() > 0 {
		got += l.pop().key
	}
	if got != "xaybcd" {
		t.Errorf("asked in the order %s", got)
	}
}
