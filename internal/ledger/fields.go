package ledger

import (
	"reflect"
	"strings"
)

// fieldNames returns the JSON names of a record's fields, those included that
// an empty record leaves out.
func fieldNames() map[string]bool {
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Record]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
			names[name] = true
		}
	}
	return names
}
