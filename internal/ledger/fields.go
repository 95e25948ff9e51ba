package ledger

import (
	"reflect"
	"strings"
)

// known are the JSON names of a record's fields, those included that an empty
// record leaves out. It is never written to.
var known = fieldNames()

func fieldNames() map[string]bool {
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Record]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
			names[name] = true
		}
	}
	return names
}

// onlyKnown reports whether sound JSON has no members on its first level but
// those of a record. It goes over the bytes once: nearly every record is one
// of ours, and decoding each with care costs more than all the rest.
func onlyKnown(data []byte) bool {
	depth, name := 0, true // name: the next string on the first level is one
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			name = depth == 1
		case '"':
			end := stringEnd(data, i+1)
			if depth == 1 && name && !known[string(data[i+1:end])] {
				return false
			}
			name, i = false, end
		}
	}
	return true
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
