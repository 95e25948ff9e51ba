package engine

import "time"

// brokerClock is a lease that knows the broker's clock: when the latest
// renewal was stored. Zero: not known.
type brokerClock interface{ Renewed() time.Time }

// ours is a moment of the broker's clock by ours, as far as the lease knows
// how they differ, else as it is. It may be too late by the age of the latest
// renewal, never too early, and is never in the future; a moment that is not
// known is now.
func (g *Engine) ours(stored time.Time) time.Time {
	now := time.Now()
	if stored.IsZero() {
		return now
	}
	if c, knows := g.Lease.(brokerClock); knows {
		if renewed := c.Renewed(); !renewed.IsZero() {
			stored = stored.Add(now.Sub(renewed))
		}
	}
	if stored.After(now) {
		return now
	}
	return stored
}
