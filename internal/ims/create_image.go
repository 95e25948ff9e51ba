package ims

import "context"

// NewImage asks for a system image of a server (InstanceID), of a disk
// (VolumeID) or of a file (ImageURL), or for data images of disks (DataImages
// alone); API reference 2.3.
type NewImage struct {
	Name                string      `json:"name,omitempty"`
	InstanceID          string      `json:"instance_id,omitempty"`
	VolumeID            string      `json:"volume_id,omitempty"`
	ImageURL            string      `json:"image_url,omitempty"` // bucket:file
	MinDisk             *int        `json:"min_disk,omitempty"`  // GB
	OSVersion           string      `json:"os_version,omitempty"`
	OSType              string      `json:"os_type,omitempty"`
	IsConfig            bool        `json:"is_config,omitempty"`
	IsConfigInit        bool        `json:"is_config_init,omitempty"`
	CMKID               string      `json:"cmk_id,omitempty"`
	Type                string      `json:"type,omitempty"`
	IsQuickImport       bool        `json:"is_quick_import,omitempty"`
	Architecture        string      `json:"architecture,omitempty"`
	HWFirmwareType      string      `json:"hw_firmware_type,omitempty"`
	DataImages          []DataImage `json:"data_images,omitempty"`
	Description         string      `json:"description,omitempty"`
	Tags                []string    `json:"tags,omitempty"`
	ImageTags           []Tag       `json:"image_tags,omitempty"`
	EnterpriseProjectID string      `json:"enterprise_project_id,omitempty"`
	MaxRAM              *int        `json:"max_ram,omitempty"`
	MinRAM              *int        `json:"min_ram,omitempty"`
}

// DataImage is one data disk of a NewImage: a disk, or a file beside the
// system's.
type DataImage struct {
	Name          string   `json:"name,omitempty"`
	VolumeID      string   `json:"volume_id,omitempty"`
	ImageURL      string   `json:"image_url,omitempty"`
	MinDisk       *int     `json:"min_disk,omitempty"` // GB
	IsQuickImport bool     `json:"is_quick_import,omitempty"`
	Description   string   `json:"description,omitempty"`
	Tags          []string `json:"tags,omitempty"`
	ImageTags     []Tag    `json:"image_tags,omitempty"`
}

// DataFile asks for a data image of a file; API reference 2.4.
type DataFile struct {
	Name                string   `json:"name"`
	ImageURL            string   `json:"image_url"` // bucket:file
	MinDisk             *int     `json:"min_disk"`  // GB
	OSType              string   `json:"os_type,omitempty"`
	Description         string   `json:"description,omitempty"`
	CMKID               string   `json:"cmk_id,omitempty"`
	Tags                []string `json:"tags,omitempty"`
	ImageTags           []Tag    `json:"image_tags,omitempty"`
	EnterpriseProjectID string   `json:"enterprise_project_id,omitempty"`
}

// QuickImport asks for an image of a file that needs no conversion; API
// reference 2.5.
type QuickImport struct {
	Name                string   `json:"name"`
	ImageURL            string   `json:"image_url"` // bucket:file
	MinDisk             *int     `json:"min_disk"`  // GB
	OSVersion           string   `json:"os_version,omitempty"`
	Type                string   `json:"type,omitempty"`
	OSType              string   `json:"os_type,omitempty"`
	Architecture        string   `json:"architecture,omitempty"`
	HWFirmwareType      string   `json:"hw_firmware_type,omitempty"`
	LicenseType         string   `json:"license_type,omitempty"`
	Description         string   `json:"description,omitempty"`
	Tags                []string `json:"tags,omitempty"`
	ImageTags           []Tag    `json:"image_tags,omitempty"`
	EnterpriseProjectID string   `json:"enterprise_project_id,omitempty"`
}

// CreateImage starts the making of system or data images and returns the id of
// the job; those of several disks are named by its sub jobs only. It is sent
// at most once; ctx alone limits its time.
func (c *Client) CreateImage(ctx context.Context, i NewImage) (string, error) {
	return c.start(ctx, call{name: "CreateImage", path: c.safely("/v2/cloudimages/action")}, i)
}

// CreateDataImage starts the import of a data disk and returns the id of the
// job. It is sent at most once; ctx alone limits its time.
func (c *Client) CreateDataImage(ctx context.Context, f DataFile) (string, error) {
	return c.start(ctx, call{name: "CreateDataImage", path: c.safely("/v1/cloudimages/dataimages/action")}, f)
}

// ImportImage starts a quick import and returns the id of the job. It is sent
// at most once; ctx alone limits its time.
func (c *Client) ImportImage(ctx context.Context, q QuickImport) (string, error) {
	return c.start(ctx, call{name: "ImportImage", path: c.safely("/v2/cloudimages/quickimport/action")}, q)
}
