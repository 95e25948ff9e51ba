package engine

import (
	"errors"
	"slices"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
)

// listBucket is the bucket of the image list, which look-ups use.
const listBucket = "list"

// bucketOf is the bucket that an operation's creating call takes from.
func bucketOf(operation string) string {
	op, known := handlers.Lookup(operation)
	if !known {
		return other
	}
	return op.Bucket
}

// bucketFor is the bucket that the next creating call of a record takes from,
// or, of one whose data is gone, the last one took from.
func bucketFor(r *ledger.Record) string {
	op, known := handlers.Lookup(r.Operation)
	switch {
	case known && len(r.Data) > 0:
		return op.BucketFor(r.Data, r.ImageID)
	case r.Bucket != "":
		return r.Bucket
	}
	return bucketOf(r.Operation)
}

// bucketsOf are those that the creating calls of a record may have taken from.
// Which of several calls took from which is not kept: they count in each.
func bucketsOf(r *ledger.Record) []string {
	all := []string{bucketFor(r)}
	if op, _ := handlers.Lookup(r.Operation); op.Begins != "" {
		all = append(all, op.Begins, op.Bucket)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// noteBucket keeps the bucket of the call that is about to be made, where the
// operation does not tell it.
func noteBucket(r *ledger.Record) {
	r.Bucket = ""
	if b := bucketFor(r); b != bucketOf(r.Operation) {
		r.Bucket = b
	}
}

// mixed reports whether creating calls and questions take from one bucket of
// the cloud. Each have half of it: questions of an owner before leave no trace
// that their number could be known by.
func mixed(bucket string) bool {
	return bucket == "evs" || bucket == "tags" || bucket == "update"
}

// onlyAsks reports whether a bucket is of calls that create nothing.
func onlyAsks(bucket string) bool { return slices.Contains(questionBuckets(), bucket) }

// questionBuckets are those of calls that create nothing.
func questionBuckets() []string {
	return []string{ims.ShowJob, ims.ShowJobProgress, listBucket, "get_image", "quota", "cbr", ims.IdentityBucket}
}

// single reports whether a mixed bucket is of one call in a window, which has no
// halves: creating calls and questions take turns in it. A question has its
// answer within a tenth of the window; a creating call is waited for.
func (a *Account) single(bucket string) bool { return mixed(bucket) && a.Limits[bucket].Count == 1 }

// bucketIn is the bucket that a call which failed took from, and whose it is;
// empty where none was made.
func bucketIn(err error) (cloud, bucket string) {
	e, called := errors.AsType[*ims.Error](err)
	if !called {
		return "", ""
	}
	return e.Cloud, e.Bucket()
}

// unsent reports whether the call itself was surely not made, as when there was
// no token for it.
func unsent(err error) bool {
	e, called := errors.AsType[*ims.Error](err)
	return called && e.NotSent
}

// bucketFor is the bucket that a query takes from: the job query in use, or
// the image list.
func (a *account) bucketFor(t task) string {
	if (t.step == pollStep || t.step == trailStep) && t.jobID != "" && a.conf != nil {
		return a.conf.Client.JobQuery()
	}
	return listBucket
}
