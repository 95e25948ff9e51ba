package handlers

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// dataImager is what create-data-image needs of the cloud.
type dataImager interface {
	CreateDataImage(ctx context.Context, f ims.DataFile) (string, error)
	CreateImage(ctx context.Context, i ims.NewImage) (string, error)
	ImagePages(ctx context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error]
	Volume(ctx context.Context, id string) (ims.Volume, error)
	Quotas(ctx context.Context) ([]ims.Quota, error)
	DeleteImageTag(ctx context.Context, imageID, key string) error
}

// createDataImage makes a data image of a file (API reference 2.4), or one of
// each of several volumes (2.3); the latter are named by sub jobs only.
//
// It is safe to run twice: each image carries the key as a tag from its
// creation, so a second run finds them by that tag and their origin. When
// nothing shows up to the horizon, the call is sent again.
func createDataImage() Operation {
	type data = messages.CreateDataImage
	return define(plan[data, dataImager]{
		name:   "create-data-image",
		bucket: "copy",
		bucketOf: func(d data, _ string) string {
			if d.ImageURL == "" {
				return "system"
			}
			return "copy"
		},
		policy:  ofFile,
		options: func(d data) messages.Options { return d.Options },
		rules:   dataImageRules(),
		checks:  dataImageChecks(),
		submit:  submitDataImage,
		all:     allDataImages,
		parts:   dataOrigins,
		unmark:  deleteMarkerTag[dataImager],
	})
}

func dataImageRules() []rule[messages.CreateDataImage] {
	type data = messages.CreateDataImage
	return []rule[data]{
		nameRule(func(d data) string { return d.Name }),
		tagsRule(func(d data) ([]string, []messages.Tag) { return d.Tags, d.ImageTags }),
		entriesRule(func(d data) (all []entry) {
			for _, i := range d.DataImages {
				all = append(all, entry{i.Name, i.Tags, i.ImageTags})
			}
			return all
		}),
		distinctRule("volume", func(d data) (fields, volumes []string) {
			for n := range d.DataImages {
				fields = append(fields, fmt.Sprintf("data_images[%d].volume_id", n))
			}
			return fields, volumesOf(d)
		}),
		minDiskRule(func(d data) *int64 { return d.MinDisk }),
		optionsRule(func(d data) messages.Options { return d.Options }),
	}
}

func dataImageChecks() []check[messages.CreateDataImage, dataImager] {
	type data = messages.CreateDataImage
	return []check[data, dataImager]{
		{"volume-readable", "each volume is available or in use (2.3)", func(ctx context.Context, c dataImager, d data) error {
			return checkReadable(ctx, c, volumesOf(d)...)
		}},
		{"volumes-of-one-server", "all volumes belong to one server (2.3)", func(ctx context.Context, c dataImager, d data) error {
			return checkOneServer(ctx, c, volumesOf(d)...)
		}},
		quotaLeft[data, dataImager](func(d data) int { return max(1, len(d.DataImages)) }),
	}
}

func volumesOf(d messages.CreateDataImage) (ids []string) {
	for _, i := range d.DataImages {
		ids = append(ids, i.VolumeID)
	}
	return ids
}

func submitDataImage(ctx context.Context, c dataImager, d messages.CreateDataImage, to Call) (Submission, error) {
	ask, source := ofDataFile, d.ImageURL
	if d.ImageURL == "" {
		ask, source = ofVolumes, strings.Join(volumesOf(d), ", ")
	}
	job, err := ask(ctx, c, d, to.Key)
	if err != nil {
		return Submission{}, fmt.Errorf("create data image of %s: %w", source, err)
	}
	return Submission{JobID: job}, nil
}

func ofDataFile(ctx context.Context, c dataImager, d messages.CreateDataImage, key string) (string, error) {
	call := ims.DataFile{
		Name: d.Name, ImageURL: d.ImageURL, MinDisk: number(d.MinDisk), OSType: d.OSType, Description: d.Description,
		CMKID: d.CmkID, EnterpriseProjectID: d.EnterpriseProjectID,
	}
	call.Tags, call.ImageTags = markedTags(d.Tags, d.ImageTags, key)
	return c.CreateDataImage(ctx, call)
}

func ofVolumes(ctx context.Context, c dataImager, d messages.CreateDataImage, key string) (string, error) {
	call := ims.NewImage{EnterpriseProjectID: d.EnterpriseProjectID}
	for _, i := range d.DataImages {
		item := ims.DataImage{Name: i.Name, VolumeID: i.VolumeID, Description: i.Description}
		item.Tags, item.ImageTags = markedItem(i.Tags, i.ImageTags, key)
		call.DataImages = append(call.DataImages, item)
	}
	return c.CreateImage(ctx, call)
}

func allDataImages(ctx context.Context, c dataImager, d messages.CreateDataImage, s Search) ([]ims.Image, error) {
	return allTagged(ctx, c, s, dataOrigins(d)...)
}

func dataOrigins(d messages.CreateDataImage) (origins []string) {
	if d.ImageURL != "" {
		return []string{"file," + d.ImageURL}
	}
	for _, id := range volumesOf(d) {
		origins = append(origins, "volume,"+id)
	}
	return origins
}
