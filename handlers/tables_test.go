package handlers_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
)

// constraint is one line of testdata/constraints.txt.
type constraint struct {
	section, row, operation string
	held, by                string // check image-active; by is empty for schema, allowed and open
	tried                   string
}

// name is that of the constraint's case.
func (c constraint) name() string { return c.operation + " | " + c.row }

// constraints reads the list of the rows of the API reference's tables.
func constraints(t *testing.T) (all []constraint) {
	t.Helper()
	text, err := os.ReadFile("testdata/constraints.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			t.Fatalf("%q has %d cells, want 5", line, len(cells))
		}
		for i, cell := range cells {
			cells[i] = strings.TrimSpace(cell)
		}
		held, by, _ := strings.Cut(cells[3], " ")
		all = append(all, constraint{section: cells[0], row: cells[1], operation: cells[2], held: held, by: by, tried: cells[4]})
	}
	return all
}

// TestConstraints holds the list together: each line has what its kind needs,
// none is there twice, and each check of the cloud, and each documented code
// that is left to it, stands in some line.
func TestConstraints(t *testing.T) {
	t.Parallel()
	seen, checks := map[string]bool{}, map[string]bool{}
	for _, c := range constraints(t) {
		operation, known := handlers.Lookup(c.operation)
		if !known || seen[c.name()] && c.held != "schema" {
			t.Errorf("%s: operation known %t, or the line is there twice", c.name(), known)
		}
		seen[c.name()] = true
		if problem := c.problem(operation); problem != "" {
			t.Errorf("%s: %s", c.name(), problem)
		}
		if c.held == "check" {
			checks[c.operation+" "+c.by] = true
		}
	}
	for _, operation := range handlers.All() {
		for _, rule := range operation.Rules {
			wanted := rule.Asks && slices.Contains(ofTables, operation.Name) && !slices.Contains(alsoThere, rule.ID)
			if wanted && !checks[operation.Name+" "+rule.ID] {
				t.Errorf("%s: no line has its check %s", operation.Name, rule.ID)
			}
		}
	}
}

// ofTables are the operations that the tables are about. Those of other
// sections stand in the list only where a table says something of them.
var ofTables = []string{
	"create-whole-image", "create-system-image", "create-data-image", "import-image", "register-image", "copy-image",
	"copy-image-cross-region", "export-image", "export-volume", "share-image", "unshare-image", "answer-share",
}

// alsoThere are the checks that operations have beyond the tables: that what
// they name exists, and is ready.
var alsoThere = []string{"image-exists", "image-active"}

// problem says what is wrong with a line by itself.
func (c constraint) problem(operation handlers.Operation) string {
	asks := func(id string) (asks, known bool) {
		i := slices.IndexFunc(operation.Rules, func(r handlers.Rule) bool { return r.ID == id })
		return i >= 0 && operation.Rules[i].Asks, i >= 0
	}
	online, known := asks(c.by)
	switch c.held {
	case "schema", "allowed":
		return problemIf(c.by != "", "takes no id")
	case "rule":
		return problemIf(!known || online, "is no rule of the operation")
	case "check":
		return problemIf(!known || !online, "is no check of the operation")
	case "cloud":
		_, documented := ims.Explain(c.by)
		return problemIf(!documented && c.by != noCode || c.tried == "", "has no documented code or no reason")
	case "open":
		return problemIf(c.by != "" || c.tried == "", "has no reason")
	default:
		return "is held by " + c.held
	}
}

// noCode is the number with which EVS refuses where it has no code.
const noCode = "400"

func problemIf(wrong bool, words string) string {
	if wrong {
		return words
	}
	return ""
}

// TestConstraintsOfData finds for each line that the data alone can break the
// fixture that breaks it: Decode refuses it and names the field.
func TestConstraintsOfData(t *testing.T) {
	t.Parallel()
	all := fixtures(t)
	for _, c := range constraints(t) {
		if c.held != "schema" && c.held != "rule" {
			continue
		}
		file, field, _ := strings.Cut(c.tried, " ")
		i := slices.IndexFunc(all, func(f fixture) bool { return f.name == c.operation+"/"+file })
		if i < 0 {
			t.Errorf("%s: there is no fixture %s", c.name(), file)
			continue
		}
		work, problems := all[i].operation.Decode(all[i].data, all[i].profile())
		named := strings.Contains("\n"+lines(problems), "\n"+field)
		if work != nil || field == "" || !named {
			t.Errorf("%s: %s breaks %q, want %q among it", c.name(), file, lines(problems), field)
		}
		if _, onlyRule := onlyGo[all[i].name]; onlyRule && c.held == "schema" {
			t.Errorf("%s: the schema lets %s pass", c.name(), file)
		}
	}
}
