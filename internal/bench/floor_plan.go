package main

import "slices"

// write is one message that a life stores.
type write int

const (
	create write = iota // of the record
	update              // of the record, replacing the one before
	tell                // an event
)

// plan says what is stored before the creating call, between it and the status
// query, and after that.
type plan struct{ before, between, after []write }

// threeWrites is the least: the record, the job's id in it, the final event.
var threeWrites = plan{before: []write{create}, between: []write{update}, after: []write{tell}}

// planOf is a plan with so many writes, in places that make sense.
func planOf(writes int) plan {
	p := threeWrites
	for i := range writes - 3 {
		switch i {
		case 0:
			p.before = append(slices.Clip(p.before), tell)
		case 1:
			p.before = append(p.before, update)
		case 2:
			p.between = append(slices.Clip(p.between), tell)
		default:
			p.after = append([]write{update}, p.after...)
		}
	}
	return p
}

// events is how many of the writes are events.
func (p plan) events() int {
	n := 0
	for _, part := range [][]write{p.before, p.between, p.after} {
		for _, w := range part {
			if w == tell {
				n++
			}
		}
	}
	return n
}

func (p plan) writes() int { return len(p.before) + len(p.between) + len(p.after) }
