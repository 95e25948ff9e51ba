package fakecloud

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const imageTime = "2006-01-02T15:04:05Z"

// imageView is an image as the service shows it (API reference 4.3). What is
// not set is absent.
type imageView struct {
	ID                string   `json:"id"`
	Name              string   `json:"name,omitempty"`
	Status            string   `json:"status"`
	CreatedAt         string   `json:"created_at"`
	UpdatedAt         string   `json:"updated_at"`
	ActiveAt          string   `json:"active_at,omitempty"`
	Owner             string   `json:"owner"`
	Visibility        string   `json:"visibility"`
	Protected         bool     `json:"protected"`
	MinDisk           int      `json:"min_disk"`
	MinRAM            int      `json:"min_ram"`
	MaxRAM            string   `json:"max_ram,omitempty"`
	Size              int64    `json:"size"`
	VirtualSize       *int64   `json:"virtual_size"`
	DiskFormat        string   `json:"disk_format"`
	ContainerFormat   string   `json:"container_format"`
	VirtualEnvType    string   `json:"virtual_env_type"`
	HWFirmwareType    string   `json:"hw_firmware_type,omitempty"`
	EnterpriseProject string   `json:"enterprise_project_id"`
	Tags              []string `json:"tags"`
	Self              string   `json:"self"`
	File              string   `json:"file"`
	Schema            string   `json:"schema"`
	ImageType         string   `json:"__imagetype"`
	IsRegistered      string   `json:"__isregistered"`
	WholeImage        any      `json:"__whole_image,omitempty"`
	BackupID          string   `json:"__backup_id,omitempty"`
	DataOrigin        string   `json:"__data_origin,omitempty"`
	OriginalImageName string   `json:"__originalimagename,omitempty"`
	RootOrigin        *string  `json:"__root_origin,omitempty"`
	ImageSourceType   string   `json:"__image_source_type"`
	ImageSize         string   `json:"__image_size,omitempty"`
	LazyLoading       string   `json:"__lazyloading,omitempty"`
	Description       string   `json:"__description,omitempty"`
	OSType            string   `json:"__os_type"`
	OSVersion         string   `json:"__os_version,omitempty"`
	Platform          string   `json:"__platform,omitempty"`
	OSBit             string   `json:"__os_bit,omitempty"`
	CMK               string   `json:"__system__cmkid,omitempty"`
	SupportKVM        string   `json:"__support_kvm,omitempty"`
	SupportXen        string   `json:"__support_xen,omitempty"`
	SupportFCInject   string   `json:"__support_fc_inject,omitempty"`
	SupportARM        string   `json:"__support_arm,omitempty"`
}

// view shows an image. Types and spellings that the two clouds' documents
// disagree on follow the profile.
func (c *cloud) view(i *Image, now time.Time) imageView {
	v := imageView{
		ID: i.ID, Name: i.Name, Status: i.status(now), Owner: i.Owner, Visibility: i.visibility(), Protected: i.Protected,
		CreatedAt: i.Created.Format(imageTime), UpdatedAt: i.updated(now).Format(imageTime),
		MinDisk: i.MinDisk, MinRAM: i.MinRAM, Size: i.Size,
		DiskFormat: i.DiskFormat, ContainerFormat: "bare", VirtualEnvType: i.Env, HWFirmwareType: i.firmware(),
		EnterpriseProject: i.EnterpriseProject, Tags: tagTexts(i.Tags),
		Self: "/v2/images/" + i.ID, File: "/v2/images/" + i.ID + "/file", Schema: "/v2/schemas/image",
		ImageType: i.Type, IsRegistered: strconv.FormatBool(i.registered(now)), ImageSourceType: "uds",
		BackupID: i.BackupID, DataOrigin: i.DataOrigin, OriginalImageName: i.OriginalID, Description: i.Description,
		OSType: i.OSType, OSVersion: i.OSVersion, Platform: i.Platform, OSBit: "64", CMK: i.CMK,
		SupportKVM: i.support("__support_kvm"), SupportXen: i.support("__support_xen"),
		SupportFCInject: i.support("__support_fc_inject"), SupportARM: i.support("__support_arm"),
	}
	v.addData(i)
	c.addProfile(&v, i, now)
	return v
}

// addData adds what an image has once its data is known.
func (v *imageView) addData(i *Image) {
	if i.hasMaxRAM() {
		v.MaxRAM = strconv.Itoa(i.MaxRAM)
	}
	if i.Whole {
		v.RootOrigin = new(string)
	}
	if v.Status == "active" && i.DataSize > 0 {
		v.ImageSize = strconv.FormatInt(i.DataSize, 10)
	}
}

func (c *cloud) addProfile(v *imageView, i *Image, now time.Time) {
	huawei := c.Profile == ProfileHuawei
	if i.Whole {
		v.WholeImage, v.LazyLoading = "true", "true"
	}
	if i.Whole && huawei {
		v.WholeImage, v.LazyLoading = true, "True"
	}
	if huawei && v.Status == "active" && !i.Active.After(now) {
		v.ActiveAt = i.Active.Format(imageTime)
	}
}

func (i *Image) visibility() string {
	if i.Type == "gold" {
		return "public"
	}
	return i.Type
}

// registered is false until the image can be used.
func (i *Image) registered(now time.Time) bool {
	return i.status(now) == "active"
}

func tagTexts(tags []Tag) []string {
	texts := make([]string, 0, len(tags))
	for _, tag := range tags {
		texts = append(texts, tag.text())
	}
	return texts
}

// getImage is the native GET /v2/images/{image_id}; it shows images that are
// not registered yet as well.
func (c *cloud) getImage(q *request) *answer {
	image := c.images[q.vars["image"]]
	if image == nil || !image.visible(q.now) {
		return native(http.StatusNotFound, fmt.Sprintf("No image found with ID %s", q.vars["image"]))
	}
	return ok(c.view(image, q.now))
}
