package engine_test

import (
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/ledger"
)

// TestCopyIsMarkedAfterwards: the creating call takes no tags.
func TestCopyIsMarkedAfterwards(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []reply
		unmark  bool
		calls   int
		warning string
	}{
		"at_once":    {nil, false, 1, ""},
		"throttled":  {[]reply{{status: 429, body: `{"error_code":"APIGW.0308"}`}}, false, 2, ""},
		"lost":       {[]reply{{status: 504}}, false, 2, ""},
		"refused":    {[]reply{refusal(400, "IMG.0116")}, false, 1, "the tags could not be put on"},
		"no_right":   {[]reply{{status: 403, body: `{"error_code":"APIGW.0302","error_msg":"no"}`}}, false, 1, "the tags could not be put on"},
		"not_wanted": {nil, true, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.cloud.tags = c.answers
				w.cloud.images = func(string) string { return `{"id":"` + copied + `","status":"active","__description":"plain"}` }
				w.start()
				key := w.request("a", func(r *ledger.Record) { r.Unmark = c.unmark })
				w.expect(key, "accepted submitted succeeded")
				if len(w.cloud.tagged) != c.calls {
					w.t.Fatalf("%d calls for tags, want %d", len(w.cloud.tagged), c.calls)
				}
				if c.calls > 0 && !strings.Contains(w.cloud.tagged[0], `{"key":"ims-request","value":"`+key+`"}`) {
					w.t.Errorf("tags %s", w.cloud.tagged[0])
				}
				if got := strings.Join(w.events.last(w.t, key).Warnings, " "); !strings.Contains(got, c.warning) || (got == "") != (c.warning == "") {
					w.t.Errorf("warnings %q, want %q", got, c.warning)
				}
			})
		})
	}
}
