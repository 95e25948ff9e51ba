package fakecloud

import (
	"net/url"
	"strconv"
)

// nativePage is how many images a page of the native list has if nobody says.
const nativePage = 25

// nativeList is what GET /v2/images answers.
type nativeList struct {
	Images []imageView `json:"images"`
	First  string      `json:"first"`
	Next   string      `json:"next,omitempty"`
	Schema string      `json:"schema"`
}

// listNative is GET /v2/images (API reference 4.1). It shows images that are
// not registered yet as well, unless asked for one kind.
func (c *cloud) listNative(q *request) *answer {
	l, a := c.newListing(q)
	if a != nil {
		return a
	}
	l.native = true
	if l.query["limit"] == "" {
		l.limit = nativePage
	}
	list := nativeList{Images: []imageView{}, First: "/v2/images", Schema: "/v2/schemas/images"}
	page := l.page()
	for _, image := range page {
		list.Images = append(list.Images, c.view(image, q.now))
	}
	if len(page) > 0 && len(page) == l.limit {
		next := url.Values{"marker": {page[len(page)-1].ID}, "limit": {strconv.Itoa(l.limit)}}
		list.Next = "/v2/images?" + next.Encode()
	}
	return ok(list)
}
