// Package crash marks the places at which the worker may be cut off with
// something left half done. In a normal build a mark does nothing. Built with
// the tag crashpoints, the process kills itself, as kill -9 does, at the mark
// that the variable CRASH_AT names: tests walk the list and look at what the
// next process makes of what is left.
package crash

// Point is one such place, named by what has just happened.
type Point string

// The points, in the order of a request's way.
const (
	Delivered Point = "delivered" // a request is in hand, nothing is stored
	Recorded  Point = "recorded"  // its record is stored, the delivery not acked
	Announced Point = "announced" // the accepted event is told
	Claimed   Point = "claimed"   // the claim is stored, nothing is sent
	Posted    Point = "posted"    // the cloud has answered, its answer is not stored
	Submitted Point = "submitted" // the answer is stored, its event not told
	Polled    Point = "polled"    // the job is over, nothing is stored
	Wished    Point = "wished"    // the wish to cancel is stored, nothing is done about it
	Discarded Point = "discarded" // the image of a cancelled request is deleted, nothing is stored
	Finished  Point = "finished"  // the end is stored, its event not told
	Told      Point = "told"      // the final event is told, no tombstone stored
	Caused    Point = "caused"    // a follow-up step is asked for, others perhaps not, no tombstone stored
	Buried    Point = "buried"    // the tombstone is stored
)

// Points lists all points.
func Points() []Point {
	return []Point{Delivered, Recorded, Announced, Claimed, Posted, Submitted, Polled, Wished, Discarded, Finished, Told, Caused, Buried}
}
