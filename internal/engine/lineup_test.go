package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	"unique"
)

// TestLineupIsTheOrderOfTheQueue fills queues at random and compares every
// place with the order in which the queue gives its entries away.
func TestLineupIsTheOrderOfTheQueue(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		q, begun := &queue{}, time.Unix(1_000_000, 0)
		entries := map[string]*entry{}
		for n := range rnd.IntN(200) {
			e := &entry{
				key: fmt.Sprint("key-", n), rank: rnd.IntN(ranks), source: unique.Make(fmt.Sprint("source-", rnd.IntN(1+rnd.IntN(8)))),
				accepted: instantOf(begun.Add(time.Duration(rnd.IntN(1000)) * time.Millisecond)), place: -1,
			}
			entries[e.key] = e
			q.add(e)
		}
		for range rnd.IntN(1 + len(entries)/2) { // turns are somewhere in the middle
			delete(entries, q.first().key)
		}
		a := newAccount("demo", nil)
		a.queues["copy"] = q
		l := taken(a, "copy")
		page, more := l.page(0, len(entries))
		if len(page) != len(entries) || more {
			t.Fatalf("seed %d: %d of %d in the page, more: %t", seed, len(page), len(entries), more)
		}
		for place := range len(entries) {
			e := q.first()
			if got := l.ahead(e.rank, e.source, markOf(e)); got != place {
				t.Errorf("seed %d: %d go before %s, want %d", seed, got, e.key, place)
			}
			if page[place] != e.key {
				t.Errorf("seed %d: %s stands at %d, want %s", seed, page[place], place, e.key)
			}
			if part, _ := l.page(place, 1); len(part) != 1 || part[0] != e.key {
				t.Errorf("seed %d: page from %d is %v, want %s", seed, place, part, e.key)
			}
		}
	}
}

// taken is a lineup as the loop would copy it.
func taken(a *account, bucket string) *lineup {
	l := &lineup{at: time.Now()}
	for rank, lines := range l.begin(a, bucket) {
		for next, offset := 0, 0; next < len(lines); {
			next, offset = l.rounds[rank].copy(lines, next, offset)
		}
		l.rounds[rank].sort()
	}
	return l
}

// BenchmarkLineup is how long the loop stands still for 100,000 that wait, and
// how long their sorting takes beside it.
func BenchmarkLineup(b *testing.B) {
	a, begun := newAccount("demo", nil), time.Now()
	q := &queue{}
	a.queues["copy"] = q
	for n := range 100_000 {
		q.add(&entry{key: fmt.Sprintf("key-%026d", n), source: unique.Make(fmt.Sprint("source-", n%100)), accepted: instantOf(begun.Add(time.Duration(n))), place: -1})
	}
	for b.Loop() {
		taken(a, "copy")
	}
}
