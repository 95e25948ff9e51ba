package fakecloud

import (
	"fmt"
	"net/http"
	"time"
)

// documented holds the numbers of the API reference's section 2.14, by the
// route's limit name. Copy, data and register count in one bucket.
var documented = map[string]Limit{
	"system":        {40, minutes(5)},
	"whole":         {20, minutes(2)},
	"copy":          {15, minutes(5)},
	"data":          {20, minutes(5)},
	"register":      {15, minutes(5)},
	"export":        {20, minutes(5)},
	"quick_import":  {20, minutes(5)},
	"cross_region":  {5, minutes(5)},
	"members":       {200, minutes(5)},
	"show_job":      {1400, minutes(1)},
	"show_progress": {200, minutes(5)},
	"list":          {1400, minutes(1)},
	"get_image":     {400, minutes(1)},
	"quota":         {1400, minutes(1)},
	"update":        {200, minutes(5)},
}

// shared names the bucket of the limits that count together.
var shared = map[string]string{"data": "copy", "register": "copy"}

func minutes(n int) Duration { return Duration(time.Duration(n) * time.Minute) }

// rates are the sliding windows of one tenant, by bucket, in virtual time.
type rates map[string]*window

type window struct {
	hits []time.Time // oldest first
}

// throttle counts a call, or refuses it as the gateway does. Refused calls do
// not count. The lock is held.
func (c *cloud) throttle(q *request) *answer {
	limit, found := c.limit(q.route.limit)
	if !found || c.switches.RatesOff || limit.Count < 0 {
		return nil
	}
	bucket := orElse(shared[q.route.limit], q.route.limit)
	w := c.rates[bucket]
	if w == nil {
		w = &window{}
		c.rates[bucket] = w
	}
	if w.take(limit, q.now) {
		return nil
	}
	return q.route.overLimit(limit)
}

func (c *cloud) limit(name string) (Limit, bool) {
	if limit, found := c.switches.Limits[name]; found {
		return limit, true
	}
	limit, found := documented[name]
	return limit, found
}

// take counts one call if the window before now has room for it.
func (w *window) take(limit Limit, now time.Time) bool {
	start := now.Add(-time.Duration(limit.Window))
	old := 0
	for old < len(w.hits) && !w.hits[old].After(start) {
		old++
	}
	w.hits = w.hits[old:]
	if len(w.hits) >= limit.Count {
		return false
	}
	w.hits = append(w.hits, now)
	return true
}

// overLimit is the answer over the rate: the identity service has a code of
// its own, all else comes from the gateway.
func (r *route) overLimit(limit Limit) *answer {
	if r.service == serviceIAM {
		return &answer{status: http.StatusTooManyRequests, body: flatError{Code: "IAM.0012", Message: "The throttling threshold has been reached."}}
	}
	return gateway(http.StatusTooManyRequests, "APIGW.0308", fmt.Sprintf(
		"The throttling threshold has been reached: policy user over ratelimit,limit:%d,time:%s", limit.Count, windowText(limit.Window)))
}

func windowText(d Duration) string {
	window := time.Duration(d)
	if window >= time.Minute {
		return fmt.Sprintf("%d minute", int(window.Minutes()))
	}
	return fmt.Sprintf("%d second", int(window.Seconds()))
}
