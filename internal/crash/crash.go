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

// The points of a bulk, in the order of its way.
const (
	Expanding Point = "expanding" // the making of its legs is claimed, no page is written
	Paged     Point = "paged"     // all pages are written, the record does not say so
	Expanded  Point = "expanded"  // the record says so, no leg has begun
	Noted     Point = "noted"     // a page is written, others that belong to the same round perhaps not
	Begun     Point = "begun"     // legs are written down as under way, none is asked for
	Asked     Point = "asked"     // a leg is asked for, others perhaps not
	Parented  Point = "parented"  // the bulk is told of the end of a leg, which has no tombstone yet
	LegsTold  Point = "legs-told" // a page of legs is told, the final event not
)

// BulkPoints lists the points of a bulk.
func BulkPoints() []Point {
	return []Point{Expanding, Paged, Expanded, Noted, Begun, Asked, Parented, LegsTold}
}

// The points of a backup notice on its way to a request; that of the request's
// record is Recorded.
const (
	Hooked  Point = "hooked"  // the notice of a hook's call is stored, the call not answered
	Watched Point = "watched" // the watch's notice is stored, not noted how far it has looked
	Hinted  Point = "hinted"  // a notice is kept to be looked at, its delivery not acked
	Ripened Point = "ripened" // a notice that was kept has led to a record, and is not forgotten
)

// BackupPoints lists the points of a backup notice.
func BackupPoints() []Point { return []Point{Hooked, Watched, Hinted, Ripened} }

// Points lists all points.
func Points() []Point {
	return []Point{Delivered, Recorded, Announced, Claimed, Posted, Submitted, Polled, Wished, Discarded, Finished, Told, Caused, Buried}
}
