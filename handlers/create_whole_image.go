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

// wholeImager is what create-whole-image needs of the cloud.
type wholeImager interface {
	CreateWholeImage(ctx context.Context, w ims.WholeImage) (string, error)
	ImagePages(ctx context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error]
	Image(ctx context.Context, id string) (ims.Image, error)
	Backup(ctx context.Context, id string) (ims.Backup, error)
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
		name:      "create-whole-image",
		bucket:    "whole",
		policy:    ofServer,
		options:   func(d messages.CreateWholeImage) messages.Options { return d.Options },
		rules:     wholeImageRules,
		policyOf:  wholeImagePolicy,
		submit:    submitWholeImage,
		find:      findWholeImage,
		preflight: checkBackup,
		unmark:    deleteMarkerTag,
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

func wholeImageRules(d messages.CreateWholeImage, p ims.Profile) messages.Problems {
	ps := nameRules(d.Name, p)
	ps = append(ps, tagsRules(d.Tags)...)
	ps = append(ps, imageTagsRules(d.ImageTags)...)
	return append(ps, optionsRules(d.Options)...)
}

func submitWholeImage(ctx context.Context, c wholeImager, d messages.CreateWholeImage, key string) (Submission, error) {
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
	call.Tags, call.ImageTags = markedTags(d.Tags, d.ImageTags, key)
	job, err := c.CreateWholeImage(ctx, call)
	if err != nil {
		return Submission{}, fmt.Errorf("create whole image of %s: %w", d.InstanceID+d.BackupID, err)
	}
	return Submission{JobID: job}, nil
}

// findWholeImage asks for the tag first. The list hides images that are not
// registered yet, and tags may show late, so all images since then are looked
// at as well, and for a CBR backup those that CBR says were made of it.
func findWholeImage(ctx context.Context, c wholeImager, d messages.CreateWholeImage, s Search) (Found, error) {
	own := func(i ims.Image) (bool, error) { return ownWholeImage(ctx, c, d, i, s) }
	lists := []ims.ImageFilter{
		{Tag: messages.MarkerKey + "=" + s.Key},
		{CreatedSince: s.Since},
		{CreatedSince: s.Since, Native: true},
	}
	for _, filter := range lists {
		found, err := firstImage(ctx, c, filter, own)
		if !errors.Is(err, ErrNotFound) {
			return found, err
		}
	}
	if d.WholeImageType != typeCBR {
		return Found{}, ErrNotFound
	}
	return findByBackup(ctx, c, d.BackupID, own)
}

// ownWholeImage judges a candidate. Without any marker an image is ours only
// if it is complete, so that tags cannot merely be late, and everything else
// fits: a foreign image of the same source must not be taken for ours.
func ownWholeImage(ctx context.Context, c wholeImager, d messages.CreateWholeImage, i ims.Image, s Search) (bool, error) {
	if !candidate(i, s) {
		return false, nil
	}
	if marker, marked := i.Tag(messages.MarkerKey); marked {
		return marker == s.Key, nil
	}
	fits := i.Status == ims.ImageActive && !i.CreatedAt.Before(s.Since) &&
		i.BackupID != "" && i.Name == d.Name && i.Description == d.Description
	switch {
	case !fits:
		return false, nil
	case d.BackupID != "":
		return strings.EqualFold(i.BackupID, d.BackupID), nil
	default:
		return backupOf(ctx, c, i.BackupID, d.InstanceID)
	}
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

// findByBackup looks at the images that CBR names, which it does also for
// images that no list shows yet.
func findByBackup(ctx context.Context, c wholeImager, backupID string, own func(ims.Image) (bool, error)) (Found, error) {
	backup, err := c.Backup(ctx, backupID)
	if errors.Is(err, ims.ErrNotFound) {
		return Found{}, ErrNotFound
	}
	if err != nil {
		return Found{}, fmt.Errorf("read backup %s: %w", backupID, err)
	}
	for _, id := range backup.ImageIDs {
		image, err := c.Image(ctx, id)
		if errors.Is(err, ims.ErrNotFound) {
			continue
		}
		if err != nil {
			return Found{}, fmt.Errorf("read image %s: %w", id, err)
		}
		if ok, err := own(image); ok || err != nil {
			return foundImage(image), err
		}
	}
	return Found{}, ErrNotFound
}

// deleteMarkerTag removes the tag; one that is gone already is as good.
func deleteMarkerTag(ctx context.Context, c wholeImager, imageID string) error {
	err := c.DeleteImageTag(ctx, imageID, messages.MarkerKey)
	if err != nil && !errors.Is(err, ims.ErrNotFound) {
		return fmt.Errorf("remove marker of image %s: %w", imageID, err)
	}
	return nil
}
