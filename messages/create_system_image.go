package messages

// CreateSystemImage is the data of a create-system-image request. The fields
// are those of the cloud's call (API reference, section 2.3).
type CreateSystemImage struct {
	Name string `json:"name"`
	// InstanceID asks for an image of a server, VolumeID for one of a volume,
	// ImageURL ("bucket:path") for one of a file; exactly one is given.
	InstanceID string `json:"instance_id,omitempty"`
	VolumeID   string `json:"volume_id,omitempty"`
	ImageURL   string `json:"image_url,omitempty"`
	// MinDisk is in GB.
	MinDisk        *int64     `json:"min_disk,omitempty"`
	OSVersion      string     `json:"os_version,omitempty"`
	OSType         string     `json:"os_type,omitempty"`
	IsConfig       bool       `json:"is_config,omitempty"`
	IsConfigInit   bool       `json:"is_config_init,omitempty"`
	CmkID          string     `json:"cmk_id,omitempty"`
	Type           string     `json:"type,omitempty"`
	IsQuickImport  bool       `json:"is_quick_import,omitempty"`
	Architecture   string     `json:"architecture,omitempty"`
	HWFirmwareType string     `json:"hw_firmware_type,omitempty"`
	DataImages     []DataFile `json:"data_images,omitempty"`
	Description    string     `json:"description,omitempty"`
	// Tags are "key.value"; a request has either these or ImageTags.
	Tags                []string `json:"tags,omitempty"`
	ImageTags           []Tag    `json:"image_tags,omitempty"`
	EnterpriseProjectID string   `json:"enterprise_project_id,omitempty"`
	// MaxRAM and MinRAM are in MB.
	MaxRAM  *int64  `json:"max_ram,omitempty"`
	MinRAM  *int64  `json:"min_ram,omitempty"`
	Options Options `json:"options,omitzero"`
}

// DataFile is a data disk beside the system's file.
type DataFile struct {
	Name          string   `json:"name,omitempty"`
	ImageURL      string   `json:"image_url"`
	MinDisk       *int64   `json:"min_disk,omitempty"` // GB
	IsQuickImport bool     `json:"is_quick_import,omitempty"`
	Description   string   `json:"description,omitempty"`
	Tags          []string `json:"tags,omitempty"`
	ImageTags     []Tag    `json:"image_tags,omitempty"`
}
