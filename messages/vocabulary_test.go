package messages

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestKey compares with values made by another program: sha256sum and base32
// of "demo", "/nightly" and "7" on three lines.
func TestKey(t *testing.T) {
	t.Parallel()
	key := Key("demo", "/nightly", "7")
	if key != "4wbixfwg2uilgakncbzszkbajq" {
		t.Errorf("key %q", key)
	}
	if !ValidKey(key) || ValidKey(key[1:]) || ValidKey(strings.ToUpper(key)) {
		t.Error("keys are not told from other text")
	}
	if Key("demo", "/nightly7", "") == key {
		t.Error("parts run together")
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		EventSubject("c", "op", StateSucceeded, "k", 2): "ims.event.c.op.final.succeeded.k.2",
		EventSubject("c", "op", StateLate, "k", 1):      "ims.event.c.op.life.late.k.1",
		AnyEventSubject("c", "k", 1):                    "ims.event.c.*.*.*.k.1",
		AnyFinalSubject("c", "op", "k", 1):              "ims.event.c.op.final.*.k.1",
		RequestSubject("c", "op"):                       "ims.request.c.op",
	} {
		if got != want {
			t.Errorf("subject %q, want %q", got, want)
		}
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	var final, bad []string
	for _, s := range States() {
		if s.Final() {
			final = append(final, string(s))
		}
		if s.NotSucceeded() {
			bad = append(bad, string(s))
		}
	}
	if got := strings.Join(final, " "); got != "succeeded failed rejected cancelled unresolved batch-completed" {
		t.Errorf("final: %s", got)
	}
	if got := strings.Join(bad, " "); got != "failed rejected unresolved" {
		t.Errorf("not succeeded: %s", got)
	}
	if len(Reasons()) != 13 {
		t.Errorf("%d reasons, want 13", len(Reasons()))
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	accepted := time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"90m":                       accepted.Add(90 * time.Minute),
		"1h30m":                     accepted.Add(90 * time.Minute),
		"2026-11-22T00:00:00+01:00": accepted.Add(time.Hour),
	} {
		d, err := ParseDeadline(text)
		if err != nil || !d.At(accepted).Equal(want) {
			t.Errorf("%s: %v %v, want %v", text, d.At(accepted), err, want)
		}
		if again, err := ParseDeadline(d.String()); err != nil || again != d {
			t.Errorf("%s written as %s is not read back: %v", text, d, err)
		}
	}
	for _, text := range []string{"", "0s", "-1h", "2 h", "tomorrow", "2026-11-22", "9999999h", "2026-11-22T00:00:00+24:00"} {
		if _, err := ParseDeadline(text); err == nil {
			t.Errorf("%q is taken as a deadline", text)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	var o Options
	if o.Rank() != 1 || !o.PreflightWanted() || !o.MarkerKept() {
		t.Errorf("zero options do not hold the defaults: %+v", o)
	}
	text := `{"deadline":"2h0m0s","priority":"low","not_before":"2026-11-21T22:00:00Z","preflight":false,"keep_marker":false}`
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	if o.Rank() != 2 || o.PreflightWanted() || o.MarkerKept() {
		t.Errorf("options are not read: %+v", o)
	}
	if again, err := json.Marshal(o); err != nil || string(again) != text {
		t.Errorf("written %s %v, want %s", again, err, text)
	}
}
