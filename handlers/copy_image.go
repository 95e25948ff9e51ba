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

// imageCopier is what copy-image needs of the cloud.
type imageCopier interface {
	CopyImage(ctx context.Context, imageID string, i ims.ImageCopy) (string, error)
	ImagePages(ctx context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error]
	Image(ctx context.Context, id string) (ims.Image, error)
	OwnMember(ctx context.Context, imageID string) (ims.Member, error)
	Quotas(ctx context.Context) ([]ims.Quota, error)
	AddImageTags(ctx context.Context, imageID string, tags ...ims.Tag) error
	UpdateImage(ctx context.Context, imageID string, patches ...ims.ImagePatch) error
}

// copyImage copies an image within its region (API reference 2.7).
//
// The call takes no tags, so the key stands at the end of the copy's
// description. It is safe to run twice because a second run finds the copy
// there; only when nothing shows up to the horizon is the call sent again, and
// a copy that appears later still carries the same key. Tags are put on the
// copy once it is there.
func copyImage() Operation {
	return define(plan[messages.CopyImage, imageCopier]{
		name:    "copy-image",
		bucket:  "copy",
		policy:  Policy{Deadline: time.Hour, Horizon: 20 * time.Minute, Resubmit: true},
		options: func(d messages.CopyImage) messages.Options { return d.Options },
		takes:   "image_id",
		rules:   copyImageRules(),
		checks:  copyImageChecks(),
		submit:  submitCopy,
		all:     allCopies,
		mark: func(ctx context.Context, c imageCopier, d messages.CopyImage, key, imageID string) error {
			return putTags(ctx, c, imageID, d.ImageTags, key)
		},
		unmark: unmarkDescription[imageCopier],
	})
}

func copyImageRules() []rule[messages.CopyImage] {
	return []rule[messages.CopyImage]{
		nameRule(func(d messages.CopyImage) string { return d.Name }),
		tagsRule(func(d messages.CopyImage) ([]string, []messages.Tag) { return nil, d.ImageTags }),
		optionsRule(func(d messages.CopyImage) messages.Options { return d.Options }),
	}
}

func copyImageChecks() []check[messages.CopyImage, imageCopier] {
	checks := ofImage[messages.CopyImage, imageCopier](func(d messages.CopyImage) string { return d.ImageID },
		imageActive, imagePrivate, imageNotWhole, imageNotISO, imageNotTheirKey)
	return append(checks,
		check[messages.CopyImage, imageCopier]{"key-differs", "a copy's key differs from the image's own (2.7)", checkCopyKey},
		check[messages.CopyImage, imageCopier]{"share-accepted", "an image that is shared with this project was accepted (2.7)", checkAccepted},
		quotaLeft[messages.CopyImage, imageCopier](one))
}

// checkAccepted asks what this project has answered to the share.
func checkAccepted(ctx context.Context, c imageCopier, d messages.CopyImage) error {
	image, err := c.Image(ctx, d.ImageID)
	if errors.Is(err, ims.ErrNotFound) || err == nil && image.Type != typeShared {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read image %s: %w", d.ImageID, err)
	}
	own, err := c.OwnMember(ctx, d.ImageID)
	switch {
	case err != nil:
		return untold(err)
	case own.Status != ims.MemberAccepted:
		return refusal("IMG.0196", "image %s is shared with this project and %s, not accepted; accept it first (answer-share)", d.ImageID, own.Status)
	}
	return nil
}

func checkCopyKey(ctx context.Context, c imageCopier, d messages.CopyImage) error {
	if d.CmkID == "" {
		return nil
	}
	return imageRule{"key-differs", "the key is not the image's own", "2.7", "IMG.0096", func(i ims.Image) bool { return i.CMKID == d.CmkID }}.check(ctx, c, d.ImageID)
}

func submitCopy(ctx context.Context, c imageCopier, d messages.CopyImage, call Call) (Submission, error) {
	job, err := c.CopyImage(ctx, d.ImageID, ims.ImageCopy{
		Name:                d.Name,
		Description:         markedDescription(d.Description, call.Key),
		CMKID:               d.CmkID,
		EnterpriseProjectID: d.EnterpriseProjectID,
	})
	if err != nil {
		return Submission{}, fmt.Errorf("copy image %s: %w", d.ImageID, err)
	}
	return Submission{JobID: job}, nil
}

// allCopies looks through all images since then, the registered ones and the
// others.
func allCopies(ctx context.Context, c imageCopier, d messages.CopyImage, s Search) ([]ims.Image, error) {
	own := func(i ims.Image) bool { return ownCopy(d, i, s.Key) }
	return gather(ctx, c, s, own, ims.ImageFilter{CreatedSince: s.Since}, ims.ImageFilter{CreatedSince: s.Since, Native: true})
}

// ownCopy judges a candidate by the key in its description. A parent that the
// cloud names must fit, since a copy of our copy may have taken the
// description over. The name is no evidence: it may have been changed.
func ownCopy(d messages.CopyImage, i ims.Image, key string) bool {
	return hasMarkerText(i.Description, key) && (i.OriginalImage == "" || strings.EqualFold(i.OriginalImage, d.ImageID))
}
