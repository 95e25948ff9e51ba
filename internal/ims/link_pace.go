package ims

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Pacer makes calls wait for their turn, so that an account stays within its
// limits.
type Pacer interface {
	// Wait blocks until a call to the cloud may be made that takes from that
	// bucket (API reference 2.14), and returns an error where ctx ends before. A
	// call for a token or a project waits under a context that does not end with
	// the call which needs it, beside others of the same pacer.
	Wait(ctx context.Context, cloud, bucket string) error
}

type pacerKey struct{}

// Paced returns a context under which each call, repetitions included, waits
// for p first; nil ends that for the contexts below.
func Paced(ctx context.Context, p Pacer) context.Context {
	return context.WithValue(ctx, pacerKey{}, p)
}

// pacing is the link that makes calls wait, and notes in errors which bucket
// was taken from.
func pacing(next link, cloud string) link {
	return func(ctx context.Context, k call) (*reply, error) {
		if p, ok := ctx.Value(pacerKey{}).(Pacer); ok {
			if err := p.Wait(ctx, cloud, k.bucket()); err != nil {
				return nil, &Error{Call: k.name, Cloud: cloud, NotSent: true, Err: err, unpaced: true}
			}
		}
		r, err := next(ctx, k)
		if e, ok := errors.AsType[*Error](err); ok && !e.auth {
			e.bucket = k.bucket()
		}
		return r, err
	}
}

// IdentityBucket is the bucket of calls of IAM.
const IdentityBucket = "iam"

// bucket is the budget that the call takes from (API reference 2.14). Calls of
// EVS and CBR, for which no limits are documented, have one each.
func (k call) bucket() string {
	switch k.service {
	case cbrService:
		return "cbr"
	case volumeService:
		return "evs"
	case identityService:
		return IdentityBucket
	default:
		return k.imageBucket()
	}
}

func (k call) imageBucket() string {
	if bucket, known := ownBuckets[k.name]; known {
		return bucket
	}
	path := k.path + k.tail
	switch {
	case strings.Contains(path, "/tags"), strings.Contains(path, "/resource_instances"):
		return "tags"
	case k.method == http.MethodGet:
		return "list"
	default:
		return "update"
	}
}

// ownBuckets are those of the calls of the image service that are no lists,
// tags or changes.
var ownBuckets = map[string]string{
	"CreateImage": "system", "CreateWholeImage": "whole", "ImportImage": "quick_import",
	"CopyImage": "copy", "CreateDataImage": "copy", "RegisterImage": "copy",
	"CopyImageCrossRegion": "cross_region", "ExportImage": "export", "Quotas": "quota",
	"ShowJob": ShowJob, "ShowJobProgress": ShowJobProgress,
	"NativeImage": "get_image", "ImageAttributes": "get_image",
}
