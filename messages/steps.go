package messages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Step is one follow-up step of a request: what is asked for once that has
// succeeded.
type Step struct {
	Operation string
	// Cloud is empty for the cloud of the request that the step follows.
	Cloud string
	// Data are the step's own fields, its options among them. The image of the
	// request that it follows is not in them.
	Data json.RawMessage
}

// ReadStep takes a step as it stands in options.on_success apart.
func ReadStep(raw json.RawMessage) (Step, error) {
	var named struct {
		Operation string `json:"operation"`
		Cloud     string `json:"cloud"`
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &named); err != nil {
		return Step{}, fmt.Errorf("read step: %w", err)
	}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return Step{}, fmt.Errorf("read step: %w", err)
	}
	delete(fields, "operation")
	delete(fields, "cloud")
	data, err := json.Marshal(fields)
	return Step{Operation: named.Operation, Cloud: named.Cloud, Data: data}, err
}

// With returns the step's data with one more field.
func (s Step) With(field string, value any) (json.RawMessage, error) {
	fields := map[string]any{}
	var own map[string]json.RawMessage
	if err := json.Unmarshal(s.Data, &own); err != nil {
		return nil, fmt.Errorf("read step: %w", err)
	}
	for name, raw := range own {
		fields[name] = raw
	}
	fields[field] = value
	return json.Marshal(fields)
}

// StepsOf reads the follow-up steps of a request's data as they stand there;
// none where the data cannot be read so far.
func StepsOf(data []byte) []json.RawMessage {
	if !bytes.Contains(data, []byte("on_success")) && !bytes.ContainsRune(data, '\\') {
		return nil // as nearly always; with a backslash the name may be written in another way
	}
	var d struct {
		Options struct {
			OnSuccess []json.RawMessage `json:"on_success"`
		} `json:"options"`
	}
	if json.Unmarshal(data, &d) != nil {
		return nil
	}
	return d.Options.OnSuccess
}

// StepIdentity is the identity of the request that an attempt of another one
// causes, counted from 0. It is always the same, so that one that is asked for
// twice is one request.
func StepIdentity(cloud, key string, attempt, index int) Identity {
	return Identity{Source: "/imsworker/" + cloud + "/" + key, ID: fmt.Sprintf("%d/%d", attempt, index)}
}

var (
	stepSource = regexp.MustCompile(`^/imsworker/([a-z0-9-]{1,40})/([a-z2-7]{26})$`)
	stepID     = regexp.MustCompile(`^([1-9][0-9]{0,8})/[0-9]{1,9}$`)
)

// StepParent reads which request, and which attempt of it, caused one with
// that identity; false where the source is not that of a follow-up step. The
// attempt is 0 where the id is not one of StepIdentity. Anybody may claim a
// parent: what the parent's final event does not name as its own is not.
func StepParent(i Identity) (cloud, key string, attempt int, ok bool) {
	source := stepSource.FindStringSubmatch(i.Source)
	if source == nil {
		return "", "", 0, false
	}
	if id := stepID.FindStringSubmatch(i.ID); id != nil {
		attempt, _ = strconv.Atoi(id[1])
	}
	return strings.Clone(source[1]), strings.Clone(source[2]), attempt, true
}
