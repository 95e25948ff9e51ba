package fakecloud

import (
	"slices"
	"strconv"
	"strings"
)

const maxSearchPage = 1000

// tagSearch is the body of POST .../images/resource_instances/action (API
// reference 4.5). Limit and offset are texts.
type tagSearch struct {
	Action     string       `json:"action"`
	Limit      string       `json:"limit"`
	Offset     string       `json:"offset"`
	Tags       []projectTag `json:"tags"`
	TagsAny    []projectTag `json:"tags_any"`
	NotTags    []projectTag `json:"not_tags"`
	NotTagsAny []projectTag `json:"not_tags_any"`
	WithoutAny bool         `json:"without_any_tag"`
	Matches    []Tag        `json:"matches"`
}

type taggedResource struct {
	ID     string            `json:"resource_id"`
	Name   string            `json:"resource_name"`
	Detail map[string]string `json:"resource_detail"`
	Tags   []Tag             `json:"tags"`
}

// findImagesByTags answers with a page of images, or with their number.
func (c *cloud) findImagesByTags(q *request) *answer {
	var body tagSearch
	if a := decodeBody(q.body, &body); a != nil {
		return a
	}
	limit, offset, a := body.page()
	if a != nil {
		return a
	}
	found := c.searchTags(q, body)
	if body.Action == "count" {
		return ok(map[string]int{"total_count": len(found)})
	}
	from := min(offset, len(found))
	resources := []taggedResource{}
	for _, image := range found[from:min(from+limit, len(found))] {
		resources = append(resources, taggedResource{ID: image.ID, Name: image.Name,
			Detail: map[string]string{"status": image.status(q.now)}, Tags: shownTags(image)})
	}
	return ok(map[string]any{"total_count": len(found), "resources": resources})
}

func (s tagSearch) page() (limit, offset int, a *answer) {
	limit, errLimit := strconv.Atoi(orElse(s.Limit, "10"))
	offset, errOffset := strconv.Atoi(orElse(s.Offset, "0"))
	switch {
	case s.Action != "filter" && s.Action != "count":
		return 0, 0, refuse("IMG.0001", "Invalid action.")
	case errLimit != nil || errOffset != nil || limit < 1 || limit > maxSearchPage || offset < 0:
		return 0, 0, refuse("IMG.0001", "Invalid limit or offset.")
	case slices.ContainsFunc([][]projectTag{s.Tags, s.TagsAny, s.NotTags, s.NotTagsAny}, tooWide):
		return 0, 0, badTag()
	}
	return limit, offset, nil
}

func tooWide(tags []projectTag) bool {
	return len(tags) > maxTags || slices.ContainsFunc(tags, func(t projectTag) bool { return len(t.Values) > maxTags })
}

// searchTags finds the own images, oldest first.
func (c *cloud) searchTags(q *request, s tagSearch) []*Image {
	var found []*Image
	for _, image := range c.searchAmong(s) {
		if image.Owner == c.ProjectID && image.visible(q.now) && s.holds(image) {
			found = append(found, image)
		}
	}
	return found
}

// searchAmong narrows by the first tag with exactly one value.
func (c *cloud) searchAmong(s tagSearch) []*Image {
	for _, tag := range s.Tags {
		if len(tag.Values) == 1 {
			picked := slices.Clone(c.byTag[Tag{Key: tag.Key, Value: tag.Values[0]}.text()])
			slices.SortFunc(picked, compareImages)
			return picked
		}
	}
	return c.byTime
}

func (s tagSearch) holds(i *Image) bool {
	has := func(t projectTag) bool { return i.hasTag(t) }
	all := func(tags []projectTag) bool {
		return !slices.ContainsFunc(tags, func(t projectTag) bool { return !i.hasTag(t) })
	}
	switch {
	case s.WithoutAny && len(i.Tags) > 0, !all(s.Tags):
		return false
	case len(s.TagsAny) > 0 && !slices.ContainsFunc(s.TagsAny, has):
		return false
	case len(s.NotTags) > 0 && all(s.NotTags), slices.ContainsFunc(s.NotTagsAny, has):
		return false
	}
	return !slices.ContainsFunc(s.Matches, func(m Tag) bool { return !i.matchesField(m) })
}

// hasTag takes an empty list of values for any value.
func (i *Image) hasTag(want projectTag) bool {
	return slices.ContainsFunc(i.Tags, func(t Tag) bool {
		return t.Key == want.Key && (len(want.Values) == 0 || slices.Contains(want.Values, t.Value))
	})
}

func (i *Image) matchesField(m Tag) bool {
	switch m.Key {
	case "resource_name":
		return strings.Contains(i.Name, m.Value)
	case "resource_id":
		return i.ID == m.Value
	default:
		return false
	}
}

// shownTags is a list for JSON also where there are none.
func shownTags(i *Image) []Tag {
	return append(make([]Tag, 0, len(i.Tags)), i.Tags...)
}

func parseTag(text string) Tag {
	key, value, _ := strings.Cut(text, "=")
	return Tag{Key: key, Value: value}
}
