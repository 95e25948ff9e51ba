package ledger

import (
	"reflect"
	"strings"
)

// fields are a record's fields by their JSON names, those included that an
// empty record leaves out. It is never written to.
var fields = fieldsByName()

func fieldsByName() map[string]int {
	byName := map[string]int{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Record]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" && name != "" {
			byName[name] = f.Index[0]
		}
	}
	return byName
}
