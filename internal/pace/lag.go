package pace

import (
	"math"
	"time"
)

// lag is how long after its image a job ends, as a share of the age that the
// job has when its image is usable.
type lag struct {
	share float64
	off   float64 // by how much it is missed on average
	seen  float64 // how often it was seen, lagMemory at most
}

const (
	lagMemory = 8
	mostLag   = 4 // a share beyond tells nothing
)

func (l lag) sound() bool {
	return l.share >= 0 && l.share <= mostLag && l.off >= 0 && l.off <= mostLag && l.seen >= 0 && l.seen <= lagMemory
}

func (l *lag) learn(share float64) {
	share = min(max(share, 0), mostLag)
	if l.seen > 0 {
		l.off += (math.Abs(share-l.share) - l.off) / min(l.seen, lagMemory)
	}
	l.seen = min(l.seen+1, lagMemory)
	l.share += (share - l.share) / l.seen
}

// sure is the share that may be counted on; what was seen but once may not.
func (l lag) sure() float64 {
	if l.seen < 2 {
		return 0
	}
	return max(0, l.share-2*l.off)
}

// least is the share that may be counted on, less as long as it was seen seldom.
func (l lag) least() float64 { return max(0, l.share-2*l.off) * l.seen / lagMemory }

// Lagged takes note of how long after its image a job that took d ended. The
// cloud tells the image's time in whole seconds, so that it was half a second
// later on average.
func (m *Model) Lagged(after, d time.Duration) {
	after = max(0, after-stamp/2)
	if age := d - after; d > 0 && age > 0 {
		m.lag.learn(float64(after) / float64(age))
	}
}

// Lag is how long after its image a job is expected to end, by its age when the
// image became usable. Where that was missed before it is a little more, a
// quarter of the bound at most, so that the job surely has ended; but it is never
// more than the bound beyond what can be counted on: one job that was odd must
// not have the next ones noticed late. It is 0 where nothing is known.
func (m *Model) Lag(age, bound time.Duration) time.Duration {
	if m.lag.seen == 0 {
		return 0
	}
	off := stamp + time.Duration(2*m.lag.off*float64(age))
	expected := time.Duration(m.lag.share*float64(age)) + min(off, bound/4)
	return min(expected, time.Duration(m.lag.sure()*float64(age))+bound)
}

// stamp is how exact the cloud's times of images are.
const stamp = time.Second
