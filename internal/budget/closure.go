package budget

import "time"

// closure keeps a bucket shut after the cloud has refused a call for coming too
// fast. Waits grow while it is refused again soon after it was opened.
type closure struct {
	since time.Time     // when it was shut last
	until time.Time     // nothing is taken before
	wait  time.Duration // the last one
	times int           // in a row
}

// shut closes the bucket for the wait that belongs to the number of times that
// this has happened in a row. A bucket that was open for longer than it was
// shut before begins anew.
func (c *closure) shut(now time.Time, wait func(times int) time.Duration) {
	if now.Sub(c.until) > c.wait {
		c.times = 0
	}
	c.times++
	c.since = now
	c.extend(now, wait)
}

// extend is another refusal of calls that were on their way when the bucket
// was shut.
func (c *closure) extend(now time.Time, wait func(times int) time.Duration) {
	c.wait = wait(c.times)
	if until := now.Add(c.wait); until.After(c.until) {
		c.until = until
	}
}

// open is when the bucket may be used, from now on.
func (c *closure) open(now time.Time) time.Time {
	if c.until.After(now) {
		return c.until
	}
	return now
}
