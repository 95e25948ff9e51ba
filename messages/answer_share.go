package messages

// AnswerShare is the data of an answer-share request: the fields of the cloud's
// call (API reference, section 2.10), which the recipient makes.
type AnswerShare struct {
	Images []string `json:"images"`
	// ProjectID is the recipient's own; empty lets the worker fill it in.
	ProjectID string `json:"project_id,omitempty"`
	// Status is accepted or rejected.
	Status string `json:"status"`
	// VaultID is needed to accept a whole image made of a CBR backup.
	VaultID string  `json:"vault_id,omitempty"`
	Options Options `json:"options,omitzero"`
}
