package fakecloud

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// mostExportGB is the largest disk of which Huawei Cloud makes an image.
const mostExportGB = 1024

// uploadRequest is what stands under os-volume_upload_image (API reference
// 2.11).
type uploadRequest struct {
	ImageName       string `json:"image_name"`
	DiskFormat      string `json:"disk_format"`
	ContainerFormat string `json:"container_format"`
	Force           bool   `json:"force"`
	OSType          string `json:"__os_type"`
}

var (
	diskFormats      = []string{"vhd", "zvhd", "zvhd2", "raw", "qcow2"}
	containerFormats = []string{"bare", "ami", "ari", "aki", "ovf"}
	osTypes          = []string{"linux", "windows"}
)

// exportVolume is POST /v2/{project_id}/volumes/{volume_id}/action. It is
// answered with the image at once; there is no job.
func (c *cloud) exportVolume(q *request) *answer {
	body, a := c.readUpload(q.body)
	if a != nil {
		return a
	}
	volume := c.volumes[q.vars["volume"]]
	if volume == nil {
		return c.noVolume(q)
	}
	if a := firstRefusal(
		func() *answer { return c.checkVolume(volume, body.Force, q.now) },
		func() *answer { return c.checkImageRoom() },
	); a != nil {
		return a
	}
	image := c.imageOf(volume, body)
	c.upload(q, volume, image)
	c.accept(q, Mutation{ImageID: image.ID, VolumeID: volume.ID})
	return &answer{status: http.StatusAccepted, body: map[string]uploadView{"os-volume_upload_image": viewUpload(volume, image, q.now)}}
}

// readUpload finds the one action that this fake knows and fills in defaults,
// of which the two clouds' documents have different ones.
func (c *cloud) readUpload(text []byte) (uploadRequest, *answer) {
	var actions struct {
		Upload json.RawMessage `json:"os-volume_upload_image"`
	}
	body := uploadRequest{DiskFormat: "zvhd2", ContainerFormat: "bare", OSType: "linux"}
	if c.Profile == ProfileHuawei {
		body.DiskFormat = "vhd"
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 || decodeObject(text, &actions) != nil || len(actions.Upload) == 0 {
		return body, c.badRequest("There is no such action.")
	}
	if err := decodeObject(actions.Upload, &body); err != nil {
		return body, c.badRequest("Malformed request body: " + err.Error())
	}
	return body, c.checkUpload(body)
}

func (c *cloud) badRequest(message string) *answer {
	return c.cinder(http.StatusBadRequest, "badRequest", message)
}

func (c *cloud) checkUpload(body uploadRequest) *answer {
	switch {
	case body.ImageName == "":
		return c.badRequest("No image_name was specified in request.")
	case len(body.ImageName) > maxName, strings.TrimSpace(body.ImageName) != body.ImageName,
		strings.ContainsFunc(body.ImageName, func(r rune) bool { return !isWord(r) && r != '.' && r != ' ' }):
		return c.badRequest("Invalid input for field/attribute image_name.")
	case !slices.Contains(diskFormats, body.DiskFormat):
		return c.badRequest("Invalid input for field/attribute disk_format.")
	case !slices.Contains(containerFormats, body.ContainerFormat):
		return c.badRequest("Invalid input for field/attribute container_format.")
	case !slices.Contains(osTypes, body.OSType):
		return c.badRequest("Invalid input for field/attribute __os_type.")
	}
	return nil
}

// checkVolume is the rule of states: only available disks, and with force
// those in use.
func (c *cloud) checkVolume(v *Volume, force bool, now time.Time) *answer {
	allowed, status := "available", v.status(now)
	if force {
		allowed = "available or in-use"
	}
	switch {
	case v.Locked:
		return evsError(http.StatusBadRequest, "EVS.2068", "The volume is locked.")
	case status != "available" && (status != "in-use" || !force):
		return c.badRequest("Invalid volume: Volume " + v.ID + " status must be " + allowed + ", but current status is: " + status + ".")
	case c.Profile == ProfileHuawei && v.SizeGB > mostExportGB:
		return c.badRequest("Invalid volume: the volume is larger than 1 TB.")
	}
	return nil
}

// checkImageRoom is the quota of images in EVS's words.
func (c *cloud) checkImageRoom() *answer {
	if quota := c.quota(); quota >= 0 && c.used >= quota {
		return c.cinder(http.StatusRequestEntityTooLarge, "overLimit", "Image quota exceeded.")
	}
	return nil
}

// imageOf is the new image. What EVS knows of the disk's system goes before
// what the request says.
func (c *cloud) imageOf(v *Volume, body uploadRequest) *Image {
	i := &Image{
		ID: c.newImageID(), Name: body.ImageName, Owner: c.ProjectID, Type: "private", DataOrigin: "volume," + v.ID,
		Env: "DataImage", DiskFormat: body.DiskFormat, MinDisk: v.SizeGB, DataSize: int64(v.SizeGB) << 30, EnterpriseProject: "0",
	}
	i.OSType = map[string]string{"linux": "Linux", "windows": "Windows"}[orElse(v.OSType, body.OSType)]
	if v.Bootable {
		i.Env, i.OSVersion, i.Platform = "FusionCompute", "Other("+i.OSType+")", "Other"
	}
	return i
}

// upload lays out the lives of image and disk: the row is there at once, and
// the disk is busy until the image is done (API reference 8).
func (c *cloud) upload(q *request, v *Volume, i *Image) {
	outcome := c.nextOutcome(q.route.call)
	wait, run := c.duration(q.route.call)
	if outcome.Run > 0 {
		run = time.Duration(outcome.Run)
	}
	i.Created, i.Appears, i.Saving = q.now.Truncate(time.Second), q.now, q.now.Add(wait)
	end := i.Saving.Add(run)
	i.Active = end
	c.makeAwkward(i, outcome, end)
	v.ImageID, v.Upload = i.ID, end
	if outcome.Stuck {
		v.Upload = never
	}
	c.addImage(i)
	c.saveVolume(v)
}

func (c *cloud) makeAwkward(i *Image, outcome Outcome, end time.Time) {
	if late := max(outcome.ImageLate, c.switches.ImageLate); late > 0 {
		i.Appears = end.Add(time.Duration(late))
	}
	if outcome.ImageNever || c.switches.ImageNever {
		i.Appears = never
	}
	if outcome.ImageEarly || c.switches.ImageEarly {
		i.Active = i.Saving.Add(end.Sub(i.Saving) / 4)
	}
	if outcome.Stuck || outcome.Code != "" {
		i.Active = never
	}
	switch {
	case outcome.Code == "":
	case outcome.Gone:
		i.Gone = end
	default:
		i.Killed = end
	}
}

// uploadView is the answer; its id is the disk's.
type uploadView struct {
	Status          string         `json:"status"`
	Size            int            `json:"size"`
	ID              string         `json:"id"`
	ImageID         string         `json:"image_id"`
	ImageName       string         `json:"image_name"`
	ContainerFormat string         `json:"container_format"`
	DiskFormat      string         `json:"disk_format"`
	Description     string         `json:"display_description"`
	UpdatedAt       string         `json:"updated_at"`
	VolumeType      map[string]any `json:"volume_type"`
}

func viewUpload(v *Volume, i *Image, now time.Time) uploadView {
	return uploadView{
		Status: v.status(now), Size: v.SizeGB, ID: v.ID, ImageID: i.ID, ImageName: i.Name, ContainerFormat: "bare", DiskFormat: i.DiskFormat,
		UpdatedAt: now.Format(evsTime),
		VolumeType: map[string]any{
			"id": volumeTypeID, "name": "SSD", "description": "None", "deleted": false, "is_public": true, "deleted_at": nil,
			"created_at": "2015-05-24T14:47:22.132268", "updated_at": "2017-07-29T11:29:33.730076", "extra_specs": map[string]string{},
		},
	}
}
