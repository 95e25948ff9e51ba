package handlers

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// systemImager is what create-system-image needs of the cloud.
type systemImager interface {
	CreateImage(ctx context.Context, i ims.NewImage) (string, error)
	ImagePages(ctx context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error]
	Volume(ctx context.Context, id string) (ims.Volume, error)
	Quotas(ctx context.Context) ([]ims.Quota, error)
	OSVersions(ctx context.Context) ([]ims.OSVersion, error)
	DeleteImageTag(ctx context.Context, imageID, key string) error
}

// createSystemImage makes a system image of a server, of a data volume or of a
// file, which may bring data disks along (API reference 2.3). Data images of
// volumes, the fourth use of the call, are create-data-image.
//
// It is safe to run twice: the images carry the key as a tag from their
// creation, so a second run finds them by that tag and their origin. A server
// has to stay stopped meanwhile, so a second image of one is not begun without
// a person: when the first cannot be found in time, the request is left
// unresolved. Those of volumes and files are asked for again.
func createSystemImage() Operation {
	type data = messages.CreateSystemImage
	return define(plan[data, systemImager]{
		name:     "create-system-image",
		bucket:   "system",
		policy:   ofFile,
		options:  func(d data) messages.Options { return d.Options },
		rules:    systemImageRules(),
		policyOf: systemImagePolicy,
		checks: []check[data, systemImager]{
			{"volume-readable", "the volume is available or in use (2.3)", checkSystemVolume},
			versionListed[data, systemImager](func(d data) string { return d.OSVersion }),
			quotaLeft[data, systemImager](func(d data) int { return 1 + len(d.DataImages) }),
		},
		submit: submitSystemImage,
		all:    allSystemImages,
		parts:  systemOrigins,
		unmark: deleteMarkerTag[systemImager],
	})
}

var (
	ofFile    = Policy{Deadline: time.Hour, Horizon: 20 * time.Minute, Resubmit: true}
	ofStopped = Policy{Deadline: time.Hour, Horizon: 20 * time.Minute, Resubmit: false}
)

func systemImagePolicy(d messages.CreateSystemImage) Policy {
	if d.InstanceID != "" {
		return ofStopped
	}
	return ofFile
}

func systemImageRules() []rule[messages.CreateSystemImage] {
	type data = messages.CreateSystemImage
	return []rule[data]{
		nameRule(func(d data) string { return d.Name }),
		tagsRule(func(d data) ([]string, []messages.Tag) { return d.Tags, d.ImageTags }),
		entriesRule(func(d data) (all []entry) {
			for _, i := range d.DataImages {
				all = append(all, entry{i.Name, i.Tags, i.ImageTags})
			}
			return all
		}),
		distinctRule("file", systemFiles),
		minDiskRule(func(d data) *int64 { return d.MinDisk }),
		profileFieldsRule(
			fieldOf[data]{"os_type", ims.ProfileOTC, func(d data) bool { return d.OSType != "" }},
			fieldOf[data]{"is_config_init", ims.ProfileHuawei, func(d data) bool { return d.IsConfigInit }},
			fieldOf[data]{"architecture", ims.ProfileHuawei, func(d data) bool { return d.Architecture != "" }},
		),
		optionsRule(func(d data) messages.Options { return d.Options }),
	}
}

// systemFiles lists all files of a request.
func systemFiles(d messages.CreateSystemImage) (fields, files []string) {
	fields, files = []string{"image_url"}, []string{d.ImageURL}
	for n, i := range d.DataImages {
		fields, files = append(fields, fmt.Sprintf("data_images[%d].image_url", n)), append(files, i.ImageURL)
	}
	return fields, files
}

func checkSystemVolume(ctx context.Context, c systemImager, d messages.CreateSystemImage) error {
	if d.VolumeID == "" {
		return nil
	}
	return checkReadable(ctx, c, d.VolumeID)
}

func submitSystemImage(ctx context.Context, c systemImager, d messages.CreateSystemImage, to Call) (Submission, error) {
	call := ims.NewImage{
		Name: d.Name, InstanceID: d.InstanceID, VolumeID: d.VolumeID, ImageURL: d.ImageURL,
		MinDisk: number(d.MinDisk), OSVersion: d.OSVersion, OSType: d.OSType, IsConfig: d.IsConfig, IsConfigInit: d.IsConfigInit,
		CMKID: d.CmkID, Type: d.Type, IsQuickImport: d.IsQuickImport, Architecture: d.Architecture, HWFirmwareType: d.HWFirmwareType,
		Description: d.Description, EnterpriseProjectID: d.EnterpriseProjectID, MaxRAM: number(d.MaxRAM), MinRAM: number(d.MinRAM),
	}
	call.Tags, call.ImageTags = markedTags(d.Tags, d.ImageTags, to.Key)
	for _, i := range d.DataImages {
		item := ims.DataImage{Name: i.Name, ImageURL: i.ImageURL, MinDisk: number(i.MinDisk), IsQuickImport: i.IsQuickImport, Description: i.Description}
		item.Tags, item.ImageTags = markedItem(i.Tags, i.ImageTags, to.Key)
		call.DataImages = append(call.DataImages, item)
	}
	job, err := c.CreateImage(ctx, call)
	if err != nil {
		return Submission{}, fmt.Errorf("create system image of %s: %w", d.InstanceID+d.VolumeID+d.ImageURL, err)
	}
	return Submission{JobID: job}, nil
}

// allSystemImages finds the system image and those of the data disks beside it.
func allSystemImages(ctx context.Context, c systemImager, d messages.CreateSystemImage, s Search) ([]ims.Image, error) {
	return allTagged(ctx, c, s, systemOrigins(d)...)
}

func systemOrigins(d messages.CreateSystemImage) []string {
	switch {
	case d.InstanceID != "":
		return []string{"instance," + d.InstanceID}
	case d.VolumeID != "":
		return []string{"volume," + d.VolumeID}
	}
	_, files := systemFiles(d)
	origins := make([]string, 0, len(files))
	for _, f := range files {
		origins = append(origins, "file,"+f)
	}
	return origins
}
