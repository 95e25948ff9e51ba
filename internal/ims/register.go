package ims

import (
	"context"
	"errors"
	"net/http"
)

// Metadata describes an image that has no data yet; API reference 2.6. Its
// tags are "key=value".
type Metadata struct {
	Name            string   `json:"name,omitempty"`
	OSVersion       string   `json:"__os_version,omitempty"`
	Visibility      string   `json:"visibility,omitempty"`
	Protected       bool     `json:"protected,omitempty"`
	ContainerFormat string   `json:"container_format,omitempty"`
	DiskFormat      string   `json:"disk_format,omitempty"`
	Tags            []string `json:"tags,omitempty"`
	MinRAM          *int     `json:"min_ram,omitempty"`  // MB
	MinDisk         *int     `json:"min_disk,omitempty"` // GB
}

// CreateMetadata makes an image without data and returns its id; it stays
// queued until RegisterImage gives it a file. It is sent at most once; ctx
// alone limits its time.
func (c *Client) CreateMetadata(ctx context.Context, m Metadata) (string, error) {
	k := call{name: "CreateMetadata", method: http.MethodPost, service: imageService, path: "/v2/images"}
	var answer wireImage
	if err := c.send(ctx, k, m, &answer); err != nil {
		return "", err
	}
	id := answer.ID.id()
	if id == "" {
		return "", c.unreadable(k, errors.New("the answer has no usable image id"))
	}
	return id, nil
}

// RegisterImage starts the filling of an image without data from a file
// (bucket:file) and returns the id of the job. It is sent at most once; ctx
// alone limits its time.
func (c *Client) RegisterImage(ctx context.Context, imageID, imageURL string) (string, error) {
	k := call{name: "RegisterImage", method: http.MethodPut, path: "/v1/cloudimages/", id: imageID, tail: "/upload"}
	return c.start(ctx, k, map[string]string{"image_url": imageURL})
}
