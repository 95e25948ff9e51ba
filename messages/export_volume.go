package messages

// ExportVolume is the data of an export-volume request: the path's volume id
// and the fields of the cloud's call (API reference, section 2.11).
type ExportVolume struct {
	VolumeID  string `json:"volume_id"`
	ImageName string `json:"image_name"`
	// DiskFormat is zvhd2 where the request names none.
	DiskFormat      string `json:"disk_format,omitempty"`
	ContainerFormat string `json:"container_format,omitempty"`
	// Force asks for an image also of a volume that is in use.
	Force bool `json:"force,omitempty"`
	// OSType is linux or windows; the cloud looks at it only where it knows of
	// no system on the volume.
	OSType string `json:"__os_type,omitempty"`
	// ImageTags are put on by the worker once the image is there: the call
	// takes none.
	ImageTags []Tag   `json:"image_tags,omitempty"`
	Options   Options `json:"options,omitzero"`
}
