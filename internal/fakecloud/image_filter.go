package fakecloud

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// narrow finds the candidates by an index, if a filter has one.
func (l *listing) narrow() ([]*Image, bool) {
	if id := l.query["id"]; id != "" {
		if image := l.c.images[id]; image != nil {
			return []*Image{image}, true
		}
		return nil, true
	}
	if tag := l.query["tag"]; tag != "" {
		return l.c.byTag[tagText(tag)], true
	}
	if name := l.query["name"]; name != "" {
		return l.c.byName[name], true
	}
	return nil, false
}

// tagText also takes the old form with a dot.
func tagText(text string) string {
	if strings.Contains(text, "=") {
		return text
	}
	return strings.Replace(text, ".", "=", 1)
}

// matches holds the image against every filter.
func (l *listing) matches(i *Image) bool {
	if !i.visible(l.now) || !l.registered(i) {
		return false
	}
	for _, filter := range l.times {
		if !filter.holds(i, l.now) {
			return false
		}
	}
	for key, want := range l.query {
		if get := attributes[key]; get != nil && get(l, i) != want {
			return false
		}
	}
	return l.tagged(i)
}

// registered is the filter with a default: images that are not registered yet
// are hidden unless asked for.
func (l *listing) registered(i *Image) bool {
	if l.native && l.query["__isregistered"] == "" {
		return true
	}
	want := orElse(l.query["__isregistered"], "true")
	if want != "true" && l.c.switches.HideUnregistered {
		return false
	}
	return strconv.FormatBool(i.registered(l.now)) == want
}

func (l *listing) tagged(i *Image) bool {
	want := l.query["tag"]
	return want == "" || slices.ContainsFunc(i.Tags, func(t Tag) bool { return t.text() == tagText(want) })
}

// attributes are the filters that compare for equality. Unknown ones are
// ignored.
var attributes = map[string]func(l *listing, i *Image) string{
	"id":               func(_ *listing, i *Image) string { return i.ID },
	"name":             func(_ *listing, i *Image) string { return i.Name },
	"status":           func(l *listing, i *Image) string { return i.status(l.now) },
	"__imagetype":      func(_ *listing, i *Image) string { return i.Type },
	"owner":            func(_ *listing, i *Image) string { return i.Owner },
	"visibility":       func(_ *listing, i *Image) string { return i.visibility() },
	"member_status":    func(l *listing, i *Image) string { return i.memberStatus(l.now) },
	"protected":        func(_ *listing, i *Image) string { return strconv.FormatBool(i.Protected) },
	"__whole_image":    func(_ *listing, i *Image) string { return strconv.FormatBool(i.Whole) },
	"virtual_env_type": func(_ *listing, i *Image) string { return i.Env },
	"disk_format":      func(_ *listing, i *Image) string { return i.DiskFormat },
	"container_format": func(*listing, *Image) string { return "bare" },
	"min_disk":         func(_ *listing, i *Image) string { return strconv.Itoa(i.MinDisk) },
	"min_ram":          func(_ *listing, i *Image) string { return strconv.Itoa(i.MinRAM) },
	"__os_type":        func(_ *listing, i *Image) string { return i.OSType },
	"__os_bit":         func(*listing, *Image) string { return "64" },
	"__platform":       func(_ *listing, i *Image) string { return i.Platform },
	"__system__cmkid":  func(_ *listing, i *Image) string { return i.CMK },
	"enterprise_project_id": func(l *listing, i *Image) string {
		if l.query["enterprise_project_id"] == "all_granted_eps" {
			return "all_granted_eps"
		}
		return i.EnterpriseProject
	},
}

// attributeNames is for the admin endpoint's index.
func attributeNames() []string { return slices.Sorted(maps.Keys(attributes)) }
