package engine

import (
	"testing"
	"time"
)

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
		got += l.pop(time.Time{}).key
	}
	if got != "xaybcd" {
		t.Errorf("asked in the order %s", got)
	}
}

// TestLaneLeavesNobodyAlone: who has not been asked for too long goes before
// those whose ends are near, unless they have waited as long.
func TestLaneLeavesNobodyAlone(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := &lane{}
	for _, key := range []string{"a", "b"} {
		l.push(task{key: key, latest: now})
	}
	l.push(task{key: "c", latest: now.Add(time.Second)})
	l.push(task{key: "x", near: true, latest: now.Add(time.Second)})
	l.push(task{key: "y", near: true, latest: now})
	got := ""
	for l.len() > 0 {
		got += l.pop(now).key
	}
	if got != "abxcy" {
		t.Errorf("asked in the order %s", got)
	}
}
