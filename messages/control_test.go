package messages_test

import (
	"strings"
	"testing"

	"github.com/imsworker/imsworker/messages"
)

func TestReadControl(t *testing.T) {
	t.Parallel()
	key := messages.Key("demo", "/s", "a")
	for name, c := range map[string]struct {
		verb, body string
		want       messages.Control
	}{
		"retry_by_key":   {"retry", `{"key":"` + key + `","attempt":1}`, messages.Control{Key: key, Attempt: 1}},
		"retry_by_id":    {"retry", `{"source":"/s","id":"a","attempt":2}`, messages.Control{Key: key, Source: "/s", ID: "a", Attempt: 2}},
		"resolve_done":   {"resolve", `{"key":"` + key + `","attempt":1,"as":"done","image_id":"i"}`, messages.Control{Key: key, Attempt: 1, As: "done", ImageID: "i"}},
		"cancel_newest":  {"cancel", `{"key":"` + key + `"}`, messages.Control{Key: key}},
		"cancel_delete":  {"cancel", `{"source":"/s","id":"a","attempt":2,"delete_image":true}`, messages.Control{Key: key, Source: "/s", ID: "a", Attempt: 2, DeleteImage: true}},
		"pause_all":      {"pause", `{}`, messages.Control{}},
		"resume_one":     {"resume", `{"operation":"copy-image"}`, messages.Control{Operation: "copy-image"}},
		"resolve_resend": {"resolve", `{"key":"` + key + `","attempt":1,"as":"resubmit"}`, messages.Control{Key: key, Attempt: 1, As: "resubmit"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := messages.ReadControl(c.verb, "demo", []byte(c.body))
			if len(problems) > 0 || got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, problems, c.want)
			}
		})
	}
}

func TestReadControlTellsAllProblems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verb, body string
		words      []string
	}{
		"nothing":   {"resolve", `{}`, []string{"key: is missing", "attempt: is missing", "as: is \"\""}},
		"cancel":    {"cancel", `{"attempt":0,"delete_image":"yes","as":"done"}`, []string{"key: is missing", "attempt: is 0", "delete_image: is \"yes\"", "as: is not known"}},
		"pause":     {"pause", `{"key":"x","operation":1}`, []string{"key: is not known; pause takes operation", "operation: is 1"}},
		"no_object": {"retry", `[]`, []string{`no JSON object; it must be one like {"key": "…", "attempt": 1}`}},
		"no_pause":  {"pause", `[]`, []string{`no JSON object; it must be one like {"operation": "copy-image"}, or {}`}},
		"no_json":   {"retry", `{`, []string{"JSON"}},
		"types":     {"resolve", `{"key":1,"attempt":"x","as":"maybe"}`, []string{"key: is 1", "attempt: is \"x\"", "as: is \"maybe\""}},
		"unknown":   {"retry", `{"key":"` + messages.Key("demo", "a", "b") + `","attempt":1,"as":"done"}`, []string{"as: is not known"}},
		"both":      {"retry", `{"key":"` + messages.Key("demo", "a", "b") + `","id":"b","source":"a","attempt":1}`, []string{"given beside"}},
		"done":      {"resolve", `{"source":"a","id":"b","attempt":0,"as":"done"}`, []string{"image_id: is missing", "attempt: is 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := messages.ReadControl(c.verb, "demo", []byte(c.body))
			for _, w := range c.words {
				if !strings.Contains(problems.Error(), w) {
					t.Errorf("%q does not say %q", problems.Error(), w)
				}
			}
		})
	}
}
