package main

import (
	"strings"
	"testing"
)

// TestRowKeepsValues changes nothing of a value but what is not printable.
func TestRowKeepsValues(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"a   b/": "a   b/", " x ": " x ", "": "-", "two\nlines\tand a tab": `two\nlines\tand a tab`, "Größe": "Größe",
	} {
		var b strings.Builder
		if row(&b, "name", value); b.String() != "name\t"+want+"\n" {
			t.Errorf("%q: got %q", value, b.String())
		}
	}
}

// TestDataOnOneLine shortens what stands between the parts of the data, not what is in them.
func TestDataOnOneLine(t *testing.T) {
	data := strings.Replace(strings.ReplaceAll(copyData, ", ", ",\n  "), `"x"`, `"a   b"`, 1)
	_, out, _ := call(t, data, "submit", "copy-image", "--cloud", "demo", "--dry-run")
	if !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(out, "a   b", "a_b")), " "), `data {"image_id":"ea0d5dce-ddb2-4f6f-83e3-55da065347fd","name":"a_b"}`) {
		t.Errorf("got %q", out)
	}
}
