package messages

import "testing"

const (
	starting = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ownSpan  = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

// TestTraceID: by W3C Trace Context, section 3.2.
func TestTraceID(t *testing.T) {
	t.Parallel()
	const id, rest = "0af7651916cd43dd8448eb211c80319c", "-b7ad6b7169203331-01"
	for parent, want := range map[string]string{
		starting:                            id,
		"00-" + id + "-b7ad6b7169203331-00": id,
		"01-" + id + rest + "-more":         id,
		"cc-" + id + rest:                   id,
		"":                                  "",
		"00-a-b-01":                         "",
		"00-" + id + rest + "-more":         "",
		"00-" + id + rest + "x":             "",
		"01-" + id + rest + "x":             "",
		"ff-" + id + rest:                   "",
		"00-0AF7651916CD43DD8448EB211C80319C" + rest: "",
		"00-00000000000000000000000000000000" + rest: "",
		"00-" + id + "-0000000000000000-01":          "",
		"00_" + id + rest:                            "",
		"0g-" + id + rest:                            "",
		"00-" + id + "-b7ad6b7169203331-0g":          "",
	} {
		if got := (Trace{Parent: parent}).ID(); got != want {
			t.Errorf("%q: got %q, want %q", parent, got, want)
		}
	}
}

func TestTraceIDCostsNothing(t *testing.T) {
	trace := Trace{Parent: starting}
	if n := testing.AllocsPerRun(100, func() { _ = trace.ID() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
