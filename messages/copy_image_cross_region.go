package messages

// CopyImageCrossRegion is the data of a copy-image-cross-region request: the
// path's image id and the fields of the cloud's call (API reference, section
// 2.8).
type CopyImageCrossRegion struct {
	ImageID     string `json:"image_id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Region      string `json:"region"`
	ProjectName string `json:"project_name"`
	AgencyName  string `json:"agency_name"`
	// VaultID is a vault of the destination, needed for whole images.
	VaultID string `json:"vault_id,omitempty"`
	// ImageTags are put on the copy once it is there.
	ImageTags []Tag   `json:"image_tags,omitempty"`
	Options   Options `json:"options,omitzero"`
}
