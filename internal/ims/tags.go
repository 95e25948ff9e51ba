package ims

import (
	"context"
	"net/http"
)

// ImageTags returns the tags of an image (API reference 4.5).
func (c *Client) ImageTags(ctx context.Context, imageID string) ([]Tag, error) {
	k := tagCall("ImageTags", http.MethodGet, imageID, "/tags")
	var wire struct {
		Tags []struct {
			Key   text `json:"key"`
			Value text `json:"value"`
		} `json:"tags"`
	}
	if err := c.get(ctx, k, &wire); err != nil {
		return nil, err
	}
	tags := make([]Tag, 0, len(wire.Tags))
	for _, t := range wire.Tags {
		tags = append(tags, Tag{Key: string(t.Key), Value: string(t.Value)})
	}
	return tags, nil
}

// AddImageTag puts one tag on an image; a key that is there gets the new value.
// The client does not repeat the call by itself.
func (c *Client) AddImageTag(ctx context.Context, imageID string, tag Tag) error {
	body := map[string]Tag{"tag": tag}
	return c.send(ctx, tagCall("AddImageTag", http.MethodPost, imageID, "/tags"), body, nil)
}

// AddImageTags puts tags on an image; a key that is there gets the new value,
// so a repetition is harmless. The client does not repeat it by itself.
func (c *Client) AddImageTags(ctx context.Context, imageID string, tags ...Tag) error {
	return c.batchTags(ctx, "AddImageTags", imageID, "create", tags)
}

// DeleteImageTags takes tags off an image, whatever their values are; keys that
// are not there do no harm. The client does not repeat the call by itself.
func (c *Client) DeleteImageTags(ctx context.Context, imageID string, keys ...string) error {
	tags := make([]Tag, 0, len(keys))
	for _, key := range keys {
		tags = append(tags, Tag{Key: key})
	}
	return c.batchTags(ctx, "DeleteImageTags", imageID, "delete", tags)
}

func (c *Client) batchTags(ctx context.Context, name, imageID, action string, tags []Tag) error {
	body := struct {
		Action string `json:"action"`
		Tags   []Tag  `json:"tags"`
	}{Action: action, Tags: tags}
	return c.send(ctx, tagCall(name, http.MethodPost, imageID, "/tags/action"), body, nil)
}

// DeleteImageTag takes a tag off an image. A key that is not there is an error
// for which errors.Is(err, ErrNotFound) holds.
func (c *Client) DeleteImageTag(ctx context.Context, imageID, key string) error {
	k := tagCall("DeleteImageTag", http.MethodDelete, imageID, "/tags/"+key)
	if err := checkSegment(key); err != nil {
		return c.refuse(k, err)
	}
	return c.send(ctx, k, nil, nil)
}

// tagCall does at once what it does, and may be repeated.
func tagCall(name, method, imageID, tail string) call {
	return call{name: name, method: method, service: imageService, path: "/v2/{project_id}/images/", id: imageID, tail: tail, quick: true}
}
