package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// mostOfWhole is how many a whole image can be shared with (API reference
// 2.10). How many another image can be shared with differs between the clouds.
const mostOfWhole = 10

func shareChecks() []check[messages.ShareImage, imageSharer] {
	type data = messages.ShareImage
	images := func(d data) []string { return d.Images }
	checks := ofImages[data, imageSharer](images, imageOwn, imagePrivate.with("IMG.0089", "2.10, 2.13"), imageActive.with("IMG.0046", "2.10"))
	return append(checks,
		eachImage("image-of-cbr", "a whole image is made of a CBR backup of this project (2.10)", func(ctx context.Context, c imageSharer, _ data, id string) error {
			return checkOfCBR(ctx, c, id, "IMG.0135")
		}),
		eachImage("recipient-other", "no image is shared with its own project (2.10)", checkRecipients),
		eachImage("members-fit", "a whole image has at most ten recipients (2.10)", checkMembers))
}

// eachImage is a check of each image that a request shares.
func eachImage(id, says string, of func(context.Context, imageSharer, messages.ShareImage, string) error) check[messages.ShareImage, imageSharer] {
	return check[messages.ShareImage, imageSharer]{id, says, func(ctx context.Context, c imageSharer, d messages.ShareImage) error {
		var broken Refusals
		for _, image := range looked(d.Images) {
			err := of(ctx, c, d, image)
			switch {
			case err == nil:
			case refuses(err):
				broken = append(broken, Refusal{Rule: id, Err: err})
			default:
				return err
			}
		}
		return broken.orNil()
	}}
}

// backedImages reads images and the backups that they are made of.
type backedImages interface {
	imageReader
	Backup(ctx context.Context, id string) (ims.Backup, error)
}

// checkOfCBR asks CBR for the backup of a whole image. CSBS holds those that
// CBR does not know; those of other accounts do not reach further.
func checkOfCBR(ctx context.Context, c backedImages, imageID, code string) error {
	image, err := c.Image(ctx, imageID)
	if errors.Is(err, ims.ErrNotFound) || err == nil && (!image.Whole || image.BackupID == "") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read image %s: %w", imageID, err)
	}
	backup, err := c.Backup(ctx, image.BackupID)
	switch {
	case errors.Is(err, ims.ErrNotFound):
		return refusal(code, "whole image %s is made of backup %s, which CBR does not know", imageID, image.BackupID)
	case err != nil:
		return untold(err)
	case backup.ProjectID != "" && image.Owner != "" && !strings.EqualFold(backup.ProjectID, image.Owner):
		return refusal(code, "whole image %s is made of backup %s, which project %s has shared", imageID, image.BackupID, backup.ProjectID)
	}
	return nil
}

func checkRecipients(ctx context.Context, c imageSharer, d messages.ShareImage, imageID string) error {
	image, err := c.Image(ctx, imageID)
	if err != nil {
		return unlessGone(err)
	}
	if image.Type != typeShared && slices.Contains(d.Projects, image.Owner) {
		return refusal("IMG.0076", "image %s belongs to project %s; an image is not shared with its own project", imageID, image.Owner)
	}
	return nil
}

// checkMembers counts the recipients that a whole image would have.
func checkMembers(ctx context.Context, c imageSharer, d messages.ShareImage, imageID string) error {
	image, err := c.Image(ctx, imageID)
	if err != nil || !image.Whole {
		return unlessGone(err)
	}
	members, err := c.Members(ctx, imageID)
	if err != nil {
		return untold(err)
	}
	count := len(members)
	for _, r := range d.Recipients() {
		if !slices.ContainsFunc(members, func(m ims.Member) bool { return strings.EqualFold(m.ID, r) }) {
			count++
		}
	}
	if count > mostOfWhole {
		return refusal("IMG.0088", "whole image %s would have %d recipients; %d are allowed", imageID, count, mostOfWhole)
	}
	return nil
}

// unlessGone is nil where an image does not exist: that is another check's.
func unlessGone(err error) error {
	if errors.Is(err, ims.ErrNotFound) {
		return nil
	}
	return err
}
