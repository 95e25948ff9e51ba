package handlers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// StepDepth is how many follow-up steps may come one after another.
const StepDepth = 5

// placeholder stands for an image that is not made yet.
const placeholder = "00000000-0000-4000-8000-000000000000"

// Place is where a request is to be done.
type Place struct {
	// Cloud is its name, empty where it is not known.
	Cloud string
	// Profile is that of a cloud by name.
	Profile func(cloud string) ims.Profile
}

// anywhere is a place where all clouds have one profile.
func anywhere(p ims.Profile) Place {
	return Place{Profile: func(string) ims.Profile { return p }}
}

// DecodeAt is Decode for a cloud that is known by name: its follow-up steps
// are judged for the clouds that they name.
func (o Operation) DecodeAt(data []byte, at Place) (Work, messages.Problems) {
	work, ps := o.decode(data, at.Profile(at.Cloud))
	judge := stepJudge{Place: at}
	judge.steps("", data, []Planned{{Cloud: at.Cloud, Operation: o.Name}})
	if ps = append(ps, judge.problems...); len(ps) > 0 {
		return nil, ps.Limited()
	}
	return work, nil
}

// Planned is one follow-up step of a request, or of one of its steps.
type Planned struct {
	// Field is where it stands in the request's data.
	Field string
	// After is the cloud of what it follows, Cloud its own.
	After, Cloud string
	Operation    string
}

// Plan lists all follow-up steps of a request on a cloud, each before those
// that follow it. What cannot be read is left out.
func Plan(cloud string, data []byte) (all []Planned) {
	return planned(cloud, "", data)
}

func planned(cloud, path string, data []byte) (all []Planned) {
	for i, raw := range messages.StepsOf(data) {
		step, err := messages.ReadStep(raw)
		if err != nil {
			continue
		}
		p := Planned{Field: stepField(path, i), After: cloud, Cloud: or(step.Cloud, cloud), Operation: step.Operation}
		all = append(append(all, p), planned(p.Cloud, p.Field, step.Data)...)
	}
	return all
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func stepField(path string, i int) string {
	return messages.JoinField(path, fmt.Sprintf("options.on_success[%d]", i))
}

// stepJudge finds what is wrong with follow-up steps.
type stepJudge struct {
	Place
	problems messages.Problems
}

// steps judges those of one request; chain is what comes before them.
func (j *stepJudge) steps(path string, data []byte, chain []Planned) {
	steps := messages.StepsOf(data)
	if len(steps) > 0 && len(chain) > StepDepth {
		j.problems.Add(messages.JoinField(path, "options.on_success"), "is step %d of a chain; at most %d may come one after another", len(chain), StepDepth)
		return
	}
	for i, raw := range steps {
		if step, err := messages.ReadStep(raw); err == nil && step.Operation != "" {
			j.step(stepField(path, i), step, chain)
		}
	}
}

func (j *stepJudge) step(field string, step messages.Step, chain []Planned) {
	o, known := Lookup(step.Operation)
	if !known {
		j.problems.Add(messages.JoinField(field, "operation"), "is %q, which is no operation; %s", step.Operation, nearestOperation(step.Operation))
		return
	}
	here := Planned{Cloud: or(step.Cloud, chain[len(chain)-1].Cloud), Operation: step.Operation}
	if slices.Contains(chain, here) {
		j.problems.Add(field, "does %s on the same cloud a second time in one chain; a chain must not come back to what it has done", step.Operation)
		return
	}
	data := step.Data
	if o.Takes != "" {
		if given(data, o.Takes) {
			j.problems.Add(messages.JoinField(field, o.Takes), "is filled in with the image of what the step follows; leave it out")
		}
		data = fillIn(o, step, []string{placeholder})[0]
	}
	_, ps := o.decode(data, j.Profile(here.Cloud))
	for _, p := range ps {
		j.problems = append(j.problems, messages.Problem{Field: messages.JoinField(field, p.Field), Message: p.Message})
	}
	j.steps(field, step.Data, append(slices.Clone(chain), here))
}

func given(data json.RawMessage, field string) bool {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(data, &fields)
	_, there := fields[field]
	return there
}

// nearestOperation names the operation that was probably meant, else all.
func nearestOperation(name string) string {
	if near := Nearest(name, Names()); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known are " + strings.Join(Names(), ", ")
}

// Caused are the data of the requests that a step makes of the images of what
// it follows: one with all of them, one for each, or just one, as its
// operation takes them. None where it takes an image and there is none.
func Caused(step messages.Step, images []string) []json.RawMessage {
	o, known := Lookup(step.Operation)
	if !known {
		return nil
	}
	return fillIn(o, step, images)
}

func fillIn(o Operation, step messages.Step, images []string) (all []json.RawMessage) {
	values := []any{images}
	switch {
	case o.Takes == "":
		return []json.RawMessage{step.Data}
	case len(images) == 0:
		return nil
	case o.Takes != takesList:
		values = values[:0]
		for _, image := range images {
			values = append(values, image)
		}
	}
	for _, value := range values {
		if data, err := step.With(o.Takes, value); err == nil {
			all = append(all, data)
		}
	}
	return all
}

// takesList is the field of operations that take several images at once.
const takesList = "images"

// Named are the images that a request's data names: none of them is of its own
// making.
func Named(data []byte) []string {
	var d struct {
		ImageID string   `json:"image_id"`
		Images  []string `json:"images"`
	}
	if json.Unmarshal(data, &d) != nil || d.ImageID == "" {
		return d.Images
	}
	return append(d.Images, d.ImageID)
}

// Taken are the images that a request itself is about, if its operation takes
// any: what follows it is about them, where it makes none of its own.
func Taken(operation string, data []byte) []string {
	o, known := Lookup(operation)
	var fields map[string]json.RawMessage
	if !known || o.Takes == "" || json.Unmarshal(data, &fields) != nil {
		return nil
	}
	var one string
	if json.Unmarshal(fields[o.Takes], &one) == nil && one != "" {
		return []string{one}
	}
	var list []string
	_ = json.Unmarshal(fields[o.Takes], &list)
	return list
}
