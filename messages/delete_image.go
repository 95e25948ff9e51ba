package messages

// DeleteImage is the data of a delete-image request: the path's image id and
// the field of the cloud's call (API reference, section 4.8).
type DeleteImage struct {
	ImageID string `json:"image_id"`
	// DeleteBackup also deletes the backup that a whole image was made of.
	DeleteBackup bool    `json:"delete_backup,omitempty"`
	Options      Options `json:"options,omitzero"`
}
