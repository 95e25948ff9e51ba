package rebuild

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// The answers for a request that somebody asks about.
const (
	Done     = "done"      // an image is active
	Running  = "running"   // an image is queued or saving
	Failed   = "failed"    // the cloud gave the image up
	NotFound = "not-found" // nothing carries its marker, which proves little: see Report.CannotBeKnown
)

// Request is one request that a publisher remembers, and what was found of it.
type Request struct {
	Source string   `json:"source"`
	ID     string   `json:"id"`
	Key    string   `json:"key"`
	State  string   `json:"state"`
	Images []string `json:"image_ids,omitempty"`
}

// longest is the longest line of a publisher's list: a request has at most 64 KiB.
const longest = 128 << 10

// ReadRequests reads what a publisher remembers: JSON objects, one a line, with
// the id of each request and its source, as CloudEvents have them; a request
// that came as plain JSON has none. Other fields do not matter. All mistakes
// are told at once, with their lines. The cloud is the one that the requests
// were sent to.
func ReadRequests(r io.Reader, cloud string) ([]Request, error) {
	var all []Request
	var wrong []error
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longest)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		request, err := readRequest(lines.Bytes(), cloud)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		all = append(all, request)
	}
	if err := lines.Err(); err != nil {
		wrong = append(wrong, fmt.Errorf("read the requests: %w", err))
	}
	return all, errors.Join(wrong...)
}

func readRequest(line []byte, cloud string) (Request, error) {
	request := Request{Source: messages.PlainSource}
	if err := json.Unmarshal(line, &request); err != nil {
		return request, fmt.Errorf(`a JSON object with "id" and "source" is wanted: %w`, err)
	}
	if request.ID == "" || request.Source == "" {
		return request, fmt.Errorf(`"id" is %q and "source" %q: neither may be empty; without "source" it is %q`, request.ID, request.Source, messages.PlainSource)
	}
	return Request{Source: request.Source, ID: request.ID, Key: messages.Key(cloud, request.Source, request.ID)}, nil
}

// Match says of each request what was found of it.
func (r *Report) Match(requests []Request) {
	byKey := make(map[string][]Image)
	for _, i := range r.Images {
		byKey[i.Key] = append(byKey[i.Key], i)
	}
	r.Requests = make([]Request, 0, len(requests))
	for _, request := range requests {
		request.State = stateOf(byKey[request.Key])
		for _, i := range byKey[request.Key] {
			request.Images = append(request.Images, i.ImageID)
		}
		r.Requests = append(r.Requests, request)
	}
}

// stateOf is the best of the images' states.
func stateOf(images []Image) string {
	has := func(states ...string) bool {
		return slices.ContainsFunc(images, func(i Image) bool { return slices.Contains(states, i.Status) })
	}
	switch {
	case has(ims.ImageActive):
		return Done
	case has(ims.ImageQueued, ims.ImageSaving):
		return Running
	case len(images) > 0:
		return Failed
	}
	return NotFound
}
