package fakecloud

import (
	"slices"
	"strconv"
	"time"
)

const callsKept = 20000

// Call is one request that reached the fake, in the order of the answers.
type Call struct {
	Sequence  int       `json:"sequence"`
	Time      time.Time `json:"time"` // virtual
	Real      time.Time `json:"real"`
	Call      string    `json:"call"` // "" for a path that does not exist
	Method    string    `json:"method"`
	Path      string    `json:"path"` // with the query
	Status    int       `json:"status"`
	Code      string    `json:"code,omitempty"`
	Auth      string    `json:"auth,omitempty"`
	Fault     string    `json:"fault,omitempty"` // the order that it met; status 0 was dropped
	RequestID string    `json:"request_id"`
}

// callLog keeps the newest calls and counts them all.
type callLog struct {
	ring   []Call
	total  int
	counts map[string]map[string]int // call → status → number
}

func newCallLog() callLog {
	return callLog{counts: map[string]map[string]int{}}
}

func (l *callLog) add(c Call) {
	c.Sequence = l.total + 1
	if len(l.ring) < callsKept {
		l.ring = append(l.ring, c)
	} else {
		l.ring[l.total%callsKept] = c
	}
	l.total++
	if l.counts[c.Call] == nil {
		l.counts[c.Call] = map[string]int{}
	}
	l.counts[c.Call][strconv.Itoa(c.Status)]++
}

// list returns the kept calls, oldest first.
func (l *callLog) list() []Call {
	if len(l.ring) < callsKept {
		return append(make([]Call, 0, len(l.ring)), l.ring...)
	}
	oldest := l.total % callsKept
	return slices.Concat(l.ring[oldest:], l.ring[:oldest])
}

// Calls returns the newest calls (at most 20,000), oldest first; nothing for
// an unknown cloud.
func (f *Fake) Calls(cloud string) []Call {
	c, err := f.cloud(cloud)
	if err != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls.list()
}
