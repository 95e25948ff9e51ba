package fakecloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var errNotObject = errors.New("not one JSON object")

const (
	maxName        = 128
	maxDescription = 1024
	maxTags        = 10
	maxTagKey      = 36
	maxTagValue    = 43
)

// decodeBody reads one JSON object. Unknown fields, null and what the vendor's
// SDK sends empty are tolerated; wrong types are not.
func decodeBody(body []byte, into any) *answer {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return refuse("IMG.0007", "The request body cannot be left blank.")
	}
	if err := decodeObject(body, into); err != nil {
		return refuse("IMG.0001", "Failed to parse the request body: "+err.Error())
	}
	return nil
}

func decodeObject(body []byte, into any) error {
	if body[0] != '{' {
		return errNotObject
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errNotObject
	}
	return nil
}

// checkName is the rule of the API reference's section 4.4.
func (c *cloud) checkName(name string) *answer {
	switch {
	case name == "":
		return refuse("IMG.0013", "The image name cannot be left blank.")
	case utf8.RuneCountInString(name) > maxName:
		return refuse("IMG.0002", "The image name is too long.")
	case strings.HasPrefix(name, " "), strings.HasSuffix(name, " "), strings.ContainsFunc(name, c.notInName):
		return refuse("IMG.0003", "The image name contains invalid characters.")
	}
	return nil
}

func (c *cloud) notInName(r rune) bool {
	if unicode.Is(unicode.Han, r) && c.Profile == ProfileHuawei {
		return false
	}
	return !isWord(r) && r != '.' && r != ' '
}

// isWord tells letters, digits, - and _, in ASCII.
func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

func checkDescription(text string) *answer {
	switch {
	case utf8.RuneCountInString(text) > maxDescription:
		return refuse("IMG.0004", "The image description is too long.")
	case strings.ContainsAny(text, "\r<>"):
		return refuse("IMG.0054", "The image description contains invalid characters.")
	}
	return nil
}

// tagFields are the two ways to give tags in a body. Only one may be used.
type tagFields struct {
	Tags      []string `json:"tags"`
	ImageTags []Tag    `json:"image_tags"`
}

// tags returns what was given, or the refusal.
func (f tagFields) tags() ([]Tag, *answer) {
	if f.Tags != nil && f.ImageTags != nil {
		return nil, refuse("IMG.0115", "The tags and image_tags parameters cannot be used together.")
	}
	given := f.ImageTags
	for _, text := range f.Tags {
		key, value, found := strings.Cut(text, ".")
		if !found {
			return nil, badTag()
		}
		given = append(given, Tag{Key: key, Value: value})
	}
	if len(given) > maxTags {
		return nil, tooManyTags()
	}
	return mergeTags(nil, given)
}

// mergeTags puts tags onto others: a key that exists gets the new value.
func mergeTags(old, given []Tag) ([]Tag, *answer) {
	merged := slices.Clone(old)
	for _, tag := range given {
		tag.Key = strings.TrimSpace(tag.Key)
		if !tag.valid() {
			return nil, badTag()
		}
		merged = upsert(merged, tag)
	}
	if len(merged) > maxTags {
		return nil, tooManyTags()
	}
	return merged, nil
}

func upsert(tags []Tag, tag Tag) []Tag {
	at := slices.IndexFunc(tags, func(t Tag) bool { return t.Key == tag.Key })
	if at < 0 {
		return append(tags, tag)
	}
	tags[at] = tag
	return tags
}

func (t Tag) valid() bool {
	badValue := func(r rune) bool { return !isWord(r) && r != '.' }
	notWord := func(r rune) bool { return !isWord(r) }
	return t.Key != "" && len(t.Key) <= maxTagKey && len(t.Value) <= maxTagValue &&
		!strings.ContainsFunc(t.Key, notWord) && !strings.ContainsFunc(t.Value, badValue)
}

// text is the form of a tag in answers and in the tag filter.
func (t Tag) text() string { return t.Key + "=" + t.Value }

func badTag() *answer { return refuse("IMG.0115", "Invalid image tag.") }

func tooManyTags() *answer { return refuse("IMG.0116", "The number of tags exceeds the limit.") }

// checkRoom refuses new images that would go over the quota, over the number of
// running jobs or, where names are unique, over a name.
func (c *cloud) checkRoom(q *request, names ...string) *answer {
	quota := c.quota()
	taken := func(name string) bool { return len(c.byName[name]) > 0 }
	switch {
	case c.switches.UniqueNames && slices.ContainsFunc(names, taken):
		return refuse("IMG.0009", "An image with this name already exists.")
	case c.switches.MaxJobs > 0 && c.running(q.now) >= c.switches.MaxJobs:
		return refuse("IMG.0060", "Too many tasks. Try again later.")
	case quota >= 0 && c.used+len(names) > quota:
		return refuse("IMG.0015", "The private image quota is insufficient.")
	}
	return nil
}

// firstRefusal returns the first refusal among checks in their order.
func firstRefusal(checks ...func() *answer) *answer {
	for _, check := range checks {
		if a := check(); a != nil {
			return a
		}
	}
	return nil
}
