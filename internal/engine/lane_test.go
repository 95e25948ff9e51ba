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
	if l.near.len() > 0 || l.rest.len() > 0 {
		t.Errorf("%d and %d are left in line", l.near.len(), l.rest.len())
	}
}

// TestLaneSpares: what is taken out makes room for the next one, also from the
// middle of a line, but a long line does not keep its room for ever.
func TestLaneSpares(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l, used := &lane{}, map[*waiting]bool{}
	push := func(wait time.Duration, near bool) {
		l.push(task{key: "k", near: near, latest: now.Add(wait)})
		for _, w := range l.by {
			used[w] = true
		}
	}
	for i := range 100 {
		push(time.Minute, i%2 == 0)
		push(-time.Second, i%2 == 0) // it goes first
		for l.len() > 0 {
			if got := l.pop(now); got.key != "k" {
				t.Fatalf("taken out: %+v", got)
			}
		}
	}
	if len(used) != 2 {
		t.Errorf("room was made for %d, two at most waited at a time", len(used))
	}
	for range 10 * laneSpared {
		push(time.Minute, false)
	}
	for l.len() > 0 {
		l.pop(now)
	}
	if len(l.spare) > laneSpared {
		t.Errorf("room for %d is kept", len(l.spare))
	}
	for _, w := range l.spare {
		if w.key != "" || w.place >= 0 {
			t.Errorf("kept for use: %+v", w.task)
		}
	}
}
