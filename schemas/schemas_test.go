package schemas_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/imsworker/imsworker/schemas"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestNames(t *testing.T) {
	t.Parallel()
	if got := schemas.Names(); !slices.IsSorted(got) || !slices.Contains(got, "copy-image") || slices.Contains(got, "event") {
		t.Errorf("names %v", got)
	}
	if _, ok := schemas.Operation("event"); ok {
		t.Error("the schema of events is taken for an operation's")
	}
	if _, ok := schemas.Operation("no-such-operation"); ok {
		t.Error("an operation without a schema has one")
	}
}

// TestSchemas/<name> compiles each schema and judges its own examples by it.
func TestSchemas(t *testing.T) {
	t.Parallel()
	all := map[string][]byte{"event": schemas.Event(), "backup": schemas.Backup(), "batch": schemas.Batch()}
	for _, name := range schemas.Names() {
		all[name], _ = schemas.Operation(name)
	}
	for name, text := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkSchema(t, name, text)
		})
	}
}

func checkSchema(t *testing.T, name string, text []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	root := doc.(map[string]any)
	id := schemas.Base + name + ".v1.json"
	if root["$id"] != id || root["title"] == "" || root["description"] == "" {
		t.Errorf("$id is %v, want %s; title and description are needed", root["$id"], id)
	}
	schema := compile(t, name, text)
	examples, _ := root["examples"].([]any)
	if len(examples) == 0 {
		t.Error("there are no examples")
	}
	for i, example := range examples {
		if err := schema.Validate(example); err != nil {
			t.Errorf("example %d: %v", i, err)
		}
	}
}

// TestOptions holds the copies of the options together: each schema stands
// alone, so that it can be handed out as one file.
func TestOptions(t *testing.T) {
	t.Parallel()
	var first json.RawMessage
	for _, name := range schemas.Names() {
		text, _ := schemas.Operation(name)
		var doc struct {
			Defs struct {
				Options json.RawMessage `json:"options"`
			} `json:"$defs"`
		}
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = doc.Defs.Options
		}
		if !bytes.Equal(first, doc.Defs.Options) {
			t.Errorf("%s: the options differ from those of %s", name, schemas.Names()[0])
		}
	}
}
