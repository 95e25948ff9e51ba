package fakecloud

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// metadataRequest is the body of POST /v2/images (API reference 2.6). Tags are
// "key=value" here.
type metadataRequest struct {
	Name       string   `json:"name"`
	OSVersion  string   `json:"__os_version"`
	Visibility string   `json:"visibility"`
	Protected  bool     `json:"protected"`
	Container  string   `json:"container_format"`
	DiskFormat string   `json:"disk_format"`
	Tags       []string `json:"tags"`
	MinRAM     int      `json:"min_ram"`
	MinDisk    int      `json:"min_disk"`
}

const (
	mostNativeName = 255
	mostNativeTag  = 255
)

// createMetadata makes an image without data, which stays queued until a file
// is registered for it.
func (c *cloud) createMetadata(q *request) *answer {
	body := metadataRequest{Visibility: "private", Container: "bare", DiskFormat: "zvhd2", MinDisk: 1}
	text := bytes.TrimSpace(q.body)
	if len(text) == 0 || decodeObject(text, &body) != nil {
		return native(http.StatusBadRequest, "The request body cannot be read.")
	}
	tags, a := checkMetadata(body)
	switch {
	case a != nil:
		return a
	case c.quota() >= 0 && c.used >= c.quota():
		return native(http.StatusRequestEntityTooLarge, "The private image quota is insufficient.")
	}
	image := &Image{
		ID: c.newImageID(), Name: body.Name, Owner: c.ProjectID, Type: "private", Tags: tags, Protected: body.Protected,
		Env: "FusionCompute", DiskFormat: body.DiskFormat, OSType: "Linux", OSVersion: body.OSVersion, MinDisk: body.MinDisk, MinRAM: body.MinRAM,
		EnterpriseProject: "0", Created: q.now.Truncate(time.Second), Appears: q.now, Saving: never, Active: never, Native: true,
	}
	c.addImage(image)
	c.accept(q, Mutation{ImageID: image.ID})
	return &answer{status: http.StatusCreated, body: c.view(image, q.now)}
}

func checkMetadata(body metadataRequest) ([]Tag, *answer) {
	switch {
	case utf8.RuneCountInString(body.Name) > mostNativeName:
		return nil, native(http.StatusBadRequest, "The name is too long.")
	case body.Visibility != "private":
		return nil, native(http.StatusForbidden, "Only private images can be created.")
	case body.Container != "bare":
		return nil, native(http.StatusBadRequest, "Invalid container_format.")
	case !slices.Contains([]string{"zvhd2", "vhd", "raw", "qcow2"}, body.DiskFormat):
		return nil, native(http.StatusBadRequest, "Invalid disk_format.")
	case body.MinDisk < 1 || body.MinDisk > 1024 || body.MinRAM < 0:
		return nil, native(http.StatusBadRequest, "Invalid min_disk or min_ram.")
	}
	var tags []Tag
	for _, text := range body.Tags {
		if utf8.RuneCountInString(text) > mostNativeTag {
			return nil, native(http.StatusBadRequest, "A tag is too long.")
		}
		key, value, _ := strings.Cut(text, "=")
		tags = upsert(tags, Tag{Key: key, Value: value})
	}
	if len(tags) > maxTags {
		return nil, native(http.StatusRequestEntityTooLarge, "The number of tags exceeds the limit.")
	}
	return tags, nil
}

// registerFormats are the formats that can be registered.
var registerFormats = []string{"zvhd", "qcow2", "vhd", "raw", "vhdx", "qed", "vdi", "qcow", "zvhd2", "vmdk"}

// registerImage is PUT /v1/cloudimages/{image_id}/upload: it gives an image
// without data a file of the object storage.
func (c *cloud) registerImage(q *request) *answer {
	var body struct {
		ImageURL string `json:"image_url"`
	}
	if a := decodeBody(q.body, &body); a != nil {
		return a
	}
	image := c.images[q.vars["image"]]
	if a := c.checkRegister(image, q.now); a != nil {
		return a
	}
	file, a := c.readableFile(body.ImageURL, false)
	switch {
	case a != nil:
		return a
	case !slices.Contains(registerFormats, file.Format) && (c.Profile != ProfileHuawei || file.Format != "iso"):
		return refuse("IMG.0057", "The image file is of a wrong format.")
	case c.switches.MaxJobs > 0 && c.running(q.now) >= c.switches.MaxJobs:
		return refuse("IMG.0060", "Too many tasks. Try again later.")
	}
	job := c.fillImage(q, image)
	image.DataOrigin, image.OSType, image.DataSize = "file,"+body.ImageURL, file.OSType, int64(file.SizeGB)<<30
	c.saveImage(image)
	c.accept(q, Mutation{JobID: job.ID, ImageID: image.ID})
	return c.jobStarted(job)
}

func (c *cloud) checkRegister(i *Image, now time.Time) *answer {
	switch {
	case i == nil || !i.visible(now):
		return refuse("IMG.0027", "The image does not exist.")
	case i.Owner != c.ProjectID:
		return refuse("IMG.0047", "Only the owner of the image can perform this operation.")
	case !i.Native || i.JobID != "":
		return refuse("IMG.0105", "The operation is not supported for this image.")
	}
	return nil
}

// fillImage begins the job that fills an image which is there already. If it
// fails, the image stays, killed.
func (c *cloud) fillImage(q *request, image *Image) *Job {
	outcome := c.nextOutcome(q.route.call)
	job := &Job{ID: c.newJobID(), Type: jobRegister, Call: q.route.call, Begin: q.now, ImageID: image.ID}
	c.plan(job, outcome)
	outcome.Killed = true
	created, appears := image.Created, image.Appears
	c.live(job, image, outcome)
	image.Created, image.JobID = created, job.ID
	if outcome.ImageLate == 0 && !outcome.ImageNever {
		image.Appears = appears
	}
	c.saveJob(job)
	return job
}
