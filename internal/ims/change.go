package ims

import (
	"context"
	"net/http"
)

// The operations of an ImagePatch.
const (
	PatchAdd     = "add"
	PatchReplace = "replace"
)

// ImagePatch is one change of one attribute; API reference 4.7. Values of all
// attributes are texts.
type ImagePatch struct {
	Op    string `json:"op"`   // PatchAdd or PatchReplace
	Path  string `json:"path"` // such as "/name" or "/__description"
	Value string `json:"value"`
}

// UpdateImage changes attributes of an active image. The cloud refuses to
// replace an attribute that the image does not have with IMG.0035. The client
// does not repeat the call by itself.
func (c *Client) UpdateImage(ctx context.Context, imageID string, patches ...ImagePatch) error {
	k := call{name: "UpdateImage", method: http.MethodPatch, service: imageService, path: "/v2/cloudimages/", id: imageID, quick: true}
	return c.send(ctx, k, patches, nil)
}

// DeleteImage deletes an image, and with withBackup the backup of a whole
// image too. The cloud may show the image for a while yet, and is known to
// confirm also what it did not do: look whether the image is gone (API
// reference 4.8). The client does not repeat the call by itself.
func (c *Client) DeleteImage(ctx context.Context, imageID string, withBackup bool) error {
	k := call{name: "DeleteImage", method: http.MethodDelete, service: imageService, path: "/v2/images/", id: imageID, quick: true}
	var body any
	if withBackup {
		body = map[string]bool{"delete_backup": true}
	}
	return c.send(ctx, k, body, nil)
}

// ImageAttributes returns what an image has, by the names that the API gives
// the attributes, as texts whatever their types are; lists and objects are left
// out. An attribute that is not set is not there. An image that does not exist
// is an error for which errors.Is(err, ErrNotFound) holds.
func (c *Client) ImageAttributes(ctx context.Context, imageID string) (map[string]string, error) {
	k := call{name: "ImageAttributes", method: http.MethodGet, service: imageService, path: "/v2/images/", id: imageID}
	var wire map[string]text
	if err := c.get(ctx, k, &wire); err != nil {
		return nil, err
	}
	if got := wire["id"]; got.id() != imageID {
		return nil, c.unreadable(k, errOtherImage)
	}
	attributes := make(map[string]string, len(wire))
	for name, value := range wire {
		attributes[name] = string(value)
	}
	return attributes, nil
}
