package fakecloud

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

const (
	defaultPage = 500
	// manyTagged is where reading all images in order of time beats sorting
	// the ones that a tag or name picks out.
	manyTagged = 2000
)

// listing is a GET /v2/cloudimages taken apart.
type listing struct {
	c       *cloud
	now     time.Time
	query   map[string]string
	times   []timeFilter
	limit   int
	sortKey string
	desc    bool
	marker  *Image
	native  bool // images that are not registered are shown too
}

// listImages is GET /v2/cloudimages (API reference 4.1).
func (c *cloud) listImages(q *request) *answer {
	l, a := c.newListing(q)
	if a != nil {
		return a
	}
	views := make([]imageView, 0, min(l.limit, defaultPage))
	for _, image := range l.page() {
		views = append(views, c.view(image, q.now))
	}
	return ok(map[string][]imageView{"images": views})
}

func (c *cloud) newListing(q *request) (*listing, *answer) {
	l := &listing{c: c, now: q.now, query: map[string]string{}, limit: defaultPage, sortKey: "created_at"}
	for key, values := range q.query {
		if len(values) > 0 && values[0] != "" {
			l.query[key] = values[0]
		}
	}
	return l, firstRefusal(l.readPage, l.readSort, l.readTimes)
}

func (l *listing) readPage() *answer {
	if text := l.query["limit"]; text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 0 {
			return refuse("IMG.0001", "Invalid limit.")
		}
		l.limit = limit
	}
	id := l.query["marker"]
	if id == "" {
		return nil
	}
	if l.marker = l.c.images[id]; l.marker == nil || !l.marker.visible(l.now) {
		return refuse("IMG.0027", "The marker image does not exist.")
	}
	return nil
}

func (l *listing) readSort() *answer {
	l.sortKey = orElse(l.query["sort_key"], "created_at")
	if sortKeys[l.sortKey] == nil {
		return refuse("IMG.0001", "Invalid sort_key.")
	}
	dir := orElse(l.query["sort_dir"], "desc")
	if dir != "desc" && dir != "asc" {
		return refuse("IMG.0001", "Invalid sort_dir.")
	}
	l.desc = dir == "desc"
	return nil
}

func (l *listing) readTimes() *answer {
	for _, field := range []string{"created_at", "updated_at"} {
		text := l.query[field]
		if text == "" {
			continue
		}
		filter, err := parseTimeFilter(field, text)
		if err != nil {
			return refuse("IMG.0001", "Invalid "+field+".")
		}
		l.times = append(l.times, filter)
	}
	return nil
}

// page walks the candidates in order and stops when it is full.
func (l *listing) page() []*Image {
	var found []*Image
	take := func(i *Image) bool {
		if l.limit > len(found) && l.after(i) && l.matches(i) {
			found = append(found, i)
		}
		return len(found) < l.limit
	}
	l.walk(take)
	return found
}

// walk hands over the candidates in the asked order until take says no.
func (l *listing) walk(take func(*Image) bool) {
	picked, narrow := l.narrow()
	if l.sortKey == "created_at" && (!narrow || len(picked) > manyTagged) {
		l.walkTime(take)
		return
	}
	if !narrow {
		picked = l.c.byTime
	}
	picked = slices.Clone(picked)
	slices.SortFunc(picked, l.compare)
	for _, image := range picked {
		if !take(image) {
			return
		}
	}
}

// walkTime reads the images by creation and skips what the time filters and
// the marker exclude without looking at it.
func (l *listing) walkTime(take func(*Image) bool) {
	all := l.c.byTime
	low, high := 0, len(all)
	for _, filter := range l.times {
		from, to := filter.bounds(all)
		low, high = max(low, from), min(high, to)
	}
	if l.marker != nil {
		at, _ := slices.BinarySearchFunc(all, l.marker, compareImages)
		if l.desc {
			high = min(high, at)
		} else {
			low = max(low, at+1)
		}
	}
	l.walkRange(all[low:max(low, high)], take)
}

func (l *listing) walkRange(part []*Image, take func(*Image) bool) {
	for n := range part {
		image := part[n]
		if l.desc {
			image = part[len(part)-1-n]
		}
		if !take(image) {
			return
		}
	}
}

// after tells whether the image comes after the marker.
func (l *listing) after(i *Image) bool {
	return l.marker == nil || l.compare(i, l.marker) > 0
}

func (l *listing) compare(a, b *Image) int {
	order := cmp.Or(sortKeys[l.sortKey](l, a, b), cmp.Compare(a.ID, b.ID))
	if l.desc {
		return -order
	}
	return order
}

var sortKeys = map[string]func(l *listing, a, b *Image) int{
	"created_at":       func(_ *listing, a, b *Image) int { return a.Created.Compare(b.Created) },
	"updated_at":       func(l *listing, a, b *Image) int { return a.updated(l.now).Compare(b.updated(l.now)) },
	"name":             func(_ *listing, a, b *Image) int { return cmp.Compare(a.Name, b.Name) },
	"container_format": func(*listing, *Image, *Image) int { return 0 },
	"disk_format":      func(_ *listing, a, b *Image) int { return cmp.Compare(a.DiskFormat, b.DiskFormat) },
	"status":           func(l *listing, a, b *Image) int { return cmp.Compare(a.status(l.now), b.status(l.now)) },
	"id":               func(*listing, *Image, *Image) int { return 0 },
	"size":             func(_ *listing, a, b *Image) int { return cmp.Compare(a.Size, b.Size) },
}
