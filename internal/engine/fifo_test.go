package engine

import "testing"

// TestFifo: what goes in comes out in order, however long the line gets, and
// a line that is short at all times needs no more room.
func TestFifo(t *testing.T) {
	t.Parallel()
	var f fifo[int]
	in, out := 0, 0
	for _, pushes := range []int{1, 2, 3, 500, 0, 1, 40, 1000} {
		for range pushes {
			in++
			f.push(in)
		}
		for range f.len() * 3 / 4 {
			out++
			if got := f.pop(); got != out {
				t.Fatalf("got %d, want %d", got, out)
			}
		}
		if f.len() != in-out {
			t.Fatalf("%d wait, want %d", f.len(), in-out)
		}
	}
	for f.len() > 0 {
		f.pop()
	}
	if cap(f.items) > fifoKept {
		t.Errorf("an empty line keeps room for %d", cap(f.items))
	}
	f.push(0)
	for range 1000 {
		f.push(1)
		f.push(2)
		f.pop()
		f.pop()
	}
	if cap(f.items) > 8 {
		t.Errorf("a short line has got room for %d", cap(f.items))
	}
}
