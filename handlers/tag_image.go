package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// imageTagger is what tag-image needs of the cloud.
type imageTagger interface {
	AddImageTag(ctx context.Context, imageID string, tag ims.Tag) error
	AddImageTags(ctx context.Context, imageID string, tags ...ims.Tag) error
	DeleteImageTag(ctx context.Context, imageID, key string) error
	DeleteImageTags(ctx context.Context, imageID string, keys ...string) error
	ImageTags(ctx context.Context, imageID string) ([]ims.Tag, error)
}

// tagImage puts tags on an image, or takes them off (API reference 4.5). There
// is no job: the tags that the image has then tell whether it is done.
//
// It is safe to run twice: a tag that is put on again has the same value, and
// one that is gone already counts as taken off, though the cloud's own call for
// a single one answers 404. The older calls (PUT /v1/cloudimages/tags, PUT and
// DELETE /v2/images/{image_id}/tags/{tag}) are left out: they do the same with
// less, and the last shares the scarce budget of a job query.
func tagImage() Operation {
	return define(plan[messages.TagImage, imageTagger]{
		name:    "tag-image",
		bucket:  "tags",
		policy:  byState,
		options: func(d messages.TagImage) messages.Options { return d.Options },
		takes:   "image_id",
		rules:   tagImageRules(),
		checks:  []check[messages.TagImage, imageTagger]{{"tags-fit", "an image has at most ten tags (4.4)", checkTagRoom}},
		submit:  submitTags,
		find:    orRefused(findTags),
		check:   findTags,
	})
}

// byState is the policy of operations whose state can be compared at once with
// what was asked for.
var byState = Policy{Deadline: 10 * time.Minute, Horizon: 0, Resubmit: true}

// orRefused makes a look-up of something that is gone one that found nothing:
// the call is made again then, and the cloud says what is wrong.
func orRefused[D, C any](find func(context.Context, C, D, Search) (Found, error)) func(context.Context, C, D, Search) (Found, error) {
	return func(ctx context.Context, c C, d D, s Search) (Found, error) {
		found, err := find(ctx, c, d, s)
		if errors.Is(err, ims.ErrNotFound) {
			return Found{}, ErrNotFound
		}
		return found, err
	}
}

// mostTags is how many tags an image can have.
const mostTags = 10

func tagImageRules() []rule[messages.TagImage] {
	type data = messages.TagImage
	return []rule[data]{
		{"tags-distinct", "an image has one tag of a key (4.4)", func(d data, _ ims.Profile) (ps messages.Problems) {
			seen := make(map[string]int)
			for i, t := range d.Tags {
				repeatedTag(&ps, seen, fmt.Sprintf("tags[%d].key", i), t.Key)
				seen[t.Key]++
			}
			return ps
		}},
		optionsRule(func(d data) messages.Options { return d.Options }),
	}
}

func submitTags(ctx context.Context, c imageTagger, d messages.TagImage, _ Call) (Submission, error) {
	call := addTags
	if d.Action == messages.TagsDelete {
		call = deleteTags
	}
	if err := call(ctx, c, d); err != nil {
		return Submission{}, fmt.Errorf("tag image %s: %w", d.ImageID, err)
	}
	return Submission{}, nil
}

func addTags(ctx context.Context, c imageTagger, d messages.TagImage) error {
	tags := make([]ims.Tag, 0, len(d.Tags))
	for _, t := range d.Tags {
		tags = append(tags, ims.Tag{Key: t.Key, Value: t.Value})
	}
	if len(tags) == 1 {
		return c.AddImageTag(ctx, d.ImageID, tags[0])
	}
	return c.AddImageTags(ctx, d.ImageID, tags...)
}

func deleteTags(ctx context.Context, c imageTagger, d messages.TagImage) error {
	keys := make([]string, 0, len(d.Tags))
	for _, t := range d.Tags {
		keys = append(keys, t.Key)
	}
	if len(keys) > 1 {
		return c.DeleteImageTags(ctx, d.ImageID, keys...)
	}
	err := c.DeleteImageTag(ctx, d.ImageID, keys[0])
	if errors.Is(err, ims.ErrNotFound) && !noImage(err) {
		return nil // the key is not there
	}
	return err
}

// imageCodes say that an image does not exist (API reference 6.6).
var imageCodes = []string{"IMG.0027", "IMG.0066", "IMG.0086", "IMG.0144"}

// noImage tells an image that is not there from something of it that is not.
func noImage(err error) bool {
	e, ok := errors.AsType[*ims.Error](err)
	return ok && slices.Contains(imageCodes, e.Code)
}

// findTags compares the image's tags with what was asked for.
func findTags(ctx context.Context, c imageTagger, d messages.TagImage, _ Search) (Found, error) {
	tags, err := c.ImageTags(ctx, d.ImageID)
	if err != nil {
		return Found{}, fmt.Errorf("read tags of image %s: %w", d.ImageID, err)
	}
	undone := func(t messages.Tag) bool { return !slices.Contains(tags, ims.Tag{Key: t.Key, Value: t.Value}) }
	if d.Action == messages.TagsDelete {
		undone = func(t messages.Tag) bool { return hasKey(tags, t.Key) }
	}
	if slices.ContainsFunc(d.Tags, undone) {
		return Found{}, ErrNotFound
	}
	return Found{Done: true}, nil
}

func hasKey(tags []ims.Tag, key string) bool {
	return slices.ContainsFunc(tags, func(t ims.Tag) bool { return t.Key == key })
}

// checkTagRoom counts the tags that the image would have.
func checkTagRoom(ctx context.Context, c imageTagger, d messages.TagImage) error {
	tags, err := c.ImageTags(ctx, d.ImageID)
	if err != nil {
		return fmt.Errorf("read tags of image %s: %w", d.ImageID, err)
	}
	if d.Action == messages.TagsDelete {
		return nil
	}
	count := len(tags)
	for _, t := range d.Tags {
		if !hasKey(tags, t.Key) {
			count++
		}
	}
	if count > mostTags {
		return refusal("IMG.0116", "image %s would have %d tags; %d are allowed", d.ImageID, count, mostTags)
	}
	return nil
}
