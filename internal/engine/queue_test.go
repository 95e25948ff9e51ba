package engine

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unique"
)

// waiter is an entry as "rank source age" puts it: 1a3 is of normal priority,
// source a, and 3 seconds younger than 1a0.
func waiter(text string) *entry {
	return &entry{
		key: text, rank: int(text[0] - '0'), source: unique.Make(text[1:2]),
		accepted: instant(text[2]), index: -1, place: -1,
	}
}

func drained(q *queue) string {
	var keys []string
	for q.Len() > 0 {
		keys = append(keys, q.first().key)
	}
	return strings.Join(keys, " ")
}

func TestQueueOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ add, want string }{
		"age":          {"1a2 1a0 1a1", "1a0 1a1 1a2"},
		"turns":        {"1a0 1a1 1a2 1b3 1c4", "1a0 1b3 1c4 1a1 1a2"},
		"priority":     {"2a0 1a1 0a2 1b3 0b4", "0a2 0b4 1a1 1b3 2a0"},
		"late_comer":   {"1a0 1a1 1a2 1a3 1b9", "1a0 1b9 1a1 1a2 1a3"},
		"same_moment":  {"1b0 1a0", "1b0 1a0"},
		"rank_is_own":  {"0a5 1a0 1b1", "0a5 1a0 1b1"},
		"nothing_left": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := &queue{}
			for text := range strings.FieldsSeq(c.add) {
				q.add(waiter(text))
			}
			if got := drained(q); got != c.want {
				t.Errorf("order %s, want %s", got, c.want)
			}
		})
	}
}

// TestQueueBulk: one who has ten thousand delays another by one slot, also
// when that one comes in the middle.
func TestQueueBulk(t *testing.T) {
	t.Parallel()
	q := &queue{}
	for i := range 10_000 {
		q.add(&entry{key: fmt.Sprint(i), rank: 1, source: unique.Make("bulk"), accepted: instant(i), place: -1})
	}
	for range 100 {
		q.first()
	}
	q.add(waiter("1s9"))
	if a, b := q.first().key, q.first().key; a != "1s9" && b != "1s9" {
		t.Errorf("%s and %s came before the single one", a, b)
	}
}

// TestQueueDrop takes entries out of anywhere and compares with what is left.
func TestQueueDrop(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	q, in := &queue{}, map[*entry]bool{}
	for i := range 2000 {
		if e := waiter(fmt.Sprintf("%d%c%d", random.IntN(ranks), 'a'+rune(random.IntN(5)), random.IntN(10))); i%3 != 2 {
			q.add(e)
			in[e] = true
			continue
		}
		for e := range in {
			q.drop(e)
			delete(in, e)
			if e.place != -1 || e.line != nil {
				t.Fatalf("%s still thinks that it waits", e.key)
			}
			break
		}
	}
	for q.Len() > 0 {
		if e := q.first(); !in[e] {
			t.Fatalf("%s comes that is not in", e.key)
		} else {
			delete(in, e)
		}
	}
	if len(in) > 0 {
		t.Errorf("%d never come", len(in))
	}
	for i := range q.rounds {
		if q.rounds[i].turns.Len() > 0 || len(q.rounds[i].lines) > 0 {
			t.Errorf("round %d keeps empty lines", i)
		}
	}
}
