package messages

// The values of the action of a tag-image request.
const (
	TagsCreate = "create"
	TagsDelete = "delete"
)

// TagImage is the data of a tag-image request: the path's image id and the
// fields of the cloud's batch call (API reference, section 4.5).
type TagImage struct {
	ImageID string `json:"image_id"`
	// Action is TagsCreate or TagsDelete; empty means TagsCreate.
	Action  string  `json:"action,omitempty"`
	Tags    []Tag   `json:"tags"`
	Options Options `json:"options,omitzero"`
}
