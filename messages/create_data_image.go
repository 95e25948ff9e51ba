package messages

// CreateDataImage is the data of a create-data-image request: either ImageURL
// ("bucket:path") with what belongs to it (API reference, section 2.4), or
// DataImages (section 2.3).
type CreateDataImage struct {
	Name     string `json:"name,omitempty"`
	ImageURL string `json:"image_url,omitempty"`
	// MinDisk is in GB.
	MinDisk     *int64 `json:"min_disk,omitempty"`
	OSType      string `json:"os_type,omitempty"`
	Description string `json:"description,omitempty"`
	CmkID       string `json:"cmk_id,omitempty"`
	// Tags are "key.value"; a request has either these or ImageTags.
	Tags                []string     `json:"tags,omitempty"`
	ImageTags           []Tag        `json:"image_tags,omitempty"`
	DataImages          []DataVolume `json:"data_images,omitempty"`
	EnterpriseProjectID string       `json:"enterprise_project_id,omitempty"`
	Options             Options      `json:"options,omitzero"`
}

// DataVolume is a volume of which a data image is made.
type DataVolume struct {
	Name        string   `json:"name"`
	VolumeID    string   `json:"volume_id"`
	Description string   `json:"description,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	ImageTags   []Tag    `json:"image_tags,omitempty"`
}
