package fakecloud

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Kinds of faults. Before means that the request is not processed, after that
// it is processed in full and only its answer is spoilt.
const (
	DropBefore   = "drop_before"   // the connection is closed, nothing was done
	DropAfter    = "drop_after"    // done, then the connection is closed
	StatusBefore = "status_before" // the given answer, nothing was done
	StatusAfter  = "status_after"  // done, then the given answer
	Delay        = "delay"         // done, the answer comes late
)

var faultKinds = []string{DropBefore, DropAfter, StatusBefore, StatusAfter, Delay}

// Fault is an order for the next calls that got through path, authentication
// and rate.
type Fault struct {
	Call   string            `json:"call"` // as in the call log; "*" is any
	Kind   string            `json:"kind"`
	Count  int               `json:"count"`  // how many calls; 0 means 1
	Status int               `json:"status"` // of status_before, status_after
	Body   string            `json:"body"`   // "" means what such a status usually carries
	Header map[string]string `json:"header,omitempty"`
	Delay  Duration          `json:"delay"` // of the wall's time
}

// Outcome is an order for the next jobs.
type Outcome struct {
	Call   string `json:"call"`  // CreateWholeImage, CopyImage; "*" is any
	Count  int    `json:"count"` // how many jobs; 0 means 1
	Code   string `json:"code"`  // not empty: the job fails with it
	Reason string `json:"reason"`
	Stuck  bool   `json:"stuck"` // the job runs for ever

	ImageLate  Duration `json:"image_late"`
	ImageNever bool     `json:"image_never"`
	ImageEarly bool     `json:"image_early"`
	Killed     bool     `json:"killed"` // of a failed job: the image stays, killed
	Gone       bool     `json:"gone"`   // of a failed export of a disk: the image goes instead of staying killed
	Run        Duration `json:"run"`    // how long it runs; 0 as usual
}

// Order adds a fault. Faults are used up in the order in which they came.
func (f *Fake) Order(cloud string, fault Fault) error {
	c, err := f.cloud(cloud)
	if err != nil {
		return err
	}
	if !slices.Contains(faultKinds, fault.Kind) {
		return fmt.Errorf("fault kind %q: want one of %v", fault.Kind, faultKinds)
	}
	if !knownCall(fault.Call) {
		return fmt.Errorf("fault for call %q: want * or one of %v", fault.Call, callNames())
	}
	if (fault.Kind == StatusBefore || fault.Kind == StatusAfter) && (fault.Status < 200 || fault.Status > 599) {
		return fmt.Errorf("fault status %d: want 200 to 599", fault.Status)
	}
	fault.Count = max(fault.Count, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, fault)
	return nil
}

// Decide adds an outcome for the next jobs.
func (f *Fake) Decide(cloud string, outcome Outcome) error {
	c, err := f.cloud(cloud)
	if err != nil {
		return err
	}
	if !knownCall(outcome.Call) {
		return fmt.Errorf("outcome for call %q: want * or one of %v", outcome.Call, callNames())
	}
	outcome.Count = max(outcome.Count, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcomes = append(c.outcomes, outcome)
	return nil
}

// nextFault uses up one order for the call; the lock is held.
func (c *cloud) nextFault(call string) (Fault, bool) {
	for n := range c.faults {
		fault := c.faults[n]
		if fault.Call != call && fault.Call != "*" {
			continue
		}
		c.faults[n].Count--
		if c.faults[n].Count == 0 {
			c.faults = slices.Delete(c.faults, n, n+1)
		}
		return fault, true
	}
	return Fault{}, false
}

// nextOutcome uses up one order for a job; the lock is held.
func (c *cloud) nextOutcome(call string) Outcome {
	for n := range c.outcomes {
		outcome := c.outcomes[n]
		if outcome.Call != call && outcome.Call != "*" {
			continue
		}
		c.outcomes[n].Count--
		if c.outcomes[n].Count == 0 {
			c.outcomes = slices.Delete(c.outcomes, n, n+1)
		}
		return outcome
	}
	return Outcome{}
}

// spoil turns a processed answer into the ordered one; nil closes the
// connection.
func (fault Fault) spoil(c *cloud, good *answer) *answer {
	switch fault.Kind {
	case DropBefore, DropAfter:
		return nil
	case StatusBefore, StatusAfter:
		return fault.answer(c)
	default:
		return good
	}
}

// answer is the ordered status with the ordered body, or with the shape that
// such a status has in the field.
func (fault Fault) answer(c *cloud) *answer {
	a := &answer{status: fault.Status, raw: fault.Body}
	if fault.Body == "" {
		a = usualAnswer(c.Profile, fault.Status)
	}
	if fault.Header != nil {
		a.header = fault.Header
	}
	return a
}

func usualAnswer(profile string, status int) *answer {
	switch {
	case status == http.StatusGatewayTimeout && profile == ProfileOTC:
		return &answer{status: status, body: timeoutError{Message: "Wait response timeout."}}
	case status == http.StatusTooManyRequests:
		return gateway(status, "APIGW.0308", "The throttling threshold has been reached: policy user over ratelimit,limit:15,time:5 minute")
	case status == http.StatusUnauthorized:
		return gateway(status, "APIGW.0301", "Incorrect IAM authentication information: decrypt token fail")
	case status == http.StatusNotFound:
		return gateway(status, "APIGW.0101", "The API does not exist or has not been published in the environment")
	case status == http.StatusInternalServerError:
		return &answer{status: status, body: imsError("IMG.0061", "Unknown error.")}
	case status == http.StatusGatewayTimeout:
		return gateway(status, "APIGW.0601", "Backend timeout.")
	case status >= http.StatusInternalServerError:
		return proxyPage(status)
	default:
		return &answer{status: status}
	}
}

// wait holds the answer back; a caller that hangs up ends it.
func (fault Fault) wait(r *http.Request) {
	if fault.Delay <= 0 {
		return
	}
	timer := time.NewTimer(time.Duration(fault.Delay))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}
