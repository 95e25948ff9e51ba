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

// queryBucket is the bucket of the job query in use.
func (a *account) queryBucket() string {
	if a.conf == nil {
		return listBucket
	}
	return a.conf.Client.JobQuery()
}
