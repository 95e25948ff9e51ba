package engine

import (
	"testing"
	"time"
)

// TestLane: what is expected to find an end goes first, the rest is not kept
// from going on, and each goes in turns.
func TestLane(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l, latest := &lane{}, now.Add(time.Minute)
	for i := range 4 {
		l.push(task{key: string(rune('a' + i)), latest: latest})
	}
	for i := range 2 {
		l.push(task{key: string(rune('x' + i)), near: true, latest: latest})
	}
	got := ""
	for l.len() > 0 {
		got += l.pop(now).key
	}
	if got != "xaybcd" {
		t.Errorf("asked in the order %s", got)
	}
}

// TestLaneLatest: what has waited for as long as it may goes first, whatever
// line it stands in, and those that stood before it keep their turns.
func TestLaneLatest(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := &lane{}
	for i, key := range []string{"a", "b", "c"} {
		l.push(task{key: key, latest: now.Add(time.Duration(i+1) * time.Minute)})
	}
	for i, key := range []string{"x", "y", "z"} {
		l.push(task{key: key, near: true, latest: now.Add(time.Duration(1-i) * time.Second)})
	}
	got := ""
	for l.len() > 0 {
		got += l.pop(now).key
	}
	if got != "zyxabc" {
		t.Errorf("asked in the order %s", got)
	}
	if l.near.len() > 2 || first(&l.near) != nil || l.near.len() > 0 {
		t.Errorf("%d are left in line", l.near.len())
	}
}
