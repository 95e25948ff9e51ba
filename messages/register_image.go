package messages

// RegisterImage is the data of a register-image request: the file, and the
// fields of the call that makes an image without data for it, or the id of one
// that is there (API reference, section 2.6).
type RegisterImage struct {
	ImageURL string `json:"image_url"` // "bucket:path"
	// ImageID is empty where the image is to be made first.
	ImageID         string `json:"image_id,omitempty"`
	Name            string `json:"name,omitempty"`
	OSVersion       string `json:"__os_version,omitempty"`
	Visibility      string `json:"visibility,omitempty"`
	Protected       bool   `json:"protected,omitempty"`
	ContainerFormat string `json:"container_format,omitempty"`
	DiskFormat      string `json:"disk_format,omitempty"`
	// Tags are "key=value".
	Tags []string `json:"tags,omitempty"`
	// MinRAM is in MB, MinDisk in GB.
	MinRAM  *int64  `json:"min_ram,omitempty"`
	MinDisk *int64  `json:"min_disk,omitempty"`
	Options Options `json:"options,omitzero"`
}
