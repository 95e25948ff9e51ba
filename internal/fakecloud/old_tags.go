package fakecloud

import (
	"net/http"
	"slices"
	"strings"
)

// The old calls for tags (API reference 4.5), in which a tag is written with a
// dot.

// setOldTag is PUT /v1/cloudimages/tags.
func (c *cloud) setOldTag(q *request) *answer {
	var body struct {
		ImageID  string `json:"image_id"`
		Tag      string `json:"tag"`
		ImageTag *Tag   `json:"image_tag"`
	}
	if a := decodeBody(q.body, &body); a != nil {
		return a
	}
	q.vars = map[string]string{"image": body.ImageID}
	image, a := c.ownImage(q)
	if a != nil {
		return a
	}
	key, value, dotted := strings.Cut(body.Tag, ".")
	switch {
	case body.ImageTag != nil && body.Tag == "":
		return c.mergeInto(q, image, []Tag{*body.ImageTag})
	case body.ImageTag != nil || !dotted:
		return badTag()
	default:
		return c.mergeInto(q, image, []Tag{{Key: key, Value: value}})
	}
}

// listOldTags is GET /v1/cloudimages/tags, with the filters of the list of
// images.
func (c *cloud) listOldTags(q *request) *answer {
	l, a := c.newListing(q)
	if a != nil {
		return a
	}
	tags := []string{}
	for _, image := range l.page() {
		for _, t := range image.Tags {
			tags = append(tags, t.Key+"."+t.Value)
		}
	}
	slices.Sort(tags)
	return ok(map[string][]string{"tags": slices.Compact(tags)})
}

// maxNativeTag is how long a native tag may be.
const maxNativeTag = 255

// setNativeTag is PUT /v2/images/{image_id}/tags/{tag}: a free string, read as
// key=value.
func (c *cloud) setNativeTag(q *request) *answer {
	image, a := c.ownImage(q)
	switch {
	case a != nil:
		return a
	case len(q.vars["tag"]) > maxNativeTag:
		return badTag()
	}
	return c.mergeInto(q, image, []Tag{parseTag(q.vars["tag"])})
}

// deleteNativeTag is DELETE /v2/images/{image_id}/tags/{tag}.
func (c *cloud) deleteNativeTag(q *request) *answer {
	image, a := c.ownImage(q)
	if a != nil {
		return a
	}
	tag := parseTag(q.vars["tag"])
	if !slices.Contains(image.Tags, tag) {
		return &answer{status: http.StatusNotFound, body: imsError("IMG.0121", "The tag does not exist.")}
	}
	return c.setTags(q, image, withoutKeys(image.Tags, []Tag{tag}))
}
