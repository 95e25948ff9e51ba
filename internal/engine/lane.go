package engine

// lane is the queries of one bucket that are due: those that are expected to
// find an end, and the rest. Each kind goes in turns, and the two of them
// alternate, so that neither keeps the other from going on.
type lane struct {
	near, rest fifo[task]
	last       bool // the last one was near
}

func (l *lane) len() int { return l.near.len() + l.rest.len() }

func (l *lane) push(t task) {
	if t.near {
		l.near.push(t)
		return
	}
	l.rest.push(t)
}

// pop takes out the one whose turn it is. There must be one.
func (l *lane) pop() task {
	l.last = l.near.len() > 0 && (!l.last || l.rest.len() == 0)
	if l.last {
		return l.near.pop()
	}
	return l.rest.pop()
}
