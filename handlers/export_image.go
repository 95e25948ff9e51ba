package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// imageExporter is what export-image needs of the cloud.
type imageExporter interface {
	ExportImage(ctx context.Context, imageID string, e ims.ImageExport) (string, error)
	Image(ctx context.Context, id string) (ims.Image, error)
}

// exportImage writes an image into a bucket (API reference 2.9). It makes no
// image; the job names the one that was exported.
//
// The object storage is not asked. It is safe to run twice because the cloud
// refuses a second export of an image while one is running, and a file that is
// there: after a call whose answer was lost these refusals tell how far it is.
// Where nothing can have been sent they are conflicts with somebody else.
func exportImage() Operation {
	type data = messages.ExportImage
	return define(plan[data, imageExporter]{
		name:    "export-image",
		bucket:  "export",
		policy:  Policy{Deadline: time.Hour, Horizon: 5 * time.Minute, Resubmit: true},
		options: func(d data) messages.Options { return d.Options },
		takes:   "image_id",
		rules:   []rule[data]{optionsRule(func(d data) messages.Options { return d.Options })},
		checks:  exportImageChecks(),
		submit:  submitImageExport,
		already: exportedAlready,
		read:    func(d data, job ims.Job) Outcome { return Outcome{Result: exported(d), Failed: failedPart(job)} },
	})
}

func exportImageChecks() []check[messages.ExportImage, imageExporter] {
	type data = messages.ExportImage
	ofBackup := imageRule{"image-not-of-backup", "the image is not made of a backup", "2.9", "IMG.0080", func(i ims.Image) bool {
		return i.BackupID != "" && !i.Whole
	}}
	ofMarket := imageRule{"image-not-market", "the image is not one of the marketplace", "2.9", "IMG.0078", func(i ims.Image) bool { return i.Type == typeMarket }}
	checks := ofImage[data, imageExporter](func(d data) string { return d.ImageID },
		imageOwn, imagePrivate.with("IMG.0077", "2.13"), imageNotWhole.with("IMG.0128", "2.13"), ofBackup, ofMarket, imageNotISO, imageActive.with("IMG.0046", "2.9"))
	return append(checks,
		check[data, imageExporter]{"quick-export-plain", "an encrypted image is not exported quickly (2.9)", checkQuickExport},
		check[data, imageExporter]{"export-size", "the image has less than 1 TB, for an export that is not quick at most 128 GB (2.9)", checkExportSize},
		check[data, imageExporter]{"image-not-charged", "the image does not stem from a public image of Windows, SUSE, Red Hat, Ubuntu or Oracle Linux (2.9)", checkStem})
}

func checkExportSize(ctx context.Context, c imageExporter, d messages.ExportImage) error {
	tooLarge := imageRule{"export-size", "the image has less than 1 TB", "2.9", "IMG.0071", func(i ims.Image) bool { return i.DataSize >= 1<<40 }}
	if err := tooLarge.check(ctx, c, d.ImageID); err != nil || d.Quick {
		return err
	}
	return imageAtMost(128, "export-size", "IMG.0160", "2.9").check(ctx, c, d.ImageID)
}

// chargedPlatforms are those of public images whose offspring is not given
// away, without spaces and in small letters.
var chargedPlatforms = []string{"windows", "suse", "redhat", "ubuntu", "oraclelinux"}

// checkStem looks at the image that this one stems from. One that is gone, or
// not public, says nothing.
func checkStem(ctx context.Context, c imageExporter, d messages.ExportImage) error {
	image, err := c.Image(ctx, d.ImageID)
	if err != nil || image.OriginalImage == "" {
		return untold(err)
	}
	stem, err := c.Image(ctx, image.OriginalImage)
	if err != nil {
		return untold(err)
	}
	platform := strings.ToLower(strings.ReplaceAll(stem.Platform, " ", ""))
	if stem.Type != typePublic || !slices.Contains(chargedPlatforms, platform) {
		return nil
	}
	return refusal("IMG.0079", "image %s stems from the public image %s of %s", d.ImageID, stem.ID, stem.Platform)
}

func checkQuickExport(ctx context.Context, c imageExporter, d messages.ExportImage) error {
	if !d.Quick {
		return nil
	}
	encrypted := imageRule{"quick-export-plain", "the image is not encrypted, or the export not a quick one", "2.9", "IMG.0071", func(i ims.Image) bool { return i.Encrypted }}
	return encrypted.check(ctx, c, d.ImageID)
}

func submitImageExport(ctx context.Context, c imageExporter, d messages.ExportImage, _ Call) (Submission, error) {
	job, err := c.ExportImage(ctx, d.ImageID, ims.ImageExport{BucketURL: d.BucketURL, FileFormat: d.FileFormat, Quick: d.Quick})
	if err != nil {
		return Submission{}, fmt.Errorf("export image %s to %s: %w", d.ImageID, d.BucketURL, err)
	}
	return Submission{JobID: job}, nil
}

// The refusals that tell of an export under way, and of one that has ended (API
// reference 6.6).
const (
	codeExporting = "IMG.0148"
	codeExported  = "IMG.0070"
)

func exportedAlready(d messages.ExportImage, refusal error) (Found, error) {
	e, ok := errors.AsType[*ims.Error](refusal)
	switch {
	case ok && e.Code == codeExporting:
		return Found{}, ErrUnderWay
	case ok && e.Code == codeExported:
		return Found{Done: true, Result: exported(d), Warning: "the answer to the submission was lost; the cloud says that the file is there, it was not looked at"}, nil
	}
	return Found{}, ErrNotFound
}

func exported(d messages.ExportImage) messages.Result {
	return messages.Result{Object: &d.BucketURL}
}
