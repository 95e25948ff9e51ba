package messages

import (
	"encoding/json"
	"slices"
	"strings"
)

// The verbs of control messages.
const (
	VerbCancel  = "cancel"
	VerbRetry   = "retry"
	VerbResolve = "resolve"
	VerbPause   = "pause"
	VerbResume  = "resume"
	// VerbChildFinished is said by workers alone: a leg of a bulk has ended.
	VerbChildFinished = "child-finished"
)

// What a person may have found out about an unresolved request.
const (
	// AsDone: the image named by image_id is the result.
	AsDone = "done"
	// AsNotDone: nothing was made, and nothing shall be.
	AsNotDone = "not-done"
	// AsResubmit: nothing was made; it shall be submitted again.
	AsResubmit = "resubmit"
)

// Control is the data of a control message: which attempt of which request it
// answers, and for resolve what became of it; or, for pause and resume, which
// operation they are about.
type Control struct {
	Key    string `json:"key,omitempty"`
	Source string `json:"source,omitempty"`
	ID     string `json:"id,omitempty"`
	// Attempt is 0 in a cancel that means the newest one.
	Attempt int    `json:"attempt,omitempty"`
	As      string `json:"as,omitempty"`
	ImageID string `json:"image_id,omitempty"`
	// DeleteImage has a cancelled request followed to its end, and its own
	// image deleted then.
	DeleteImage bool `json:"delete_image,omitempty"`
	// Parent is the bulk that has one of its legs cancelled: a leg that has ended
	// meanwhile is left alone without complaint. Or it has one retried that was
	// cancelled: what still runs at the cloud is left alone, and asked for again.
	Parent string `json:"parent,omitempty"`
	// Operation is empty for all operations of the cloud.
	Operation string `json:"operation,omitempty"`
}

// ControlSubject is where a control message for a cloud is published.
func ControlSubject(cloud, verb string) string { return "ims.control." + cloud + "." + verb }

// controlFields are what each verb takes.
var controlFields = map[string][]string{
	VerbCancel:  {"key", "source", "id", "attempt", "delete_image", "parent"},
	VerbRetry:   {"key", "source", "id", "attempt", "parent"},
	VerbResolve: {"key", "source", "id", "attempt", "as", "image_id"},
	VerbPause:   {"operation"},
	VerbResume:  {"operation"},
}

// Verbs lists the verbs of control messages, sorted.
func Verbs() []string {
	return []string{VerbCancel, VerbPause, VerbResolve, VerbResume, VerbRetry}
}

// AboutRequest reports whether messages of the verb are about one request,
// not about a cloud.
func AboutRequest(verb string) bool { return slices.Contains(controlFields[verb], "key") }

// ReadControl reads the data of a control message. All that is wrong is told
// at once; without problems the key is filled, also where the request is named
// by source and id.
func ReadControl(verb, cloud string, body []byte) (Control, Problems) {
	var c Control
	ps := CheckJSON(body)
	if len(ps) > 0 {
		return c, ps
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		example := `{"key": "…", "attempt": 1}`
		if !AboutRequest(verb) {
			example = `{"operation": "copy-image"}, or {}`
		}
		ps.Add("", "the data is no JSON object; it must be one like %s", example)
		return c, ps
	}
	for name := range fields {
		if !slices.Contains(controlFields[verb], name) {
			ps.Add(name, "is not known; %s takes %s", verb, strings.Join(controlFields[verb], ", "))
		}
	}
	c.strings(fields, &ps)
	if !AboutRequest(verb) {
		return c, ps.Sorted()
	}
	c.checkWhich(cloud, &ps)
	if raw := fields["attempt"]; raw != nil || verb != VerbCancel {
		c.checkAttempt(raw, &ps)
	}
	if raw := fields["delete_image"]; raw != nil && json.Unmarshal(raw, &c.DeleteImage) != nil {
		ps.Add("delete_image", "is %s; it must be true or false", brief(string(raw)))
	}
	if verb == VerbResolve {
		c.checkAs(&ps)
	}
	return c, ps.Sorted()
}

func (c *Control) strings(fields map[string]json.RawMessage, ps *Problems) {
	for name, into := range map[string]*string{"key": &c.Key, "source": &c.Source, "id": &c.ID, "as": &c.As, "image_id": &c.ImageID, "operation": &c.Operation, "parent": &c.Parent} {
		if raw, given := fields[name]; given && json.Unmarshal(raw, into) != nil {
			ps.Add(name, "is %s; it must be a string", brief(string(raw)))
		}
	}
}

// checkWhich wants the key, or source and id, which make it.
func (c *Control) checkWhich(cloud string, ps *Problems) {
	switch named := c.Source != "" || c.ID != ""; {
	case c.Key != "" && named:
		ps.Add("key", "is given beside source or id; give the key, or source and id")
	case c.Key != "" && !ValidKey(c.Key):
		ps.Add("key", "%q is no key: it has 26 lower-case letters and digits", brief(c.Key))
	case c.Key == "" && (c.Source == "" || c.ID == ""):
		ps.Add("key", "is missing; give the key, or both source and id")
	case c.Key == "":
		c.Key = Key(cloud, c.Source, c.ID)
	}
}

func (c *Control) checkAttempt(raw json.RawMessage, ps *Problems) {
	switch {
	case raw == nil:
		ps.Add("attempt", "is missing; name the attempt that this answers, as its final event says it")
	case json.Unmarshal(raw, &c.Attempt) != nil || c.Attempt < 1:
		ps.Add("attempt", "is %s; it must be a whole number from 1", brief(string(raw)))
	}
}

func (c *Control) checkAs(ps *Problems) {
	switch c.As {
	case AsDone:
		if c.ImageID == "" {
			ps.Add("image_id", "is missing; as \"done\" names the image that is the result")
		}
	case AsNotDone, AsResubmit:
		if c.ImageID != "" {
			ps.Add("image_id", "goes only with as \"done\"")
		}
	default:
		ps.Add("as", "is %q; it must be done, not-done or resubmit", brief(c.As))
	}
}
