package engine

import (
	"math"
	"time"
)

// instant is a point in time in a third of the room of a time.Time: nanoseconds
// since 1970, 0 for none. It has no monotonic reading: it is for what stands in
// records and for ages of minutes, not for what steers the loop's sleep.
type instant int64

// The years that an instant has room for.
const firstYear, lastYear = 1678, 2261

// instantOf keeps a time. People may write any year: one that there is no room
// for becomes the earliest instant, or the latest.
func instantOf(t time.Time) instant {
	switch {
	case t.IsZero():
		return 0
	case t.Year() < firstYear:
		return math.MinInt64
	case t.Year() > lastYear:
		return math.MaxInt64
	case t.UnixNano() == 0:
		return 1 // not to be taken for none
	}
	return instant(t.UnixNano())
}

// time is the instant as a time, the zero one for none.
func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(i)).UTC()
}
