package fakecloud

import (
	"fmt"
	"net/http"
	"time"
)

// Fault is an order for the next calls that got through path, authentication
// and rate. Orders live in memory: a restart forgets them and how far their
// draws had come.
type Fault struct {
	Call string `json:"call"` // as in the call log; "*" is any
	Kind string `json:"kind"`
	// Count is how many calls it meets. 0 means 1, and no end where it has a
	// probability; below 0 there is no end.
	Count int `json:"count"`
	// Probability above 0 lets each call draw whether it is met. The draws of
	// an order come from a seed of its own: the same calls in the same order
	// meet the same faults.
	Probability float64           `json:"probability,omitempty"`
	Seed        int64             `json:"seed,omitempty"`   // of the draws; 0 follows the fake's seed
	Status      int               `json:"status"`           // of status_before, status_after
	Body        string            `json:"body"`             // "" means what such a status usually carries
	Header      map[string]string `json:"header,omitempty"` // of status_before, status_after
	Delay       Duration          `json:"delay"`            // of the wall's time; of hang_before and delay 0 means until the caller gives up
	Bytes       int               `json:"bytes,omitempty"`  // of huge_before, huge_after; 0 means 20 MiB
}

func (fault Fault) terms() terms {
	return terms{call: fault.Call, count: fault.Count, probability: fault.Probability, seed: fault.Seed}
}

func (fault Fault) left(count int) Fault {
	fault.Count = count
	return fault
}

func (fault Fault) check() error {
	switch _, known := faultKinds[fault.Kind]; {
	case !known:
		return fmt.Errorf("fault kind %q: want one of %v", fault.Kind, faultNames())
	case needsStatus(fault.Kind) && (fault.Status < 200 || fault.Status > 599):
		return fmt.Errorf("fault status %d: want 200 to 599", fault.Status)
	case fault.Delay < 0 || fault.Bytes < 0:
		return fmt.Errorf("fault %s: delay and bytes are not below 0", fault.Kind)
	}
	return nil
}

// Order adds faults. A call meets the first that fits it; they are used up in
// the order in which they came, so several in a row are a script, with the
// kind pass for the calls that nothing shall happen to. If one is wrong, none
// is added.
func (f *Fake) Order(cloud string, faults ...Fault) error {
	c, err := f.cloud(cloud)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faults.add(c, faults)
}

// nextFault uses up one order for the call; the lock is held.
func (c *cloud) nextFault(call string, who caller) Fault {
	fault, _ := c.faults.next(call, func(fault Fault) bool {
		return fault.Kind != ExpireToken || who.auth == "token"
	})
	switch fault.Kind {
	case Pass:
		return Fault{}
	case ExpireToken:
		c.tokensAfter = c.fake.clock.now()
	}
	return fault
}

// before reports whether the request is not processed.
func (fault Fault) before() bool {
	return fault.Kind != "" && !faultKinds[fault.Kind].done
}

// spoil turns an answer, nil if the request was not processed, into the
// ordered one; nil closes the connection.
func (fault Fault) spoil(c *cloud, good *answer) *answer {
	return faultKinds[fault.Kind].spoil(fault, c, good)
}

// wait holds the answer back; a caller that hangs up ends it.
func (fault Fault) wait(r *http.Request) {
	var over <-chan time.Time
	switch {
	case fault.Delay > 0:
		timer := time.NewTimer(time.Duration(fault.Delay))
		defer timer.Stop()
		over = timer.C
	case fault.Kind != HangBefore && fault.Kind != Delay:
		return
	}
	select {
	case <-over:
	case <-r.Context().Done():
	}
}
