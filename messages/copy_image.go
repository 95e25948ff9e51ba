package messages

// CopyImage is the data of a copy-image request: the path's image id and the
// fields of the cloud's call (API reference, section 2.7).
type CopyImage struct {
	ImageID     string `json:"image_id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// CmkID is the KMS key that encrypts the copy.
	CmkID               string `json:"cmk_id,omitempty"`
	EnterpriseProjectID string `json:"enterprise_project_id,omitempty"`
	// ImageTags are put on by the worker once the copy is there: the call takes
	// none.
	ImageTags []Tag   `json:"image_tags,omitempty"`
	Options   Options `json:"options,omitzero"`
}
