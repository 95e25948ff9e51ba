package ims

import (
	"context"
	"errors"
	"net/http"
	"strconv"
)

// tagPage is how many images one page of a search has: the documents allow 100
// in one place and 1,000 in another.
const tagPage = 100

// ProjectTag is one key with all the values that images of the project have.
type ProjectTag struct {
	Key    string
	Values []string
}

// ProjectTags returns the tags of all images of the project (API reference
// 4.5).
func (c *Client) ProjectTags(ctx context.Context) ([]ProjectTag, error) {
	k := call{name: "ProjectTags", method: http.MethodGet, service: imageService, path: "/v2/{project_id}/images/tags", limit: maxList}
	var wire struct {
		Tags []struct {
			Key    text   `json:"key"`
			Values []text `json:"values"`
		} `json:"tags"`
	}
	if err := c.get(ctx, k, &wire); err != nil {
		return nil, err
	}
	tags := make([]ProjectTag, 0, len(wire.Tags))
	for _, t := range wire.Tags {
		tag := ProjectTag{Key: string(t.Key)}
		for _, value := range t.Values {
			tag.Values = append(tag.Values, string(value))
		}
		tags = append(tags, tag)
	}
	return tags, nil
}

// TaggedImage is an image as the search by tags shows it.
type TaggedImage struct {
	ID, Name, Status string
	Tags             []Tag
}

// wireTagged is a page of the search by tags.
type wireTagged struct {
	Total     text `json:"total_count"`
	Resources []struct {
		ID     text `json:"resource_id"`
		Name   text `json:"resource_name"`
		Detail struct {
			Status text `json:"status"`
		} `json:"resource_detail"`
		Tags []struct {
			Key   text `json:"key"`
			Value text `json:"value"`
		} `json:"tags"`
	} `json:"resources"`
}

// ImagesByTags returns the project's images that have all of the tags, page by
// page; a tag without values matches every value of its key. At most 10 tags
// with 10 values each (API reference 4.5).
func (c *Client) ImagesByTags(ctx context.Context, tags ...ProjectTag) ([]TaggedImage, error) {
	var images []TaggedImage
	for {
		page, err := c.tagged(ctx, tags, len(images))
		if err != nil {
			return nil, err
		}
		images = append(images, page.images(c.veil)...)
		if len(page.Resources) == 0 || int64(len(images)) >= page.Total.int64() {
			return images, nil
		}
	}
}

// tagged reads one page. The call is a POST that only reads, so that it has the
// time limit of those that do.
func (c *Client) tagged(ctx context.Context, tags []ProjectTag, offset int) (wireTagged, error) {
	type wanted struct {
		Key    string   `json:"key"`
		Values []string `json:"values"`
	}
	body := struct {
		Action string   `json:"action"`
		Limit  string   `json:"limit"` // texts, both of them
		Offset string   `json:"offset"`
		Tags   []wanted `json:"tags"`
	}{Action: "filter", Limit: strconv.Itoa(tagPage), Offset: strconv.Itoa(offset), Tags: []wanted{}}
	for _, t := range tags {
		body.Tags = append(body.Tags, wanted{Key: t.Key, Values: append([]string{}, t.Values...)})
	}
	k := call{name: "ImagesByTags", method: http.MethodPost, service: imageService, path: "/v2/{project_id}/images/resource_instances/action", limit: maxList, quick: true}
	var page wireTagged
	if err := c.send(ctx, k, body, &page); err != nil {
		return wireTagged{}, err
	}
	if page.Total == "" {
		return wireTagged{}, c.unreadable(k, errors.New("the answer does not say how many images there are"))
	}
	return page, nil
}

func (w wireTagged) images(v *veil) []TaggedImage {
	images := make([]TaggedImage, 0, len(w.Resources))
	for _, r := range w.Resources {
		image := TaggedImage{ID: r.ID.id(), Name: shownName(r.Name, v), Status: r.Detail.Status.word()}
		for _, t := range r.Tags {
			image.Tags = append(image.Tags, Tag{Key: string(t.Key), Value: string(t.Value)})
		}
		images = append(images, image)
	}
	return images
}
