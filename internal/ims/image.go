package ims

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The states of an image (API reference 4.3).
const (
	ImageQueued  = "queued"
	ImageSaving  = "saving"
	ImageActive  = "active"
	ImageKilled  = "killed"
	ImageDeleted = "deleted"
)

// maxPage is the largest page of a list that the API documents.
const maxPage = 500

// Image is what the worker needs to know of an image.
type Image struct {
	ID, Name, Status, Owner string
	CreatedAt, UpdatedAt    time.Time
	Tags                    []Tag  // as the API lists them, "key=value" taken apart
	Description             string // __description, given at creation
	Type                    string // __imagetype: gold, private, shared, market
	Visibility              string
	VirtualEnv              string // virtual_env_type: FusionCompute, DataImage, Ironic, IsoImage
	Whole                   bool   // __whole_image
	Registered              bool   // __isregistered
	Protected               bool
	Encrypted               bool   // has a key, __system__cmkid
	CMKID                   string // __system__cmkid
	BackupID                string // __backup_id
	DataOrigin              string // __data_origin, such as "instance,<id>"
	OriginalImage           string // __originalimagename, the id of the parent
	OSType                  string // __os_type
	Platform                string // __platform, such as Ubuntu
	MinDisk                 int64  // GB
	Size                    int64  // bytes, usually 0
	DataSize                int64  // __image_size: bytes of the data, 0 where the cloud tells none
	EnterpriseProjectID     string
}

// Tag returns the value of a tag and whether the image has it.
func (i Image) Tag(key string) (string, bool) {
	for _, t := range i.Tags {
		if t.Key == key {
			return t.Value, true
		}
	}
	return "", false
}

// ImageFilter chooses images; empty fields choose nothing away.
type ImageFilter struct {
	Name         string
	Tag          string // "key=value", one tag
	Status       string
	Type         string    // __imagetype: gold, private, shared
	CreatedSince time.Time // inclusive, the cloud's clock, whole seconds
	UpdatedSince time.Time // the same, of the latest change
	Limit        int       // page size, at most 500 which is also the default
	// Native asks the native list, which also shows images that are not yet
	// registered; the extended one hides them (API reference 4.1).
	Native bool

	ordered bool   // oldest first
	marker  string // id of the last image of the page before
}

// After returns a filter that goes on with the images behind the one with that
// id; with the first one where it is empty.
func (f ImageFilter) After(id string) ImageFilter {
	f.marker = id
	return f
}

func (f ImageFilter) query() url.Values {
	q := url.Values{}
	set := func(key, value string) {
		if value != "" {
			q.Set(key, value)
		}
	}
	set("name", f.Name)
	set("tag", f.Tag)
	set("marker", f.marker)
	set("status", f.Status)
	set("__imagetype", f.Type)
	set("created_at", since(f.CreatedSince))
	set("updated_at", since(f.UpdatedSince))
	if f.ordered {
		q.Set("sort_key", "created_at")
		q.Set("sort_dir", "asc")
	}
	q.Set("limit", strconv.Itoa(f.limit()))
	return q
}

func (f ImageFilter) limit() int {
	if f.Limit <= 0 || f.Limit > maxPage {
		return maxPage
	}
	return f.Limit
}

func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return "gte:" + t.UTC().Format("2006-01-02T15:04:05Z")
}

// Images returns one page of the images that f chooses. A page shorter than
// the limit is the last one. That an image is absent proves nothing while its
// job may still run (API reference 4.10).
func (c *Client) Images(ctx context.Context, f ImageFilter) ([]Image, error) {
	k := call{name: "Images", path: "/v2/cloudimages", query: f.query()}
	if f.Native {
		k.path = "/v2/images"
	}
	return c.images(ctx, k)
}

// ImagePages goes through all pages of the images that f chooses, one call
// each, oldest image first. It ends with the first error.
func (c *Client) ImagePages(ctx context.Context, f ImageFilter) iter.Seq2[[]Image, error] {
	f.ordered = true
	return func(yield func([]Image, error) bool) {
		for {
			page, err := c.Images(ctx, f)
			if !yield(page, err) || err != nil || len(page) < f.limit() {
				return
			}
			last := page[len(page)-1].ID
			if last == f.marker {
				return
			}
			f.marker = last
		}
	}
}

// Image returns one image, also one that is not registered yet. It asks the
// list by id, which both clouds recommend, and the native call only where that
// shows nothing. An image that does not exist is an error for which
// errors.Is(err, ErrNotFound) holds.
func (c *Client) Image(ctx context.Context, id string) (Image, error) {
	k := call{name: "Image", path: "/v2/cloudimages", query: url.Values{"id": {id}}}
	if err := checkSegment(id); err != nil {
		return Image{}, c.refuse(k, err)
	}
	images, err := c.images(ctx, k)
	if err != nil {
		return Image{}, err
	}
	for _, image := range images {
		if image.ID == id {
			return image, nil
		}
	}
	return c.NativeImage(ctx, id)
}

// NativeImage asks GET /v2/images/{image_id}, which Huawei Cloud calls
// deprecated.
func (c *Client) NativeImage(ctx context.Context, id string) (Image, error) {
	k := call{name: "NativeImage", method: http.MethodGet, service: imageService, path: "/v2/images/", id: id}
	var wire wireImage
	if err := c.get(ctx, k, &wire); err != nil {
		return Image{}, err
	}
	image := wire.image(c.veil)
	if image.ID != id {
		return Image{}, c.unreadable(k, errOtherImage)
	}
	return image, nil
}

func (c *Client) images(ctx context.Context, k call) ([]Image, error) {
	k.method, k.service, k.limit = http.MethodGet, imageService, maxList
	var wire struct {
		Images *[]wireImage `json:"images"`
	}
	if err := c.get(ctx, k, &wire); err != nil {
		return nil, err
	}
	if wire.Images == nil {
		return nil, c.unreadable(k, errors.New("the answer has no list of images"))
	}
	images := make([]Image, 0, len(*wire.Images))
	for _, w := range *wire.Images {
		if w.ID.id() == "" {
			return nil, c.unreadable(k, errors.New("the list has an image without a usable id"))
		}
		images = append(images, w.image(c.veil))
	}
	return images, nil
}

// wireImage is an image as the API writes it (API reference 4.3).
type wireImage struct {
	ID                  text    `json:"id"`
	Name                text    `json:"name"`
	Status              text    `json:"status"`
	Owner               text    `json:"owner"`
	CreatedAt           instant `json:"created_at"`
	UpdatedAt           instant `json:"updated_at"`
	Tags                []text  `json:"tags"`
	Description         text    `json:"__description"`
	Type                text    `json:"__imagetype"`
	Visibility          text    `json:"visibility"`
	VirtualEnv          text    `json:"virtual_env_type"`
	Whole               text    `json:"__whole_image"`
	Registered          text    `json:"__isregistered"`
	Protected           text    `json:"protected"`
	CMKID               text    `json:"__system__cmkid"`
	BackupID            text    `json:"__backup_id"`
	DataOrigin          text    `json:"__data_origin"`
	OriginalImage       text    `json:"__originalimagename"`
	OSType              text    `json:"__os_type"`
	Platform            text    `json:"__platform"`
	MinDisk             text    `json:"min_disk"`
	Size                text    `json:"size"`
	DataSize            text    `json:"__image_size"`
	EnterpriseProjectID text    `json:"enterprise_project_id"`
}

func (w wireImage) image(v *veil) Image {
	return Image{
		ID: w.ID.id(), Name: shownName(w.Name, v), Status: strings.ToLower(w.Status.word()), Owner: w.Owner.trim(),
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time,
		Tags: listedTags(w.Tags), Description: string(w.Description),
		Type: w.Type.trim(), Visibility: w.Visibility.trim(), VirtualEnv: w.VirtualEnv.trim(),
		Whole: w.Whole.bool(), Registered: w.Registered.bool(), Protected: w.Protected.bool(),
		Encrypted: w.CMKID.trim() != "", CMKID: w.CMKID.trim(), BackupID: w.BackupID.trim(),
		DataOrigin: w.DataOrigin.trim(), OriginalImage: w.OriginalImage.trim(), OSType: w.OSType.trim(), Platform: w.Platform.trim(),
		MinDisk: w.MinDisk.int64(), Size: w.Size.int64(), DataSize: w.DataSize.int64(), EnterpriseProjectID: w.EnterpriseProjectID.trim(),
	}
}

func listedTags(listed []text) []Tag {
	tags := make([]Tag, 0, len(listed))
	for _, l := range listed {
		key, value, _ := strings.Cut(string(l), "=")
		tags = append(tags, Tag{Key: key, Value: value})
	}
	return tags
}

var errOtherImage = errors.New("the answer is about another image")
