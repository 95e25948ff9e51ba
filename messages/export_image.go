package messages

// ExportImage is the data of an export-image request: the path's image id and
// the fields of the cloud's call (API reference, section 2.9).
type ExportImage struct {
	ImageID string `json:"image_id"`
	// BucketURL is "bucket:file".
	BucketURL string `json:"bucket_url"`
	// FileFormat is empty for a quick export.
	FileFormat string  `json:"file_format,omitempty"`
	Quick      bool    `json:"is_quick_export,omitempty"`
	Options    Options `json:"options,omitzero"`
}
