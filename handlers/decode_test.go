package handlers_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
	"github.com/imsworker/imsworker/schemas"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// onlyGo names the invalid fixtures that the schema lets pass, and why it
// cannot know better.
var onlyGo = map[string]string{
	"create-whole-image/invalid-repeated-tag":        "keys of different items cannot be compared",
	"create-whole-image/invalid-integral-float":      "1e3 and 2.0 are whole numbers to JSON Schema",
	"create-whole-image/invalid-field-twice":         "a parsed object has each name once",
	"copy-image/invalid-chinese-name":                "the profile of the cloud is not in the data",
	"copy-image/invalid-deadline-before-start":       "it compares two times",
	"copy-image/invalid-follow-up":                   "what a step may hold depends on its operation",
	"copy-image/invalid-long-chain":                  "the depth of a chain is counted in Go",
	"copy-image-cross-region/invalid-on-otc":         "the profile of the cloud is not in the data",
	"copy-image-cross-region/invalid-repeated-tag":   "keys of different items cannot be compared",
	"share-image/invalid-only-on-huaweicloud":        "the profile of the cloud is not in the data",
	"share-image/invalid-too-many-pairs":             "it multiplies two lengths",
	"unshare-image/invalid-only-on-huaweicloud":      "the profile of the cloud is not in the data",
	"unshare-image/invalid-too-many-pairs":           "it multiplies two lengths",
	"tag-image/invalid-repeated-tag":                 "keys of different items cannot be compared",
	"update-image/invalid-chinese-name":              "the profile of the cloud is not in the data",
	"update-image/invalid-memory-order":              "it compares two numbers",
	"copy-image/invalid-zero-deadline":               "the sum of a duration's parts is arithmetic",
	"copy-image/invalid-leap-second":                 "RFC 3339 has leap seconds, the time package has none",
	"create-system-image/invalid-same-file":          "values of different fields cannot be compared",
	"create-system-image/invalid-of-huaweicloud":     "the profile of the cloud is not in the data",
	"create-system-image/invalid-chinese-name":       "the profile of the cloud is not in the data",
	"create-data-image/invalid-small-disk-at-huawei": "the profile of the cloud is not in the data",
	"create-data-image/invalid-same-volume":          "fields of different items cannot be compared",
	"create-data-image/invalid-repeated-tag":         "keys of different items cannot be compared",
	"import-image/invalid-repeated-tag":              "keys of different items cannot be compared",
	"import-image/invalid-of-huaweicloud":            "the profile of the cloud is not in the data",
	"register-image/invalid-repeated-tag":            "keys of different items cannot be compared",
	"bulk-copy/invalid-placeholders":                 "the language of placeholders is ours",
	"bulk-copy/invalid-places":                       "fields of different items cannot be compared",
	"bulk-copy/invalid-leap-second":                  "Go knows no leap seconds",
	"bulk-copy/invalid-follow-up":                    "operations are known to the table only",
}

// fixture is one file of testdata; what is wrong with an invalid one stands
// beside it, a problem a line.
type fixture struct {
	name      string // operation/file without ending
	operation handlers.Operation
	data      []byte
}

func fixtures(t testing.TB) []fixture {
	t.Helper()
	var all []fixture
	for _, operation := range handlers.All() {
		files, err := filepath.Glob(filepath.Join("testdata", operation.Name, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := operation.Name + "/" + strings.TrimSuffix(filepath.Base(file), ".json")
			all = append(all, fixture{name: name, operation: operation, data: data})
		}
	}
	return all
}

// profile is that of the cloud that judges: otc, but for what exists on
// huaweicloud only, or is refused only there.
func (f fixture) profile() ims.Profile {
	if strings.HasSuffix(f.name, "-at-huawei") {
		return ims.ProfileHuawei
	}
	if f.operation.Name == "copy-image-cross-region" && !strings.HasSuffix(f.name, "-on-otc") {
		return ims.ProfileHuawei
	}
	return ims.ProfileOTC
}

func (f fixture) valid() bool { return strings.Contains(f.name, "/valid-") }

// problems are those written beside the fixture.
func (f fixture) problems(t testing.TB) string {
	t.Helper()
	if f.valid() {
		return ""
	}
	text, err := os.ReadFile(filepath.Join("testdata", f.name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func lines(ps messages.Problems) string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

// TestDecode judges each fixture by Decode and by the schema, alike but for
// the named exceptions.
func TestDecode(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures(t) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			work, problems := f.operation.Decode(f.data, f.profile())
			if got, want := lines(problems), f.problems(t); got != want {
				t.Errorf("problems\n got %s\nwant %s", got, want)
			}
			if (work != nil) != f.valid() {
				t.Errorf("work is %v", work)
			}
			_, exempt := onlyGo[f.name]
			if err := judge(t, f); (err == nil) != (f.valid() || exempt) {
				t.Errorf("the schema says %v, exempt %t", err, exempt)
			}
		})
	}
}

func judge(t *testing.T, f fixture) error {
	t.Helper()
	text, _ := schemas.Operation(f.operation.Name)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(f.data))
	if err != nil {
		t.Fatal(err)
	}
	return compiler.MustCompile("schema.json").Validate(tree)
}

// TestOnlyGo keeps the list of exceptions free of fixtures that are gone.
func TestOnlyGo(t *testing.T) {
	t.Parallel()
	all := fixtures(t)
	for name := range onlyGo {
		if !slices.ContainsFunc(all, func(f fixture) bool { return f.name == name }) {
			t.Errorf("there is no fixture %s", name)
		}
	}
}

func TestDecodeByProfile(t *testing.T) {
	t.Parallel()
	operation, _ := handlers.Lookup("copy-image")
	data := []byte(`{"image_id":"465076de-dc36-4aec-80f5-ef9d8009428f","name":"镜像 1"}`)
	if _, problems := operation.Decode(data, ims.ProfileHuawei); len(problems) > 0 {
		t.Errorf("profile huaweicloud: %v", problems)
	}
	if _, problems := operation.Decode(data, ims.ProfileOTC); len(problems) != 1 {
		t.Errorf("profile otc: %v", problems)
	}
}

func TestDecodeBounds(t *testing.T) {
	t.Parallel()
	operation, _ := handlers.Lookup("copy-image")
	var data bytes.Buffer
	data.WriteString(`{"x":1`)
	for i := range 1000 {
		data.WriteString(`,"` + strings.Repeat("y", i+1) + `":"` + strings.Repeat("z", 20) + `"`)
	}
	data.WriteString("}")
	_, problems := operation.Decode(data.Bytes(), ims.ProfileOTC)
	if len(problems) != 51 || len(problems.Error()) > 50_000 {
		t.Errorf("%d problems in %d bytes", len(problems), len(problems.Error()))
	}
}

func FuzzDecode(f *testing.F) {
	for _, fixture := range fixtures(f) {
		f.Add(fixture.operation.Name, fixture.data)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		operation, ok := handlers.Lookup(name)
		if !ok {
			return
		}
		work, problems := operation.Decode(data, ims.ProfileHuawei)
		if (work == nil) == (len(problems) == 0) {
			t.Errorf("work %v, problems %v", work, problems)
		}
		for _, p := range problems {
			if p.Message == "" || strings.ContainsAny(p.Message, "\r\n") {
				t.Errorf("problem %q is not one line of words", p)
			}
		}
	})
}

// TestImportsByProfile has what only one profile's clouds take.
func TestImportsByProfile(t *testing.T) {
	t.Parallel()
	const file = `"name":"n","image_url":"images:base.qcow2"`
	for _, tt := range []struct {
		operation, data string
		otc, huawei     string
	}{
		{"create-system-image", `{` + file + `,"min_disk":39}`, "", "min_disk"},
		{"create-data-image", `{` + file + `,"min_disk":39}`, "", "min_disk"},
		{"import-image", `{` + file + `,"min_disk":39,"os_version":"o"}`, "", ""},
		{"register-image", `{` + file + `,"min_disk":39}`, "", ""},
		{"create-system-image", `{` + file + `,"min_disk":40,"os_type":"Linux"}`, "", "os_type"},
		{"create-system-image", `{` + file + `,"min_disk":40,"architecture":"arm"}`, "architecture", ""},
		{"create-system-image", `{` + file + `,"min_disk":40,"is_config_init":true}`, "is_config_init", ""},
		{"import-image", `{` + file + `,"min_disk":40,"os_version":"o","license_type":"byol"}`, "license_type", ""},
		{"create-data-image", `{"data_images":[{"name":"镜像","volume_id":"16369c5d-384d-4e64-b37a-56d898769362"}]}`, "data_images[0].name", ""},
	} {
		operation, _ := handlers.Lookup(tt.operation)
		for profile, want := range map[ims.Profile]string{ims.ProfileOTC: tt.otc, ims.ProfileHuawei: tt.huawei} {
			_, problems := operation.Decode([]byte(tt.data), profile)
			var fields []string
			for _, p := range problems {
				fields = append(fields, p.Field)
			}
			if got := strings.Join(fields, " "); got != want {
				t.Errorf("%s %s on %s: problems in %q, want %q", tt.operation, tt.data, profile, got, want)
			}
		}
	}
}
