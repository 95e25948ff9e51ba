package messages

// UpdateImage is the data of an update-image request: the path's image id and
// the attributes to change, by the names that images have them under (API
// reference, sections 4.3 and 4.7). An attribute that is nil stays as it is.
type UpdateImage struct {
	ImageID     string  `json:"image_id"`
	Name        *string `json:"name,omitempty"`
	Description *string `json:"__description,omitempty"`
	// MinRAM and MaxRAM are in MB.
	MinRAM              *int64  `json:"min_ram,omitempty"`
	MaxRAM              *int64  `json:"max_ram,omitempty"`
	EnterpriseProjectID *string `json:"enterprise_project_id,omitempty"`
	// FirmwareType is bios or uefi.
	FirmwareType    *string `json:"hw_firmware_type,omitempty"`
	SupportKVM      *bool   `json:"__support_kvm,omitempty"`
	SupportXen      *bool   `json:"__support_xen,omitempty"`
	SupportFCInject *bool   `json:"__support_fc_inject,omitempty"`
	SupportARM      *bool   `json:"__support_arm,omitempty"`
	Options         Options `json:"options,omitzero"`
}
