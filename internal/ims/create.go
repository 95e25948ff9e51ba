package ims

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Tag is one tag of an image.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// WholeImage asks for a full-ECS image, from a server (InstanceID) or from a
// backup (BackupID); API reference 2.2.
type WholeImage struct {
	Name                string   `json:"name"`
	InstanceID          string   `json:"instance_id,omitempty"`
	BackupID            string   `json:"backup_id,omitempty"`
	WholeImageType      string   `json:"whole_image_type,omitempty"`
	VaultID             string   `json:"vault_id,omitempty"`
	Description         string   `json:"description,omitempty"`
	Tags                []string `json:"tags,omitempty"`
	ImageTags           []Tag    `json:"image_tags,omitempty"`
	EnterpriseProjectID string   `json:"enterprise_project_id,omitempty"`
	MaxRAM              *int     `json:"max_ram,omitempty"`
	MinRAM              *int     `json:"min_ram,omitempty"`
}

// ImageCopy asks for a copy within the region; API reference 2.7.
type ImageCopy struct {
	Name                string `json:"name"`
	Description         string `json:"description,omitempty"`
	CMKID               string `json:"cmk_id,omitempty"`
	EnterpriseProjectID string `json:"enterprise_project_id,omitempty"`
}

// CrossRegionCopy asks for a copy in another region; API reference 2.8. Huawei
// Cloud only.
type CrossRegionCopy struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Region      string `json:"region"`
	ProjectName string `json:"project_name"`
	AgencyName  string `json:"agency_name"`
	VaultID     string `json:"vault_id,omitempty"` // in the destination, for whole images
}

// ImageExport asks for an image as a file in a bucket; API reference 2.9.
type ImageExport struct {
	BucketURL  string `json:"bucket_url"`            // bucket:file
	FileFormat string `json:"file_format,omitempty"` // empty for a quick export
	Quick      bool   `json:"is_quick_export,omitempty"`
}

// CreateWholeImage starts the making of a full-ECS image and returns the id of
// its job. It is sent at most once; ctx alone limits its time.
func (c *Client) CreateWholeImage(ctx context.Context, w WholeImage) (string, error) {
	return c.start(ctx, call{name: "CreateWholeImage", path: "/v1/cloudimages/wholeimages/action"}, w)
}

// CopyImage starts the copying of an image within its region and returns the
// id of the job. It is sent at most once; ctx alone limits its time.
func (c *Client) CopyImage(ctx context.Context, imageID string, i ImageCopy) (string, error) {
	return c.start(ctx, call{name: "CopyImage", path: c.safely("/v1/cloudimages/"), id: imageID, tail: "/copy"}, i)
}

// CopyImageCrossRegion starts the copying of an image into another region and
// returns the id of the job, which lives in this region; the image appears in
// the other one. It is sent at most once; ctx alone limits its time.
func (c *Client) CopyImageCrossRegion(ctx context.Context, imageID string, r CrossRegionCopy) (string, error) {
	return c.start(ctx, call{name: "CopyImageCrossRegion", path: "/v1/cloudimages/", id: imageID, tail: "/cross_region_copy"}, r)
}

// ExportImage starts the writing of an image into a bucket and returns the id of
// the job. It is sent at most once; ctx alone limits its time.
func (c *Client) ExportImage(ctx context.Context, imageID string, e ImageExport) (string, error) {
	return c.start(ctx, call{name: "ExportImage", path: c.safely("/v1/cloudimages/"), id: imageID, tail: "/file"}, e)
}

// safely is the path of a call's v2.1 twin where the account asks for that (API
// reference 2.12).
func (c *Client) safely(path string) string {
	if !c.cfg.SafeMode {
		return path
	}
	_, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return "/v2.1/" + rest
}

// start sends a call that is answered with a job.
func (c *Client) start(ctx context.Context, k call, body any) (string, error) {
	k.service = imageService
	if k.method == "" {
		k.method = http.MethodPost
	}
	var answer struct {
		JobID text `json:"job_id"`
	}
	if err := c.send(ctx, k, body, &answer); err != nil {
		return "", err
	}
	id := answer.JobID.id()
	if id == "" {
		return "", c.unreadable(k, errors.New("the answer has no usable job id"))
	}
	return id, nil
}
