package engine

import "github.com/imsworker/imsworker/handlers"

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

// bucketFor is the bucket that a query takes from: the job query in use, or
// the image list.
func (a *account) bucketFor(t task) string {
	if t.step == pollStep && t.jobID != "" && a.conf != nil {
		return a.conf.Client.JobQuery()
	}
	return listBucket
}
