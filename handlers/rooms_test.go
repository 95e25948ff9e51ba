package handlers_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/messages"
	"github.com/imsworker/imsworker/schemas"
	"go.yaml.in/yaml/v3"
)

// asyncAPI is what the test reads of the AsyncAPI document.
type asyncAPI struct {
	Version  string `yaml:"asyncapi"`
	Channels map[string]struct {
		Address   string         `yaml:"address"`
		Operation string         `yaml:"x-operation"`
		JetStream map[string]any `yaml:"x-jetstream"`
	} `yaml:"channels"`
	Operations map[string]struct {
		Action  string `yaml:"action"`
		Channel struct {
			Ref string `yaml:"$ref"`
		} `yaml:"channel"`
	} `yaml:"operations"`
	Components struct {
		Parameters struct {
			Operation struct {
				Enum []string `yaml:"enum"`
			} `yaml:"operation"`
		} `yaml:"parameters"`
		Messages map[string]struct {
			Name    string `yaml:"name"`
			Payload struct {
				Schema struct {
					Ref string `yaml:"$ref"`
				} `yaml:"schema"`
			} `yaml:"payload"`
		} `yaml:"messages"`
	} `yaml:"components"`
}

func readAsyncAPI(t *testing.T) asyncAPI {
	t.Helper()
	var doc asyncAPI
	if err := yaml.Unmarshal(schemas.AsyncAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestRooms fails where an operation is missing in one of the places that
// must know it.
func TestRooms(t *testing.T) {
	t.Parallel()
	want := slices.Sorted(slices.Values(handlers.Names()))
	doc := readAsyncAPI(t)
	for place, got := range map[string][]string{
		"schemas":              schemas.Names(),
		"fixtures":             fixtureFolders(t),
		"README":               operationsIn(t, "../README.md", "\n### Requests\n"),
		"docs/requests.md":     operationsIn(t, "../docs/requests.md", "\n## Operations\n"),
		"AsyncAPI channels":    channelOperations(t, doc),
		"AsyncAPI operations":  receivedOperations(doc),
		"AsyncAPI parameter":   doc.Components.Parameters.Operation.Enum,
		"AsyncAPI message":     messageOperations(doc, func(name, ref string) bool { return ref != "" }),
		"AsyncAPI payload ref": messageOperations(doc, func(name, ref string) bool { return ref == "./"+name+".v1.json" }),
	} {
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", place, got, want)
		}
	}
	if doc.Version != "3.0.0" {
		t.Errorf("AsyncAPI %s", doc.Version)
	}
}

// operationsIn are those of the first table behind a heading of a page; a row
// may be about several.
func operationsIn(t *testing.T, page, heading string) (names []string) {
	t.Helper()
	text, err := os.ReadFile(page) //nolint:gosec // a page of our own
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), heading)
	_, table, _ := strings.Cut(section, "\n|---|---|")
	_, table, _ = strings.Cut(table, "\n")
	table, _, _ = strings.Cut(table, "\n\n")
	for row := range strings.Lines(table) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
		for name := range strings.SplitSeq(cell, ",") {
			names = append(names, strings.Trim(name, " `"))
		}
	}
	return names
}

func fixtureFolders(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() && entry.Name() != "fuzz" {
			names = append(names, entry.Name())
		}
	}
	return names
}

func channelOperations(t *testing.T, doc asyncAPI) (names []string) {
	t.Helper()
	for name, channel := range doc.Channels {
		live := channel.Address == "" || strings.HasPrefix(channel.Address, "ims.query.") // plain request and reply
		if !live && channel.JetStream["stream"] == nil {
			t.Errorf("channel %s names no stream", name)
		}
		if channel.Operation == "" {
			continue
		}
		names = append(names, channel.Operation)
		if want := messages.RequestSubject("{cloud}", channel.Operation); channel.Address != want {
			t.Errorf("channel %s has address %s, want %s", name, channel.Address, want)
		}
	}
	return names
}

// receivedOperations lists those that receive requests; control messages are
// received too.
func receivedOperations(doc asyncAPI) (names []string) {
	for name, operation := range doc.Operations {
		channel := doc.Channels[strings.TrimPrefix(operation.Channel.Ref, "#/channels/")]
		if operation.Action == "receive" && channel.Operation != "" {
			names = append(names, name)
		}
	}
	return names
}

// messageOperations lists the operations whose request message fits.
func messageOperations(doc asyncAPI, fits func(name, ref string) bool) (names []string) {
	for _, name := range handlers.Names() {
		for _, message := range doc.Components.Messages {
			if message.Name == messages.RequestType(name) && fits(name, message.Payload.Schema.Ref) {
				names = append(names, name)
			}
		}
	}
	return names
}

// TestFixturesOfBothKinds wants valid and invalid fixtures of each operation.
func TestFixturesOfBothKinds(t *testing.T) {
	t.Parallel()
	valid, invalid := map[string]int{}, map[string]int{}
	for _, f := range fixtures(t) {
		if f.valid() {
			valid[f.operation.Name]++
		} else {
			invalid[f.operation.Name]++
		}
	}
	for _, name := range handlers.Names() {
		if valid[name] == 0 || invalid[name] == 0 {
			t.Errorf("%s has %d valid and %d invalid fixtures", name, valid[name], invalid[name])
		}
	}
}

// TestTable holds the numbers that other rooms rely on.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, operation := range handlers.All() {
		found, ok := handlers.Lookup(operation.Name)
		if !ok || found.Name != operation.Name {
			t.Errorf("%s is not found by its name", operation.Name)
		}
		if operation.Bucket == "" || operation.Deadline <= 0 || operation.Horizon < 0 {
			t.Errorf("%s has no bucket, deadline or horizon", operation.Name)
		}
	}
	if _, ok := handlers.Lookup("no-such-operation"); ok {
		t.Error("an operation is found that does not exist")
	}
}
