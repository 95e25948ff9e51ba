package messages

// CreateWholeImage is the data of a create-whole-image request. The fields
// are those of the cloud's call (API reference, section 2.2); an empty
// instance_id, backup_id or vault_id counts as absent.
type CreateWholeImage struct {
	Name string `json:"name"`
	// InstanceID asks for an image of a server, BackupID for one of a backup;
	// exactly one is given.
	InstanceID string `json:"instance_id,omitempty"`
	BackupID   string `json:"backup_id,omitempty"`
	// WholeImageType is CBR or CSBS and goes with BackupID; the cloud takes an
	// absent one as CSBS.
	WholeImageType string `json:"whole_image_type,omitempty"`
	// VaultID goes with InstanceID: the vault that takes the server's backup.
	VaultID     string `json:"vault_id,omitempty"`
	Description string `json:"description,omitempty"`
	// Tags are "key.value"; a request has either these or ImageTags.
	Tags                []string `json:"tags,omitempty"`
	ImageTags           []Tag    `json:"image_tags,omitempty"`
	EnterpriseProjectID string   `json:"enterprise_project_id,omitempty"`
	// MaxRAM and MinRAM are in MB.
	MaxRAM  *int64  `json:"max_ram,omitempty"`
	MinRAM  *int64  `json:"min_ram,omitempty"`
	Options Options `json:"options,omitzero"`
}

// Tag is one tag in the image_tags form.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}
