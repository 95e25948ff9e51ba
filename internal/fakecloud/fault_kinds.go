package fakecloud

import (
	"maps"
	"net/http"
	"slices"
)

// Kinds of faults. Before means that the request is not processed, after that
// it is processed in full and only its answer is spoilt.
const (
	DropBefore   = "drop_before"   // the connection is closed, nothing was done
	DropAfter    = "drop_after"    // done, then the connection is closed
	StatusBefore = "status_before" // the given answer, nothing was done
	StatusAfter  = "status_after"  // done, then the given answer
	HangBefore   = "hang_before"   // nothing was done, a 504 comes late or never
	Delay        = "delay"         // done, the answer comes late or never
	BrokenBefore = "broken_before" // 200 with half an answer, nothing was done
	BrokenAfter  = "broken_after"  // done, then half of the answer
	CutBefore    = "cut_before"    // as broken, and the connection ends in the middle
	CutAfter     = "cut_after"
	HTMLBefore   = "html_before" // 200 with a page, nothing was done
	HTMLAfter    = "html_after"  // done, then 200 with a page
	HugeBefore   = "huge_before" // 200 with an endless answer, nothing was done
	HugeAfter    = "huge_after"  // done, then 200 with an endless answer

	TooMany     = "too_many"     // 429 of the gateway
	Busy        = "busy"         // throttling in a 400, IMG.0060
	ExpireToken = "expire_token" // all tokens so far are dead; meets callers with a token only
	Pass        = "pass"         // nothing happens: for scripts
)

// faultKind is what a kind does. spoil gets the good answer, nil where the
// request was not processed.
type faultKind struct {
	done  bool
	spoil func(fault Fault, c *cloud, good *answer) *answer
}

var faultKinds = map[string]faultKind{
	DropBefore: {false, drop}, DropAfter: {true, drop},
	StatusBefore: {false, ordered}, StatusAfter: {true, ordered},
	HangBefore: {false, tooLate}, Delay: {true, unspoilt},
	BrokenBefore: {false, broken}, BrokenAfter: {true, broken},
	CutBefore: {false, cutOff}, CutAfter: {true, cutOff},
	HTMLBefore: {false, page}, HTMLAfter: {true, page},
	HugeBefore: {false, huge}, HugeAfter: {true, huge},
	TooMany: {false, tooMany}, Busy: {false, busy}, ExpireToken: {false, expired}, Pass: {true, unspoilt},
}

func faultNames() []string { return slices.Sorted(maps.Keys(faultKinds)) }

func needsStatus(kind string) bool { return kind == StatusBefore || kind == StatusAfter }

const (
	hugeBytes = 20 << 20
	// lost is an answer as a creating call gets it, of a job that is none.
	lost = `{"job_id":"9a175ac7000000000000000000000000"}`
	wall = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form action=\"/login\"></form></body></html>\n"
)

func drop(Fault, *cloud, *answer) *answer { return nil }

func unspoilt(_ Fault, _ *cloud, good *answer) *answer { return good }

func tooLate(_ Fault, c *cloud, _ *answer) *answer {
	return usualAnswer(c.Profile, http.StatusGatewayTimeout)
}

func tooMany(_ Fault, c *cloud, _ *answer) *answer {
	return usualAnswer(c.Profile, http.StatusTooManyRequests)
}

func busy(Fault, *cloud, *answer) *answer {
	return refuse("IMG.0060", "Too many tasks. Try again later.")
}

func expired(Fault, *cloud, *answer) *answer { return unauthorized(errTokenExpired) }

func page(Fault, *cloud, *answer) *answer {
	return &answer{status: http.StatusOK, raw: wall, header: map[string]string{"Content-Type": "text/html"}}
}

func huge(fault Fault, _ *cloud, _ *answer) *answer {
	n := fault.Bytes
	if n == 0 {
		n = hugeBytes
	}
	return &answer{status: http.StatusOK, padding: n}
}

func broken(_ Fault, _ *cloud, good *answer) *answer {
	half := orLost(good)
	half.half = true
	return half
}

func cutOff(_ Fault, _ *cloud, good *answer) *answer {
	cut := orLost(good)
	cut.cut = true
	return cut
}

func orLost(good *answer) *answer {
	if good == nil {
		return &answer{status: http.StatusOK, raw: lost}
	}
	copied := *good
	return &copied
}

// ordered is the ordered status with the ordered body, or with the shape that
// such a status has in the field.
func ordered(fault Fault, c *cloud, _ *answer) *answer {
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
