package fakecloud

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	jobNativeExport = "imsNativeExportImageJob"
	// Largest images that can be exported, in GB (API reference 2.9).
	mostExportTB      = 1024
	mostPlainExportGB = 128
	maxFileName       = 1024
)

// exportRequest is the body of POST /v1/cloudimages/{image_id}/file (API
// reference 2.9).
type exportRequest struct {
	BucketURL  string `json:"bucket_url"`
	FileFormat string `json:"file_format"`
	Quick      bool   `json:"is_quick_export"`
}

var exportFormats = []string{"qcow2", "vhd", "zvhd", "vmdk"}

// exportImage writes an image into a bucket. The file is there when the job
// ends, its place is taken from the beginning.
func (c *cloud) exportImage(q *request) *answer {
	var body exportRequest
	if a := decodeBody(q.body, &body); a != nil {
		return a
	}
	image := c.images[q.vars["image"]]
	if a := firstRefusal(
		func() *answer { return checkExportFormat(body) },
		func() *answer { return c.checkExportable(image, body.Quick, q.now) },
		func() *answer { return c.checkTarget(body.BucketURL) },
		func() *answer { return c.checkNotExporting(image, q.now) },
		func() *answer { return c.checkFree(body.BucketURL) },
	); a != nil {
		return a
	}
	outcome := c.nextOutcome(q.route.call)
	job := &Job{ID: c.newJobID(), Type: jobNativeExport, Call: q.route.call, ImageID: image.ID, Begin: q.now}
	c.plan(job, outcome)
	if job.Code == "" {
		c.putExport(image, body, job.End)
	}
	c.saveJob(job)
	c.accept(q, Mutation{JobID: job.ID, ImageID: image.ID})
	return c.jobStarted(job)
}

func (c *cloud) putExport(image *Image, body exportRequest, at time.Time) {
	bucket, key, _ := strings.Cut(body.BucketURL, ":")
	format := body.FileFormat
	if body.Quick {
		format = "zvhd2"
	}
	file := Object{Bucket: bucket, Key: key, Format: format, OSType: image.OSType, DiskGB: image.MinDisk, Since: at}.filled()
	c.saveObject(&file)
}

func checkExportFormat(body exportRequest) *answer {
	switch {
	case body.Quick && body.FileFormat != "":
		return refuse("IMG.0072", "file_format cannot be used together with is_quick_export.")
	case !body.Quick && !slices.Contains(exportFormats, body.FileFormat):
		return refuse("IMG.0072", "The format of the exported file is not supported.")
	}
	return nil
}

// checkExportable refuses the kinds of the API reference's sections 2.9 and
// 2.13.
func (c *cloud) checkExportable(i *Image, quick bool, now time.Time) *answer {
	switch {
	case i == nil || !i.visible(now):
		return refuse("IMG.0027", "The image does not exist.")
	case i.Type == "gold":
		return refuse("IMG.0077", "Public images cannot be exported.")
	case i.Owner != c.ProjectID:
		return refuse("IMG.0047", "Only the owner of the image can perform this operation.")
	case i.Type == "market":
		return refuse("IMG.0078", "Marketplace images cannot be exported.")
	case i.Whole:
		return refuse("IMG.0128", "Whole images cannot be exported.")
	case i.BackupID != "":
		return refuse("IMG.0080", "Images created from backups cannot be exported.")
	case i.Env == "IsoImage":
		return refuse("IMG.0167", "The operation is not supported for ISO images.")
	case c.licensed(i):
		return refuse("IMG.0079", "Images derived from charged images cannot be exported.")
	case i.FileOnly:
		return refuse("IMG.0081", "The image created from a file cannot be exported.")
	case i.CMK != "" && quick, i.DataSize >= mostExportTB<<30:
		return refuse("IMG.0071", "The image cannot be exported.")
	case i.DataSize > mostPlainExportGB<<30 && !quick:
		return refuse("IMG.0160", "Images larger than 128 GB only support quick export.")
	case i.status(now) != "active":
		return refuse("IMG.0046", "The image is unavailable.")
	}
	return nil
}

// licensed tells images that stem from public ones that others own.
func (c *cloud) licensed(i *Image) bool {
	parent := c.images[i.OriginalID]
	charged := []string{"Windows", "SUSE", "RedHat", "Ubuntu", "Oracle Linux"}
	return parent != nil && parent.Type == "gold" && slices.Contains(charged, parent.Platform)
}

// checkTarget: the bucket is there, and the file has a name.
func (c *cloud) checkTarget(address string) *answer {
	bucket, key, a := checkAddress(address)
	switch {
	case a != nil:
		return a
	case utf8.RuneCountInString(key) > maxFileName:
		return refuse("IMG.0074", "The file name is too long.")
	case strings.ContainsAny(key, `\*?"<>|`):
		return refuse("IMG.0075", "The file name contains invalid characters.")
	}
	return c.checkBucket(bucket)
}

func (c *cloud) checkNotExporting(i *Image, now time.Time) *answer {
	for _, job := range c.jobs {
		if job.Type == jobNativeExport && job.ImageID == i.ID && now.Before(job.End) {
			return refuse("IMG.0148", "The image is being exported.")
		}
	}
	return nil
}

func (c *cloud) checkFree(address string) *answer {
	if c.objects[address] != nil {
		return refuse("IMG.0070", "The object already exists in the bucket.")
	}
	return nil
}
