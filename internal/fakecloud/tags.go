package fakecloud

import (
	"maps"
	"net/http"
	"slices"
)

// The tag calls of the API reference's section 4.5, in the form with the
// project's id.

// ownImage is the image of a tag call, if the caller may see and change it.
func (c *cloud) ownImage(q *request) (*Image, *answer) {
	image := c.images[q.vars["image"]]
	if image == nil || !image.visible(q.now) {
		return nil, refuse("IMG.0027", "The image does not exist.")
	}
	if image.Owner != c.ProjectID && q.http.Method != http.MethodGet {
		return nil, refuse("IMG.0047", "Only the owner of the image can perform this operation.")
	}
	return image, nil
}

// setTags keeps the new tags and tells the truth.
func (c *cloud) setTags(q *request, image *Image, tags []Tag) *answer {
	c.retag(image, tags)
	image.Changed = q.now
	c.saveImage(image)
	c.accept(q, Mutation{ImageID: image.ID})
	return noContent()
}

// addImageTag adds one tag; a key that exists gets the new value.
func (c *cloud) addImageTag(q *request) *answer {
	var body struct {
		Tag *Tag `json:"tag"`
	}
	image, a := c.ownImage(q)
	if a == nil {
		a = decodeBody(q.body, &body)
	}
	if a == nil && body.Tag == nil {
		a = badTag()
	}
	if a != nil {
		return a
	}
	return c.mergeInto(q, image, []Tag{*body.Tag})
}

func (c *cloud) mergeInto(q *request, image *Image, given []Tag) *answer {
	tags, a := mergeTags(image.Tags, given)
	if a != nil {
		return a
	}
	return c.setTags(q, image, tags)
}

// batchImageTags adds or deletes several tags; both may be repeated.
func (c *cloud) batchImageTags(q *request) *answer {
	var body struct {
		Action string `json:"action"`
		Tags   []Tag  `json:"tags"`
	}
	image, a := c.ownImage(q)
	if a == nil {
		a = decodeBody(q.body, &body)
	}
	if a != nil {
		return a
	}
	switch {
	case len(body.Tags) == 0:
		return badTag()
	case body.Action == "create":
		return c.mergeInto(q, image, body.Tags)
	case body.Action == "delete":
		return c.setTags(q, image, withoutKeys(image.Tags, body.Tags))
	default:
		return refuse("IMG.0001", "Invalid action.")
	}
}

func withoutKeys(tags, drop []Tag) []Tag {
	return slices.DeleteFunc(slices.Clone(tags), func(t Tag) bool {
		return slices.ContainsFunc(drop, func(d Tag) bool { return d.Key == t.Key })
	})
}

// deleteImageTag is not idempotent: a key that is not there is a 404.
func (c *cloud) deleteImageTag(q *request) *answer {
	image, a := c.ownImage(q)
	if a != nil {
		return a
	}
	left := withoutKeys(image.Tags, []Tag{{Key: q.vars["key"]}})
	if len(left) == len(image.Tags) {
		return &answer{status: http.StatusNotFound, body: imsError("IMG.0121", "The tag does not exist.")}
	}
	return c.setTags(q, image, left)
}

func (c *cloud) listImageTags(q *request) *answer {
	image, a := c.ownImage(q)
	if a != nil {
		return a
	}
	return ok(map[string][]Tag{"tags": shownTags(image)})
}

type projectTag struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

// listProjectTags gathers the tags of all own images.
func (c *cloud) listProjectTags(q *request) *answer {
	values := map[string][]string{}
	for text, images := range c.byTag {
		own := slices.ContainsFunc(images, func(i *Image) bool { return i.Owner == c.ProjectID && i.visible(q.now) })
		if own {
			tag := parseTag(text)
			values[tag.Key] = append(values[tag.Key], tag.Value)
		}
	}
	tags := []projectTag{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		slices.Sort(values[key])
		tags = append(tags, projectTag{Key: key, Values: values[key]})
	}
	return ok(map[string][]projectTag{"tags": tags})
}
