package messages

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
)

// structured reads a CloudEvent whose attributes and data stand together in
// the body.
func (r *reader) structured(kind string, body []byte) {
	if kind != "application/cloudevents+json" {
		r.add(HeaderContentType, "is %q; of structured CloudEvents only application/cloudevents+json is understood", brief(kind))
		return
	}
	members, ok := r.members(body)
	if !ok {
		return
	}
	attribute := func(name string) (string, bool) { return r.member(members, name) }
	r.attributes("", attribute)
	if text, given := attribute("datacontenttype"); given {
		r.checkDataKind("datacontenttype", text)
	}
	r.structuredData(members)
}

// members splits the body. What is too large is still read for its identity,
// what is not JSON cannot be.
func (r *reader) members(body []byte) (map[string]json.RawMessage, bool) {
	if checkSyntax(body, &r.problems); !json.Valid(body) {
		return nil, false
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		r.add("", "a structured CloudEvent is a JSON object")
		return nil, false
	}
	for _, name := range repeatedNames(body) {
		r.unclear = r.unclear || name == "source" || name == "id"
		r.add(name, "the field is given twice in one object; give it once")
	}
	return members, true
}

// repeatedNames lists the names that an object gives more than once, not
// looking inside its members.
func repeatedNames(object []byte) []string {
	dec := json.NewDecoder(bytes.NewReader(object))
	if _, err := dec.Token(); err != nil {
		return nil
	}
	var repeated []string
	seen := make(map[string]int)
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || dec.Decode(&value) != nil {
			return repeated
		}
		if seen[name]++; seen[name] == 2 {
			repeated = append(repeated, name)
		}
	}
	return repeated
}

// member gives an attribute of a structured event. Null is the same as absent.
func (r *reader) member(members map[string]json.RawMessage, name string) (string, bool) {
	raw, given := members[name]
	if !given || string(raw) == "null" {
		return "", false
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		r.add(name, "is %s; the attribute must be a string", brief(string(raw)))
	}
	return text, true
}

func (r *reader) structuredData(members map[string]json.RawMessage) {
	data, plain := members["data"]
	encoded, coded := members["data_base64"]
	switch {
	case plain && coded:
		r.add("data_base64", "is given together with data; send one of them")
	case plain:
		r.takeData(data)
	case coded:
		r.takeBase64(encoded)
	default:
		r.add("data", "is missing; send the operation's fields as a JSON object")
	}
}

func (r *reader) takeBase64(encoded json.RawMessage) {
	var text string
	if json.Unmarshal(encoded, &text) != nil {
		r.add("data_base64", "must be a string of base64")
		return
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		r.add("data_base64", "is not base64: %s", err)
		return
	}
	r.takeData(data)
}
