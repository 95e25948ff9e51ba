package messages

// ShareImage is the data of a share-image and of an unshare-image request: the
// fields of the cloud's call (API reference, section 2.10).
type ShareImage struct {
	Images   []string `json:"images"`
	Projects []string `json:"projects,omitempty"`
	// Domains and Organizations exist on clouds of profile huaweicloud only.
	Domains       []string `json:"domains,omitempty"`
	Organizations []string `json:"organizations,omitempty"`
	Options       Options  `json:"options,omitzero"`
}

// Recipients are the ids of all projects, accounts and organisations.
func (s ShareImage) Recipients() []string {
	return append(append(append([]string{}, s.Projects...), s.Domains...), s.Organizations...)
}
