package ledger

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/imsworker/imsworker/messages"
)

// TestBrief: what a list reads of a record is what Decode reads, however the
// record was written.
func TestBrief(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	living := &Record{
		Version: Version, Key: "abcdefghijklmnopqrstuvwxyz", Cloud: "demo", Operation: "copy-image", Source: "/s", ID: "1", Attempt: 2, State: Submitted,
		Data: []byte(`{"name":"a \"b\" {,}]"}`), Accepted: now, Submitted: now, JobID: "j", Posts: []time.Time{now},
		Parent: &messages.Relative{Key: "zyxwvutsrqponmlkjihgfedcba", Cloud: "demo", Operation: "bulk-copy"},
	}
	ended := living.Clone()
	ended.State, ended.Outcome, ended.Finished, ended.Buried = Finished, messages.StateBatchCompleted, now, true
	ended.Failure = &messages.Failure{Reason: messages.ReasonQuota, Message: "no room"}
	ended.Bulk = &Bulk{Expansion: "x", Counts: &messages.Counts{Legs: 3, Failed: 3}}
	strange := living.Clone()
	strange.ID, strange.Source = `ü "quoted"`, "/a\\b"
	newer := living.Clone()
	newer.Extra = map[string]json.RawMessage{"later": []byte(`{"a":[1,2]}`)}
	var briefs Briefs
	for _, r := range []*Record{living, ended, strange, newer, {}} {
		data, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		full, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		got, err := briefs.Brief(data)
		if want := full.brief(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
	}
	for _, bad := range []string{"", "{", "[]", `{"key":"a"`, `{"key":1}`, `{"attempt":"x"}`, `{"key":"a"}x`} {
		if got, err := briefs.Brief([]byte(bad)); err == nil {
			t.Errorf("%q: got %+v", bad, got)
		}
	}
}

func BenchmarkBrief(b *testing.B) {
	now := time.Now().UTC()
	data, err := encode(&Record{
		Version: Version, Key: "abcdefghijklmnopqrstuvwxyz", Cloud: "eu-de-prod", Operation: "create-whole-image", Source: "/bench", ID: "1", Attempt: 1, State: Submitted,
		Data:     []byte(`{"backup_id":"9b27efab-4a17-4c06-bfa2-3e0cf021d3c3","whole_image_type":"CBR","name":"nightly-web-01","options":{"preflight":false}}`),
		Accepted: now, Deadline: now, Posts: []time.Time{now}, Submitted: now, JobID: "0af7651916cd43dd8448eb211c80319c",
	})
	if err != nil {
		b.Fatal(err)
	}
	var briefs Briefs
	b.ReportAllocs()
	for b.Loop() {
		if _, err := briefs.Brief(data); err != nil {
			b.Fatal(err)
		}
	}
}
