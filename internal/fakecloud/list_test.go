package fakecloud

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

var listStart = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

// newListed has only the images a to j, one a minute, c and d in one second.
func newListed(t *testing.T) *demo {
	return newDemo(t, func(o *Options) {
		o.Clouds[0].World = World{}
		for n, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
			at := listStart.Add(time.Duration(n) * time.Minute)
			if name == "d" {
				at = at.Add(-time.Minute)
			}
			o.Clouds[0].World.Images = append(o.Clouds[0].World.Images, Image{ID: name, Name: "image-" + string("xy"[n%2]), Created: at,
				Appears: at, Saving: at, Active: at, Tags: []Tag{{Key: "n", Value: fmt.Sprint(n % 3)}}})
		}
		o.Clouds[0].World.Images[9].Type = "gold"
		o.Clouds[0].World.Images[8].Env = "DataImage"
	})
}

// ids lists the ids of a query's answer in their order.
func (d *demo) ids(query string) string {
	d.t.Helper()
	answered := d.get("/v2/cloudimages?" + query).ok()
	var ids []string
	for n := range answered.length("images") {
		ids = append(ids, answered.text("images", n, "id"))
	}
	return strings.Join(ids, "")
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	d := newListed(t)
	for query, want := range map[string]string{
		"":                                    "jihgfedcba",
		"sort_dir=asc":                        "abcdefghij",
		"id=c":                                "c",
		"name=image-y":                        "jhfdb",
		"name=image-y&sort_dir=asc":           "bdfhj",
		"tag=n%3D1":                           "heb",
		"tag=n.1":                             "heb",
		"tag=n%3D9":                           "",
		"tag=n%3D1&name=image-y":              "hb",
		"status=active&limit=2":               "ji",
		"status=saving":                       "",
		"__imagetype=gold":                    "j",
		"__imagetype=private&limit=1":         "i",
		"visibility=public":                   "j",
		"owner=" + DemoProjectID + "&id=a":    "a",
		"owner=other":                         "",
		"virtual_env_type=DataImage":          "i",
		"__isregistered=false":                "",
		"enterprise_project_id=0&limit=1":     "j",
		"created_at=gte:2025-06-01T12:07:00Z": "jih",
		"created_at=gt:2025-06-01T12:07:00Z":  "ji",
		"created_at=lt:2025-06-01T12:02:00Z":  "ba",
		"created_at=lte:2025-06-01T12:02:00Z": "dcba",
		"created_at=eq:2025-06-01T12:02:00Z":  "dc",
		"created_at=neq:2025-06-01T12:02:00Z&name=image-x": "igea",
		"updated_at=gte:2025-06-01T12:08:00Z":              "ji",
		"created_at=gte:2025-06-01T12:07:00Z&tag=n%3D0":    "j",
		"limit=0":                             "",
		"sort_key=id&sort_dir=asc&limit=3":    "abc",
		"sort_key=name&sort_dir=asc&limit=6":  "acegib",
		"marker=c&sort_dir=asc&limit=2":       "de",
		"marker=d":                            "cba",
		"marker=e&sort_key=name&sort_dir=asc": "gibdfhj",
		"name=image-x&marker=e":               "ca",
		"created_at=gte:2025-06-01T12:07:00Z&created_at=ignored&limit=500": "jih",
		"unknown=1&id=a": "a",
	} {
		if got := d.ids(query); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
}

// TestListPages walks pages of every size in both directions.
func TestListPages(t *testing.T) {
	t.Parallel()
	d := newListed(t)
	for _, base := range []string{"sort_dir=asc", "sort_dir=desc", "sort_key=name&sort_dir=asc", "sort_key=size&sort_dir=desc"} {
		all := d.ids(base)
		for limit := 1; limit <= len(all); limit++ {
			var got string
			for len(got) < len(all) {
				page := d.ids(fmt.Sprintf("%s&limit=%d&marker=%s", base, limit, url.QueryEscape(lastOf(got))))
				if page == "" {
					break
				}
				got += page
			}
			if got != all {
				t.Errorf("%s by %d: got %q, want %q", base, limit, got, all)
			}
		}
	}
}

func lastOf(ids string) string {
	if ids == "" {
		return ""
	}
	return ids[len(ids)-1:]
}

// TestImageTypes: the traps of the answer's types (API reference 4.3 and 7).
func TestImageTypes(t *testing.T) {
	t.Parallel()
	otc, other := newDemo(t), newDemo(t, huawei)
	whole := otc.get("/v2/images/" + DemoWholeImage).ok()
	for key, want := range map[string]any{"max_ram": "0", "__lazyloading": "true", "__whole_image": "true", "__isregistered": "true",
		"protected": false, "virtual_size": nil, "__root_origin": "", "__image_size": "85899345920"} {
		if got, found := whole.json[key]; !found || got != want {
			t.Errorf("%s: got %#v, want %#v", key, got, want)
		}
	}
	plain := otc.get("/v2/images/" + DemoImage).ok()
	if got := plain.at("size"); got != float64(fiveGiB) {
		t.Errorf("size %v", got)
	}
	for _, key := range []string{"__backup_id", "__whole_image", "__lazyloading", "max_ram", "checksum", "active_at", "__system__cmkid"} {
		if got, found := plain.json[key]; found {
			t.Errorf("%s is there: %v", key, got)
		}
	}
	if got := other.get("/v2/images/" + DemoWholeImage).at("__whole_image"); got != true {
		t.Errorf("__whole_image %v", got)
	}
	if got := plain.at("tags"); !slices.Equal(got.([]any), []any{"team=web"}) {
		t.Errorf("tags %v", got)
	}
}
