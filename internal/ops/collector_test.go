package ops

import "testing"

// TestPercentFor: the room is the same for every small heap, and a large one
// may only double.
func TestPercentFor(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{
		0: mostPercent, 1 << 20: mostPercent, 12 << 20: 800, 48 << 20: 200, 96 << 20: leastPercent, 1 << 30: leastPercent,
	} {
		if got := percentFor(live); got != want {
			t.Errorf("%d bytes: got %d %%, want %d", live, got, want)
		}
	}
}
