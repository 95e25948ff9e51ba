package fakecloud

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// order is a Fault or an Outcome.
type order[T any] interface {
	terms() terms
	check() error
	left(count int) T // the same with another count, for those who look
}

// terms say which calls an order meets.
type terms struct {
	call        string
	count       int
	probability float64
	seed        int64
}

// calls is how many calls an order meets at first; below 0: no end.
func (t terms) calls() int {
	switch {
	case t.count != 0:
		return t.count
	case t.probability > 0:
		return -1
	default:
		return 1
	}
}

// taken are orders as they are shown once they wait.
func taken[T order[T]](list []T) []T {
	for i, each := range list {
		list[i] = each.left(each.terms().calls())
	}
	return list
}

// orders wait for calls, oldest first.
type orders[T order[T]] struct {
	list  []*waiting[T]
	given uint64 // how many there have been since the last clearing
}

type waiting[T any] struct {
	order       T
	call        string
	count       int // below 0: no end
	probability float64
	random      *rand.Rand
}

// streamOfOrders keeps the draws of orders apart from those of ids.
const streamOfOrders = 1 << 63

// add takes all or none.
func (o *orders[T]) add(c *cloud, list []T) error {
	for _, each := range list {
		t := each.terms()
		if !knownCall(t.call) {
			return fmt.Errorf("order for call %q: want * or one of %v", t.call, callNames())
		}
		if t.probability < 0 || t.probability > 1 {
			return fmt.Errorf("order with probability %v: want 0 to 1", t.probability)
		}
		if err := each.check(); err != nil {
			return err
		}
	}
	for _, each := range list {
		o.given++
		o.list = append(o.list, newWaiting(each, c.seedOfOrders, o.given))
	}
	return nil
}

func newWaiting[T order[T]](each T, seed int64, number uint64) *waiting[T] {
	t := each.terms()
	w := &waiting[T]{order: each, call: t.call, count: t.calls(), probability: t.probability}
	if t.seed != 0 {
		seed, number = t.seed, 0
	}
	w.random = randomOf(seed, streamOfOrders|number)
	return w
}

// next uses up one order for the call, if one meets it.
func (o *orders[T]) next(call string, fits func(T) bool) (T, bool) {
	for n, w := range o.list {
		if w.call != call && w.call != "*" || !fits(w.order) || !w.drawn() {
			continue
		}
		w.count = max(w.count-1, -1)
		if w.count == 0 {
			o.list = slices.Delete(o.list, n, n+1)
		}
		return w.order, true
	}
	var none T
	return none, false
}

// drawn lets the call draw; one draw a call, whatever comes of it.
func (w *waiting[T]) drawn() bool {
	return w.probability == 0 || w.random.Float64() < w.probability
}

// shown lists the orders with what is left of them.
func (o *orders[T]) shown() []T {
	list := make([]T, 0, len(o.list))
	for _, w := range o.list {
		list = append(list, w.order.left(w.count))
	}
	return list
}

func (o *orders[T]) clear() { *o = orders[T]{} }
