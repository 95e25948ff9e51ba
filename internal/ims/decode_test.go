package ims

import (
	"encoding/json"
	"testing"
)

// TestTextReadsAsJSONDoes: the short way for plain strings gives what
// encoding/json gives.
func TestTextReadsAsJSONDoes(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{`""`, `"plain"`, `"ünïcode"`, `"a\"b\\c\u00e9\n"`, "\"broken \xff bytes\"", `"\ud800"`} {
		var want string
		if err := json.Unmarshal([]byte(raw), &want); err != nil {
			t.Fatal(err)
		}
		var got struct {
			T text `json:"t"`
		}
		if err := json.Unmarshal([]byte(`{"t":`+raw+`}`), &got); err != nil || string(got.T) != want {
			t.Errorf("%s: got %q, %v; want %q", raw, got.T, err, want)
		}
	}
}
