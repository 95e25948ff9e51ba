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

// imageRegistrar is what register-image needs of the cloud.
type imageRegistrar interface {
	CreateMetadata(ctx context.Context, m ims.Metadata) (string, error)
	RegisterImage(ctx context.Context, imageID, imageURL string) (string, error)
	Image(ctx context.Context, id string) (ims.Image, error)
	ImagePages(ctx context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error]
	DeleteImageTag(ctx context.Context, imageID, key string) error
}

// registerImage makes an image without data and then gives it a file (API
// reference 2.6); with an image_id only the second call is made.
//
// It is safe to run twice: the image without data carries the key as a tag, so
// that a second run finds it, and its id is known before the slow call. That
// one can be done once for an image: once it has left the state queued, a
// second call is refused, and the image is taken for what it is.
func registerImage() Operation {
	type data = messages.RegisterImage
	return define(plan[data, imageRegistrar]{
		name:   "register-image",
		bucket: "copy",
		begins: "update",
		bucketOf: func(d data, made string) string {
			if imageOf(d, made) == "" {
				return "update"
			}
			return "copy"
		},
		policy:  Policy{Deadline: time.Hour, Horizon: 5 * time.Minute, Resubmit: true},
		options: func(d data) messages.Options { return d.Options },
		rules: []rule[data]{
			nameRule(func(d data) string { return d.Name }),
			{"tags-distinct", "an image has one tag of a key (4.4)", func(d data, _ ims.Profile) messages.Problems { return nativeTagsRules(d.Tags) }},
			optionsRule(func(d data) messages.Options { return d.Options }),
		},
		checks: []check[data, imageRegistrar]{{"image-without-data", "the image of image_id is there and has no data yet (2.6)", checkQueued}},
		submit: submitRegistration,
		all:    allRegistered,
		find:   findRegistered,
		unmark: deleteMarkerTag[imageRegistrar],
	})
}

func nativeTagsRules(tags []string) (ps messages.Problems) {
	seen := make(map[string]int)
	for n, tag := range tags {
		key, _, _ := strings.Cut(tag, "=")
		repeatedTag(&ps, seen, fmt.Sprintf("tags[%d]", n), key)
		seen[key]++
	}
	return ps
}

// codeUnsupported refuses files for images that have one (API reference 6.6).
const codeUnsupported = "IMG.0105"

// checkQueued asks whether a file can be registered for the named image.
func checkQueued(ctx context.Context, c imageRegistrar, d messages.RegisterImage) error {
	if d.ImageID == "" {
		return nil
	}
	image, err := c.Image(ctx, d.ImageID)
	switch {
	case err != nil:
		return fmt.Errorf("read image %s: %w", d.ImageID, err)
	case image.Status == ims.ImageQueued, filledFrom(image, d):
		return nil
	}
	return refusal(codeUnsupported, "image %s is %s; a file is registered for an image without data, which is queued", d.ImageID, image.Status)
}

// filledFrom reports whether the image is being made, or was, of the request's
// file.
func filledFrom(i ims.Image, d messages.RegisterImage) bool {
	under := i.Status == ims.ImageSaving || i.Status == ims.ImageActive
	return under && (i.DataOrigin == "file,"+d.ImageURL || i.DataOrigin == "" && d.ImageID == "")
}

func submitRegistration(ctx context.Context, c imageRegistrar, d messages.RegisterImage, to Call) (Submission, error) {
	if to.ImageID == "" && d.ImageID == "" {
		return submitMetadata(ctx, c, d, to.Key)
	}
	id := imageOf(d, to.ImageID)
	job, err := c.RegisterImage(ctx, id, d.ImageURL)
	if err != nil && ims.VerdictOf(err) == ims.Refused {
		err = refusedRegistration(ctx, c, d, id, to.Again, err)
	}
	if err != nil {
		return Submission{}, fmt.Errorf("register %s for image %s: %w", d.ImageURL, id, err)
	}
	return Submission{JobID: job, ImageID: id}, nil
}

// refusedRegistration is nil where the refusal of a call means that an earlier
// one of the same kind was taken. An image stays queued through half of the
// work on it (API reference 8), and takes no second file from the first
// moment on. What the image looks like must be known before the work counts as
// refused, if it may have begun.
func refusedRegistration(ctx context.Context, c imageRegistrar, d messages.RegisterImage, id string, again bool, refusal error) error {
	image, err := c.Image(ctx, id)
	switch {
	case err == nil && filledFrom(image, d), err == nil && again && image.Status == ims.ImageQueued && unsupported(refusal):
		return nil
	case err != nil && again && !errors.Is(err, ims.ErrNotFound):
		return errors.New(refusal.Error() + "; whether an earlier call was taken is not known: " + err.Error())
	}
	return refusal
}

// unsupported reports whether a call was refused for an image that does not
// take it.
func unsupported(err error) bool {
	e, called := errors.AsType[*ims.Error](err)
	return called && e.Code == codeUnsupported
}

// imageOf is the image that the file is for: the one that an earlier call has
// made, or the request's own.
func imageOf(d messages.RegisterImage, made string) string {
	if made != "" {
		return made
	}
	return d.ImageID
}

// submitMetadata makes the image without data; its tags are "key=value".
func submitMetadata(ctx context.Context, c imageRegistrar, d messages.RegisterImage, key string) (Submission, error) {
	id, err := c.CreateMetadata(ctx, ims.Metadata{
		Name: d.Name, OSVersion: d.OSVersion, Visibility: d.Visibility, Protected: d.Protected, ContainerFormat: d.ContainerFormat,
		DiskFormat: d.DiskFormat, Tags: append(slices.Clone(d.Tags), messages.MarkerKey+"="+key), MinRAM: number(d.MinRAM), MinDisk: number(d.MinDisk),
	})
	if err != nil {
		return Submission{}, fmt.Errorf("make an image for %s: %w", d.ImageURL, err)
	}
	return Submission{ImageID: id, More: true}, nil
}

// findRegistered looks for what the lost call was for: the image without data,
// or the work on it. One that is still queued may be about to be filled.
func findRegistered(ctx context.Context, c imageRegistrar, d messages.RegisterImage, s Search) (Found, error) {
	if id := imageOf(d, s.ImageID); id != "" {
		return findFilled(ctx, c, id)
	}
	images, err := allRegistered(ctx, c, d, s)
	if err != nil {
		return Found{}, err
	}
	found, err := first(bestFirst(images))
	found.More = found.Status == ims.ImageQueued
	return found, err
}

// findFilled reads one image. A killed one is found as well: its file could
// not be read, and no further call helps.
func findFilled(ctx context.Context, c imageRegistrar, id string) (Found, error) {
	image, err := c.Image(ctx, id)
	switch {
	case errors.Is(err, ims.ErrNotFound):
		return Found{}, ErrNotFound
	case err != nil:
		return Found{}, fmt.Errorf("read image %s: %w", id, err)
	case image.Status == ims.ImageQueued:
		return Found{}, ErrNotFound
	}
	return Found{ImageID: image.ID, Name: image.Name, Status: image.Status}, nil
}

// allRegistered finds the images without data that the request has made, and
// what became of them. Of a request that names its image there are none.
func allRegistered(ctx context.Context, c imageRegistrar, d messages.RegisterImage, s Search) ([]ims.Image, error) {
	if d.ImageID != "" {
		return nil, nil
	}
	return allTagged(ctx, c, s, "file,"+d.ImageURL)
}
