package handlers

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// regionCopier is what copy-image-cross-region needs of the cloud.
type regionCopier interface {
	CopyImageCrossRegion(ctx context.Context, imageID string, r ims.CrossRegionCopy) (string, error)
	ImagePages(ctx context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error]
	Image(ctx context.Context, id string) (ims.Image, error)
	Backup(ctx context.Context, id string) (ims.Backup, error)
	Region() string
	AddImageTags(ctx context.Context, imageID string, tags ...ims.Tag) error
	UpdateImage(ctx context.Context, imageID string, patches ...ims.ImagePatch) error
}

// copyImageCrossRegion copies an image into another region (API reference 2.8).
// The job runs in the region of the image, the copy appears in the destination
// and is looked for there.
//
// It is safe to run twice for the same reasons as a copy within a region: the
// key stands at the end of the copy's description. Of a whole image the cloud
// itself refuses a second one.
func copyImageCrossRegion() Operation {
	type data = messages.CopyImageCrossRegion
	return define(plan[data, regionCopier]{
		name:        "copy-image-cross-region",
		bucket:      "cross_region",
		slot:        "cross_region_concurrent",
		policy:      Policy{Deadline: 6 * time.Hour, Horizon: 20 * time.Minute, Resubmit: true},
		options:     func(d data) messages.Options { return d.Options },
		takes:       "image_id",
		destination: func(d data) Destination { return Destination{Region: d.Region, Project: d.ProjectName} },
		rules:       crossRegionRules(),
		checks:      crossRegionChecks(),
		submit:      submitCrossRegion,
		all:         allReplicas,
		mark: func(ctx context.Context, c regionCopier, d data, key, imageID string) error {
			return putTags(ctx, c, imageID, d.ImageTags, key)
		},
		unmark: unmarkDescription[regionCopier],
	})
}

func crossRegionRules() []rule[messages.CopyImageCrossRegion] {
	type data = messages.CopyImageCrossRegion
	return []rule[data]{
		{"cross-region-offered", "only clouds of profile huaweicloud copy to other regions (2.8)", func(_ data, p ims.Profile) (ps messages.Problems) {
			if p != ims.ProfileHuawei {
				ps.Add("", "clouds of profile %s have no copy to another region; share the image with a project of its own region (share-image), "+
					"or export it (export-image), bring the file into a bucket of the other region and import it there (import-image)", p)
			}
			return ps
		}},
		nameRule(func(d data) string { return d.Name }),
		tagsRule(func(d data) ([]string, []messages.Tag) { return nil, d.ImageTags }),
		optionsRule(func(d data) messages.Options { return d.Options }),
	}
}

func crossRegionChecks() []check[messages.CopyImageCrossRegion, regionCopier] {
	type data = messages.CopyImageCrossRegion
	plain := imageRule{"image-not-encrypted", "the image is not encrypted", "2.13", "IMG.0143", func(i ims.Image) bool { return i.Encrypted }}
	checks := ofImage[data, regionCopier](func(d data) string { return d.ImageID },
		imageOwn.with("IMG.0106", "2.13"), imagePrivate.with("IMG.0083", "2.13"), imageNotISO, plain, imageActive.with("IMG.0046", "2.8"))
	return append(checks,
		check[data, regionCopier]{"region-differs", "the destination is another region (2.8)", checkOtherRegion},
		check[data, regionCopier]{"image-fits-region", "the image has at most 128 GB, 300 GB in Chinese regions (2.8)", checkReplicaSize},
		check[data, regionCopier]{"image-of-cbr", "a whole image is made of a CBR backup of this project (2.13)", func(ctx context.Context, c regionCopier, d data) error {
			return checkOfCBR(ctx, c, d.ImageID, "IMG.0105")
		}},
		check[data, regionCopier]{"vault-given", "for a whole image a vault of the destination is given (2.8)", checkReplicaVault})
}

func checkOtherRegion(_ context.Context, c regionCopier, d messages.CopyImageCrossRegion) error {
	if region := c.Region(); region != "" && d.Region == region {
		return refusal("IMG.0142", "the image is in region %s already; a copy within the region is copy-image", region)
	}
	return nil
}

// checkReplicaSize knows the limit that most regions have. Of the Chinese ones
// four allow more, and it is not told which.
func checkReplicaSize(ctx context.Context, c regionCopier, d messages.CopyImageCrossRegion) error {
	most := int64(128)
	if strings.HasPrefix(c.Region(), "cn-") {
		most = 300
	}
	return imageAtMost(most, "image-fits-region", "IMG.0146", "2.8").check(ctx, c, d.ImageID)
}

func checkReplicaVault(ctx context.Context, c regionCopier, d messages.CopyImageCrossRegion) error {
	if d.VaultID != "" {
		return nil
	}
	image, err := c.Image(ctx, d.ImageID)
	switch {
	case errors.Is(err, ims.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read image %s: %w", d.ImageID, err)
	case image.Whole:
		return refusal("IMG.0184", "image %s is a whole image; give vault_id, a vault in region %s", d.ImageID, d.Region)
	}
	return nil
}

func submitCrossRegion(ctx context.Context, c regionCopier, d messages.CopyImageCrossRegion, call Call) (Submission, error) {
	job, err := c.CopyImageCrossRegion(ctx, d.ImageID, ims.CrossRegionCopy{
		Name: d.Name, Description: markedDescription(d.Description, call.Key),
		Region: d.Region, ProjectName: d.ProjectName, AgencyName: d.AgencyName, VaultID: d.VaultID,
	})
	if err != nil {
		return Submission{}, fmt.Errorf("copy image %s to region %s: %w", d.ImageID, d.Region, err)
	}
	return Submission{JobID: job}, nil
}

// allReplicas looks through the destination's images as allCopies does through
// those of the region.
func allReplicas(ctx context.Context, c regionCopier, d messages.CopyImageCrossRegion, s Search) ([]ims.Image, error) {
	own := func(i ims.Image) bool {
		return hasMarkerText(i.Description, s.Key) && (i.OriginalImage == "" || strings.EqualFold(i.OriginalImage, d.ImageID))
	}
	return gather(ctx, c, s, own, ims.ImageFilter{CreatedSince: s.Since}, ims.ImageFilter{CreatedSince: s.Since, Native: true})
}
