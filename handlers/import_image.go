package handlers

import (
	"context"
	"fmt"
	"iter"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// quickImporter is what import-image needs of the cloud.
type quickImporter interface {
	ImportImage(ctx context.Context, q ims.QuickImport) (string, error)
	Quotas(ctx context.Context) ([]ims.Quota, error)
	OSVersions(ctx context.Context) ([]ims.OSVersion, error)
	ImagePages(ctx context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error]
	DeleteImageTag(ctx context.Context, imageID, key string) error
}

// importImage makes a system or data image of a file that needs no conversion
// (quick import, API reference 2.5). The bitmap file of a RAW file is no part
// of the request: the cloud looks for it beside the file.
//
// It is safe to run twice: the image carries the key as a tag from its
// creation, so a second run finds it by that tag and its origin. When nothing
// shows up to the horizon, the call is sent again.
func importImage() Operation {
	type data = messages.ImportImage
	return define(plan[data, quickImporter]{
		name:    "import-image",
		bucket:  "quick_import",
		policy:  ofFile,
		options: func(d data) messages.Options { return d.Options },
		rules: []rule[data]{
			nameRule(func(d data) string { return d.Name }),
			tagsRule(func(d data) ([]string, []messages.Tag) { return d.Tags, d.ImageTags }),
			profileFieldsRule(fieldOf[data]{"license_type", ims.ProfileHuawei, func(d data) bool { return d.LicenseType != "" }}),
			optionsRule(func(d data) messages.Options { return d.Options }),
		},
		checks: []check[data, quickImporter]{
			versionListed[data, quickImporter](func(d data) string { return d.OSVersion }),
			quotaLeft[data, quickImporter](one),
		},
		submit: submitImport,
		all: func(ctx context.Context, c quickImporter, d data, s Search) ([]ims.Image, error) {
			return allTagged(ctx, c, s, "file,"+d.ImageURL)
		},
		unmark: deleteMarkerTag[quickImporter],
	})
}

func submitImport(ctx context.Context, c quickImporter, d messages.ImportImage, to Call) (Submission, error) {
	call := ims.QuickImport{
		Name: d.Name, ImageURL: d.ImageURL, MinDisk: number(d.MinDisk), OSVersion: d.OSVersion, Type: d.Type, OSType: d.OSType,
		Architecture: d.Architecture, HWFirmwareType: d.HWFirmwareType, LicenseType: d.LicenseType,
		Description: d.Description, EnterpriseProjectID: d.EnterpriseProjectID,
	}
	call.Tags, call.ImageTags = markedTags(d.Tags, d.ImageTags, to.Key)
	job, err := c.ImportImage(ctx, call)
	if err != nil {
		return Submission{}, fmt.Errorf("import image of %s: %w", d.ImageURL, err)
	}
	return Submission{JobID: job}, nil
}
