package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"time"
)

// Decode reads a record. Fields it does not know are kept in Extra.
func Decode(data []byte) (*Record, error) {
	if r, plain := decodePlain(data); plain {
		return r, nil
	}
	return decodeAny(data)
}

type plainRecord Record

// decodeAny reads every record that is sound JSON.
func decodeAny(data []byte) (*Record, error) {
	r := &Record{}
	if err := json.Unmarshal(data, (*plainRecord)(r)); err != nil {
		return nil, fmt.Errorf("decode record: %w", err)
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("decode record: %w", err)
	}
	maps.DeleteFunc(all, func(name string, _ json.RawMessage) bool { _, known := fields[name]; return known })
	if len(all) > 0 {
		r.Extra = all
	}
	return r, nil
}

// errNotPlain says that a record has to be read with more care.
var errNotPlain = errors.New("not as encode writes it")

// decodePlain reads a record as encode writes nearly all of them: without
// space between members and with known names only. Reading them is most of
// what it takes to take a shard over, and encoding/json goes over each byte
// several times. False: anything is not as expected, read it with decodeAny.
func decodePlain(data []byte) (*Record, bool) {
	if len(data) < 2 || data[0] != '{' {
		return nil, false
	}
	r := &Record{}
	into := reflect.ValueOf(r).Elem()
	for rest := data; ; {
		name, value, after := member(rest[1:]) // what is before it is a brace or a comma
		field, known := fields[string(name)]
		if !known || set(into.Field(field), value) != nil {
			return nil, false
		}
		if rest = after; rest[0] != ',' {
			return r, string(rest) == "}"
		}
	}
}

// member takes the first member off; after begins with the comma or the brace
// that follows it. Without a name there is none that could be read.
func member(data []byte) (name, value, after []byte) {
	if len(data) == 0 || data[0] != '"' {
		return nil, nil, nil
	}
	end := stringEnd(data, 1)
	if end+2 >= len(data) || data[end+1] != ':' {
		return nil, nil, nil
	}
	name, data = data[1:end], data[end+2:]
	size := valueEnd(data)
	if size >= len(data) {
		return nil, nil, nil
	}
	return name, data[:size], data[size:]
}

// valueEnd is where the value ends that data begins with: at the comma or the
// brace of what it is a member of.
func valueEnd(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = stringEnd(data, i+1)
		case '{', '[':
			depth++
		case ',':
			if depth == 0 {
				return i
			}
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return len(data)
}

// stringEnd is where the string that begins at i ends.
func stringEnd(data []byte, i int) int {
	for i < len(data) && data[i] != '"' {
		if data[i] == '\\' {
			i++
		}
		i++
	}
	return i
}

// set reads one value into a field. What it does not know how to read is left
// to encoding/json.
func set(field reflect.Value, value []byte) error {
	if len(value) == 0 || value[0] == 'n' { // null means different things
		return errNotPlain
	}
	into := field.Addr().Interface()
	switch into := into.(type) {
	case *time.Time:
		return into.UnmarshalJSON(value)
	case *[]time.Time:
		return setTimes(into, value)
	case *json.RawMessage:
		if !json.Valid(value) {
			return errNotPlain
		}
		*into = bytes.Clone(value)
		return nil
	}
	switch {
	case field.Kind() == reflect.String && isPlain(value):
		field.SetString(string(value[1 : len(value)-1]))
		return nil
	case field.Kind() == reflect.Int && value[0] >= '1' && value[0] <= '9':
		n, err := strconv.Atoi(string(value))
		field.SetInt(int64(n))
		return err
	}
	return json.Unmarshal(value, into)
}

// setTimes reads a list with at least one time.
func setTimes(into *[]time.Time, value []byte) error {
	*into = nil
	if value[0] != '[' {
		return errNotPlain
	}
	for rest := value; ; {
		end := valueEnd(rest[1:]) + 1 // what is before it is the bracket or a comma
		var t time.Time
		if err := t.UnmarshalJSON(rest[1:end]); err != nil {
			return err
		}
		*into = append(*into, t)
		rest = rest[end:]
		if string(rest) == "]" {
			return nil
		}
		if len(rest) == 0 || rest[0] != ',' {
			return errNotPlain
		}
	}
}

// isPlain says whether a value is a string that stands for itself.
func isPlain(value []byte) bool {
	last := len(value) - 1
	if last < 1 || value[0] != '"' || value[last] != '"' {
		return false
	}
	for _, b := range value[1:last] {
		if b < ' ' || b > '~' || b == '"' || b == '\\' {
			return false
		}
	}
	return true
}
