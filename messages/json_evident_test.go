package messages

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// walked is what the walker alone says.
func walked(data []byte) Problems {
	var ps Problems
	w := walker{dec: json.NewDecoder(bytes.NewReader(data)), ps: &ps}
	w.dec.UseNumber()
	w.value("", 0)
	return ps
}

func TestEvident(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]bool{
		`{}`: true, `[]`: true, `7`: true, `"a"`: true, ` [ 1 , {"a" : "b,\"{" } ] `: true,
		`{"a":{"b":1},"c":[{"b":2},{"b":3}],"d":"a"}`:                     true,
		`{"a":1,"b":{"c":2},"a":3}`:                                       false,
		`{"a":[{"b":1,"b":2}]}`:                                           false,
		`{"a":1,"\u0061":2}`:                                              false,
		strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth):     true,
		strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1): false,
	} {
		if got := evident([]byte(data)); got != want || got && len(walked([]byte(data))) > 0 {
			t.Errorf("%s: got %t, want %t; the walker says %v", data, got, want, walked([]byte(data)))
		}
	}
}

// FuzzEvident: in what is evident the walker finds nothing.
func FuzzEvident(f *testing.F) {
	for _, seed := range []string{`{"a":{"b":[1,{"c":"\\"}]},"d":"x"}`, `{"a":1,"a":2}`, `[{"a":"\"a"},{"a":1}]`, `"\""`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if json.Valid(data) && evident(data) && len(walked(data)) > 0 {
			t.Errorf("evident, but %v", walked(data))
		}
	})
}
