package fakecloud

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// evsTime has microseconds and no zone.
const evsTime = "2006-01-02T15:04:05.000000"

const volumeTypeID = "8247b6ed-37f0-4c48-8ef1-f0027fb332bc"

// Volume is one EVS disk.
type Volume struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Status   string    `json:"status"` // available (default), in-use, error, or anything that forbids an image
	SizeGB   int       `json:"size_gb"`
	Bootable bool      `json:"bootable,omitempty"`  // holds a system
	OSType   string    `json:"os_type,omitempty"`   // of a bootable one, "" where EVS knows none
	ServerID string    `json:"server_id,omitempty"` // the server it is attached to
	Locked   bool      `json:"locked,omitempty"`    // by work of another service
	Created  time.Time `json:"created"`
	ImageID  string    `json:"image_id,omitempty"` // the image that was last made of it
	Upload   time.Time `json:"upload,omitzero"`    // an image is being made of it until then
}

// status is uploading for the whole time in which an image is made.
func (v *Volume) status(now time.Time) string {
	if now.Before(v.Upload) {
		return "uploading"
	}
	return v.Status
}

func (v *Volume) updated(now time.Time) time.Time {
	if v.Upload.IsZero() || now.Before(v.Upload) {
		return v.Created
	}
	return v.Upload
}

// filled gives a seeded disk what was left out.
func (v Volume) filled(c *cloud, now time.Time) Volume {
	v.ID, v.Status = orElse(v.ID, c.uuid()), orElse(v.Status, "available")
	v.Name, v.SizeGB = orElse(v.Name, "volume"), max(v.SizeGB, 1)
	if v.Created.IsZero() {
		v.Created = now
	}
	return v
}

type volumeView struct {
	ID               string            `json:"id"`
	Name             string            `json:"name"`
	Status           string            `json:"status"`
	Size             int               `json:"size"`
	Bootable         string            `json:"bootable"`
	Encrypted        bool              `json:"encrypted"`
	Multiattach      bool              `json:"multiattach"`
	VolumeType       string            `json:"volume_type"`
	AvailabilityZone string            `json:"availability_zone"`
	CreatedAt        string            `json:"created_at"`
	UpdatedAt        string            `json:"updated_at"`
	Attachments      []any             `json:"attachments"`
	Metadata         map[string]string `json:"metadata"`
	ImageMetadata    map[string]string `json:"volume_image_metadata,omitempty"`
}

// showVolume is GET /v2/{project_id}/volumes/{volume_id}.
func (c *cloud) showVolume(q *request) *answer {
	v := c.volumes[q.vars["volume"]]
	if v == nil {
		return c.noVolume(q)
	}
	view := volumeView{
		ID: v.ID, Name: v.Name, Status: v.status(q.now), Size: v.SizeGB, Bootable: strconv.FormatBool(v.Bootable), VolumeType: "SSD",
		AvailabilityZone: c.Region + "-01", CreatedAt: v.Created.Format(evsTime), UpdatedAt: v.updated(q.now).Format(evsTime),
		Attachments: []any{}, Metadata: map[string]string{},
	}
	if v.ServerID != "" {
		view.Attachments = append(view.Attachments, map[string]string{"server_id": v.ServerID, "volume_id": v.ID, "device": "/dev/vda"})
	}
	if v.OSType != "" {
		view.ImageMetadata = map[string]string{"__os_type": v.OSType}
	}
	return ok(map[string]volumeView{"volume": view})
}

func (c *cloud) noVolume(q *request) *answer {
	return c.cinder(http.StatusNotFound, "itemNotFound", fmt.Sprintf("Volume %s could not be found.", q.vars["volume"]))
}

// cinderError is E5: one key that names the kind of error. Its code is a
// number or a text.
type cinderError map[string]cinderDetail

type cinderDetail struct {
	Message string `json:"message"`
	Code    any    `json:"code"`
}

func (c *cloud) cinder(status int, kind, message string) *answer {
	detail := cinderDetail{Message: message, Code: status}
	if c.Profile == ProfileHuawei {
		detail.Code = strconv.Itoa(status)
	}
	return &answer{status: status, body: cinderError{kind: detail}}
}

// kind is the only key.
func (e cinderError) kind() string {
	for key := range e {
		return key
	}
	return ""
}

// evsError is E6.
func evsError(status int, code, message string) *answer {
	return &answer{status: status, body: imsError(code, message)}
}
