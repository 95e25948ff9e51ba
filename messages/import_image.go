package messages

// ImportImage is the data of an import-image request. The fields are those of
// the cloud's call (API reference, section 2.5).
type ImportImage struct {
	Name     string `json:"name"`
	ImageURL string `json:"image_url"` // "bucket:path"
	// MinDisk is in GB.
	MinDisk   *int64 `json:"min_disk,omitempty"`
	OSVersion string `json:"os_version,omitempty"`
	// Type is ECS, BMS or DataImage; absent means ECS.
	Type           string `json:"type,omitempty"`
	OSType         string `json:"os_type,omitempty"`
	Architecture   string `json:"architecture,omitempty"`
	HWFirmwareType string `json:"hw_firmware_type,omitempty"`
	LicenseType    string `json:"license_type,omitempty"`
	Description    string `json:"description,omitempty"`
	// Tags are "key.value"; a request has either these or ImageTags.
	Tags                []string `json:"tags,omitempty"`
	ImageTags           []Tag    `json:"image_tags,omitempty"`
	EnterpriseProjectID string   `json:"enterprise_project_id,omitempty"`
	Options             Options  `json:"options,omitzero"`
}
