package ims

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

// The states of a volume that the worker tells apart (API reference 2.11).
const (
	VolumeAvailable = "available"
	VolumeInUse     = "in-use"
	VolumeUploading = "uploading" // an image is being made of it
)

// defaultDiskFormat is sent where a request names none: the documents disagree
// on what EVS takes then (API reference, section 7).
const defaultDiskFormat = "zvhd2"

// Volume is an EVS disk.
type Volume struct {
	ID, Name, Status string
	SizeGB           int64
	ServerID         string    // the server it is attached to; the first of several, empty for none
	UpdatedAt        time.Time // zero where EVS tells none
}

// VolumeUpload asks for an image of a disk; API reference 2.11. An empty
// DiskFormat is sent as zvhd2.
type VolumeUpload struct {
	ImageName       string `json:"image_name"`
	DiskFormat      string `json:"disk_format"`
	ContainerFormat string `json:"container_format,omitempty"`
	Force           bool   `json:"force,omitempty"` // also of a disk that is in use
	OSType          string `json:"__os_type,omitempty"`
}

// ExportVolume starts the making of an image of a disk and returns the image's
// id; there is no job. It is sent at most once; ctx alone limits its time.
func (c *Client) ExportVolume(ctx context.Context, volumeID string, u VolumeUpload) (string, error) {
	k := volumeCall("ExportVolume", http.MethodPost, volumeID, "/action")
	if u.DiskFormat == "" {
		u.DiskFormat = defaultDiskFormat
	}
	body := struct {
		Upload VolumeUpload `json:"os-volume_upload_image"`
	}{u}
	var answer struct {
		Upload struct {
			ID      text `json:"id"` // the disk's
			ImageID text `json:"image_id"`
		} `json:"os-volume_upload_image"`
	}
	if err := c.send(ctx, k, body, &answer); err != nil {
		return "", err
	}
	id, image := answer.Upload.ID.trim(), answer.Upload.ImageID.trim()
	switch {
	case image == "":
		return "", c.unreadable(k, errors.New("the answer has no image id"))
	case id != "" && !strings.EqualFold(id, volumeID):
		return "", c.unreadable(k, errors.New("the answer is about another disk"))
	}
	return image, nil
}

// Volume returns one disk. One that does not exist is an error for which
// errors.Is(err, ErrNotFound) holds.
func (c *Client) Volume(ctx context.Context, id string) (Volume, error) {
	k := volumeCall("Volume", http.MethodGet, id, "")
	var wire struct {
		Volume struct {
			ID        text    `json:"id"`
			Name      text    `json:"name"`
			Status    text    `json:"status"`
			Size      text    `json:"size"`
			UpdatedAt instant `json:"updated_at"`
			Attached  []struct {
				ServerID text `json:"server_id"`
			} `json:"attachments"`
		} `json:"volume"`
	}
	if err := c.get(ctx, k, &wire); err != nil {
		return Volume{}, err
	}
	w := wire.Volume
	if !strings.EqualFold(w.ID.trim(), id) {
		return Volume{}, c.unreadable(k, errors.New("the answer is about another disk"))
	}
	volume := Volume{
		ID: w.ID.trim(), Name: string(w.Name), Status: strings.ToLower(w.Status.trim()),
		SizeGB: w.Size.int64(), UpdatedAt: w.UpdatedAt.Time,
	}
	if len(w.Attached) > 0 {
		volume.ServerID = w.Attached[0].ServerID.trim()
	}
	return volume, nil
}

func volumeCall(name, method, id, tail string) call {
	return call{name: name, method: method, service: volumeService, path: "/v2/{project_id}/volumes/", id: id, tail: tail}
}
