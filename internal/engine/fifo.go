package engine

// fifo is a line: who came first goes first. It uses its room again, and keeps
// no more than it needs once it is empty.
type fifo[T any] struct {
	items []T
	head  int // those before it are gone
}

// fifoKept is how much room an empty line keeps.
const fifoKept = 64

func (f *fifo[T]) len() int { return len(f.items) - f.head }

// push adds the last one.
func (f *fifo[T]) push(item T) {
	if len(f.items) == cap(f.items) && f.head > len(f.items)/2 {
		n := copy(f.items, f.items[f.head:])
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
	}
	f.items = append(f.items, item)
}

// first is the one that pop takes out. There must be one.
func (f *fifo[T]) first() T { return f.items[f.head] }

// pop takes out the first one. There must be one.
func (f *fifo[T]) pop() T {
	var none T
	item := f.items[f.head]
	f.items[f.head] = none
	f.head++
	if f.head == len(f.items) {
		f.items, f.head = f.items[:0], 0
		if cap(f.items) > fifoKept {
			f.items = nil
		}
	}
	return item
}
