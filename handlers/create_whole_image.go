package handlers

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// wholeImager is what create-whole-image needs of the cloud.
type wholeImager interface {
	CreateWholeImage(ctx context.Context, w ims.WholeImage) (string, error)
	ImagePages(ctx context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error]
	Image(ctx context.Context, id string) (ims.Image, error)
	Backup(ctx context.Context, id string) (ims.Backup, error)
	Quotas(ctx context.Context) ([]ims.Quota, error)
	Vault(ctx context.Context, id string) (ims.Vault, error)
	DeleteImageTag(ctx context.Context, imageID, key string) error
}

// createWholeImage makes a full-server image of a server or of a backup (API
// reference 2.2).
//
// It is safe to run twice: the image carries the key as a tag from its
// creation, so a second run finds it by that tag. A backup gives one image
// only, so there the cloud itself refuses a second one. A server has no such
// guard, and a second image costs a second backup: when the first cannot be
// found in time, the request is left unresolved instead of being sent again.
func createWholeImage() Operation {
	return define(plan[messages.CreateWholeImage, wholeImager]{
		name:     "create-whole-image",
		bucket:   "whole",
		policy:   ofServer,
		options:  func(d messages.CreateWholeImage) messages.Options { return d.Options },
		rules:    wholeImageRules(),
		policyOf: wholeImagePolicy,
		submit:   submitWholeImage,
		all:      allWholeImages,
		checks:   wholeImageChecks(),
		unmark:   deleteMarkerTag[wholeImager],
	})
}

var (
	ofServer = Policy{Deadline: 24 * time.Hour, Horizon: time.Hour, Resubmit: false}
	ofBackup = Policy{Deadline: 2 * time.Hour, Horizon: 5 * time.Minute, Resubmit: true}
)

func wholeImagePolicy(d messages.CreateWholeImage) Policy {
	if d.BackupID != "" {
		return ofBackup
	}
	return ofServer
}

func wholeImageRules() []rule[messages.CreateWholeImage] {
	type data = messages.CreateWholeImage
	return []rule[data]{
		nameRule(func(d data) string { return d.Name }),
		tagsRule(func(d data) ([]string, []messages.Tag) { return d.Tags, d.ImageTags }),
		optionsRule(func(d data) messages.Options { return d.Options }),
	}
}

func wholeImageChecks() []check[messages.CreateWholeImage, wholeImager] {
	type data = messages.CreateWholeImage
	return []check[data, wholeImager]{
		{"backup-usable", "the backup is available, of a server, and not used up (5)", checkBackup},
		{"vault-fits", "the vault is one for server backups, usable, and has room (2.2, 5)", func(ctx context.Context, c wholeImager, d data) error {
			return vaultFits(ctx, c, d.VaultID)
		}},
		quotaLeft[data, wholeImager](one),
	}
}

func submitWholeImage(ctx context.Context, c wholeImager, d messages.CreateWholeImage, to Call) (Submission, error) {
	call := ims.WholeImage{
		Name:                d.Name,
		InstanceID:          d.InstanceID,
		BackupID:            d.BackupID,
		WholeImageType:      d.WholeImageType,
		VaultID:             d.VaultID,
		Description:         d.Description,
		EnterpriseProjectID: d.EnterpriseProjectID,
		MaxRAM:              number(d.MaxRAM),
		MinRAM:              number(d.MinRAM),
	}
	call.Tags, call.ImageTags = markedTags(d.Tags, d.ImageTags, to.Key)
	job, err := c.CreateWholeImage(ctx, call)
	if err != nil {
		return Submission{}, fmt.Errorf("create whole image of %s: %w", d.InstanceID+d.BackupID, err)
	}
	return Submission{JobID: job}, nil
}

// allWholeImages asks for the tag first. The list hides images that are not
// registered yet, and tags may show late, so all images since then are looked
// at as well. Only where no image carries the marker do others count.
func allWholeImages(ctx context.Context, c wholeImager, d messages.CreateWholeImage, s Search) ([]ims.Image, error) {
	may := func(i ims.Image) bool { return hasMarkerTag(i, s.Key) || fitsUnmarked(d, i, s.Since) }
	images, err := gather(ctx, c, s, may,
		ims.ImageFilter{Tag: messages.MarkerKey + "=" + s.Key},
		ims.ImageFilter{CreatedSince: s.Since},
		ims.ImageFilter{CreatedSince: s.Since, Native: true})
	if err != nil {
		return nil, err
	}
	unmarked := func(i ims.Image) bool { return !hasMarkerTag(i, s.Key) }
	if own := slices.DeleteFunc(slices.Clone(images), unmarked); len(own) > 0 {
		return own, nil
	}
	if own, err := fromSource(ctx, c, d, images); err != nil || len(own) > 0 {
		return own, err
	}
	if d.WholeImageType != typeCBR {
		return nil, nil
	}
	return namedByBackup(ctx, c, d, s)
}

func hasMarkerTag(i ims.Image, key string) bool {
	marker, _ := i.Tag(messages.MarkerKey)
	return marker == key
}

// fitsUnmarked judges an image without any marker: it may be ours only if it
// is complete, so that tags cannot merely be late, and everything else fits. A
// foreign image of the same source must not be taken for ours.
func fitsUnmarked(d messages.CreateWholeImage, i ims.Image, since time.Time) bool {
	_, marked := i.Tag(messages.MarkerKey)
	return !marked && i.Status == ims.ImageActive && !i.CreatedAt.Before(since) &&
		i.BackupID != "" && i.Name == d.Name && i.Description == d.Description &&
		(d.BackupID == "" || strings.EqualFold(i.BackupID, d.BackupID))
}

// fromSource leaves of the images those that are made of the request's backup
// or server.
func fromSource(ctx context.Context, c wholeImager, d messages.CreateWholeImage, images []ims.Image) ([]ims.Image, error) {
	if d.BackupID != "" {
		return images, nil
	}
	var own []ims.Image
	for _, i := range images {
		ok, err := backupOf(ctx, c, i.BackupID, d.InstanceID)
		if err != nil {
			return nil, err
		}
		if ok {
			own = append(own, i)
		}
	}
	return own, nil
}

// backupOf reports whether a backup is of the server. A backup that CBR does
// not know is of no server.
func backupOf(ctx context.Context, c wholeImager, backupID, instanceID string) (bool, error) {
	backup, err := c.Backup(ctx, backupID)
	if errors.Is(err, ims.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read backup %s: %w", backupID, err)
	}
	return strings.EqualFold(backup.ResourceID, instanceID), nil
}

// namedByBackup looks at the images that CBR names, which it does also for
// images that no list shows yet.
func namedByBackup(ctx context.Context, c wholeImager, d messages.CreateWholeImage, s Search) ([]ims.Image, error) {
	backup, err := c.Backup(ctx, d.BackupID)
	if errors.Is(err, ims.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read backup %s: %w", d.BackupID, err)
	}
	var own []ims.Image
	for _, id := range backup.ImageIDs {
		image, err := c.Image(ctx, id)
		switch {
		case errors.Is(err, ims.ErrNotFound):
		case err != nil:
			return nil, fmt.Errorf("read image %s: %w", id, err)
		case candidate(image, s) && (hasMarkerTag(image, s.Key) || fitsUnmarked(d, image, s.Since)):
			own = append(own, image)
		}
	}
	return own, nil
}

// deleteMarkerTag removes the tag; one that is gone already is as good.
func deleteMarkerTag[C tagRemover](ctx context.Context, c C, imageID string) error {
	err := c.DeleteImageTag(ctx, imageID, messages.MarkerKey)
	if err != nil && !errors.Is(err, ims.ErrNotFound) {
		return fmt.Errorf("remove marker of image %s: %w", imageID, err)
	}
	return nil
}
