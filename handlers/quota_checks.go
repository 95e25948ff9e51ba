package handlers

import (
	"context"
	"errors"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
)

// quotaReader reads how much of each kind of thing the project may have.
type quotaReader interface {
	Quotas(ctx context.Context) ([]ims.Quota, error)
}

// quotaOfImages is the quota of private images (API reference 4.6).
const quotaOfImages = "image"

// quotaLeft is the check that the project may have so many more images.
func quotaLeft[D any, C quotaReader](images func(D) int) check[D, C] {
	return check[D, C]{"quota-left", "the quota of private images has room (4.6)", func(ctx context.Context, c C, d D) error {
		quotas, err := c.Quotas(ctx)
		if err != nil {
			return untold(err)
		}
		for _, q := range quotas {
			if more := int64(images(d)); q.Type == quotaOfImages && q.Limit > 0 && q.Used+more > q.Limit {
				return refusal("IMG.0015", "%d of %d private images are there, %d more would be made", q.Used, q.Limit, more)
			}
		}
		return nil
	}}
}

// one is the number of images that most requests make.
func one[D any](D) int { return 1 }

// untold is nil where the cloud has answered, but not what was asked: because
// the account may not ask, or the question is not offered, or is out of order.
// The creating call tells then. Nothing else that matters would wait for it.
func untold(err error) error {
	e, answered := errors.AsType[*ims.Error](err)
	if answered && e.Status != 0 && ims.VerdictOf(err) != ims.Throttled {
		return nil
	}
	return err
}

// versionReader reads the systems that images may be said to hold.
type versionReader interface {
	OSVersions(ctx context.Context) ([]ims.OSVersion, error)
}

// versionListed is the check that the cloud knows the version that a request
// gives for its image.
func versionListed[D any, C versionReader](version func(D) string) check[D, C] {
	return check[D, C]{"os-version-listed", "os_version is one of those that the cloud lists (2.3)", func(ctx context.Context, c C, d D) error {
		wanted := version(d)
		if wanted == "" {
			return nil
		}
		list, err := c.OSVersions(ctx)
		if err != nil || len(list) == 0 {
			return untold(err)
		}
		near := ""
		for _, v := range list {
			if v.Version == wanted {
				return nil
			}
			if strings.EqualFold(v.Version, wanted) {
				near = v.Version
			}
		}
		return refusal("IMG.0056", "os_version is %q, which the cloud does not list%s", wanted, didYouMean(near))
	}}
}

func didYouMean(near string) string {
	if near == "" {
		return ""
	}
	return "; did you mean \"" + near + "\"?"
}
