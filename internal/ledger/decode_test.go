package ledger

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/messages"
)

// full is a record with every kind of field.
func full() *Record {
	then := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	percent := 12.5
	return &Record{
		Version: Version, Key: "k", Cloud: "demo", Operation: "copy-image", Source: "/bücher", ID: `a"b\c<d>`, Attempt: 12, State: Uncertain, Outcome: messages.StateFailed,
		Duplicate: true, Made: []string{"i", "j"}, Token: "t", DataHash: "h", Data: []byte(`{"name":"n, }]","x":[1,{"y":null}],"é":"\u00e9"}`),
		Accepted: then, Deadline: then.Add(time.Hour), Priority: "high", CorrelationID: "c", Cancel: &Cancel{}, Until: then, Refusals: 3,
		Failure: &messages.Failure{Reason: messages.ReasonConflict, Message: "a, b {c}"}, Posts: []time.Time{then, then.Add(time.Second)}, Since: then,
		Job: &messages.Job{ID: "j", Percent: &percent}, Images: []messages.Image{{ID: "i"}}, Warnings: []string{},
	}
}

// TestDecodePlain: what encode writes is read without encoding/json, and alike.
func TestDecodePlain(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*Record{"full": full(), "empty": {}, "tombstone": full().Tombstone()} {
		data, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		got, plain := decodePlain(data)
		want, err := decodeAny(data)
		if err != nil || !plain || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: plain %v, error %v\ngot  %+v\nwant %+v", name, plain, err, got, want)
		}
	}
}

func TestDecodeOther(t *testing.T) {
	t.Parallel()
	for data, sound := range map[string]bool{
		`{"key":"k","later":{"a":[1]}}`: true, ` { "key" : "k" } `: true, `{"key":null,"posts":[],"data":null}`: true, `{"KEY":"k"}`: true, `{"attempt":-1}`: true, `{}`: true,
		``: false, `{`: false, `{"key"`: false, `{"key":`: false, `{"key":"k"`: false, `{"key":"k"]`: false, `{"key":"k",}`: false, `{"key":"k"}}`: false, `{"key":}`: false,
		`{"key":"k"x}`: false, `{"key":5}`: false, `{"attempt":01}`: false, `{"attempt":"1"}`: false, `{"accepted":"soon"}`: false, `{"posts":"2026-01-02T03:04:05Z"}`: false,
		`{"posts":["2026-01-02T03:04:05Z"`: false, `{"posts":["2026-01-02T03:04:05Z"}"2026-01-02T03:04:05Z"]}`: false, `{"data":{]}`: false, `{"data":}`: false, `{"told":truly}`: false,
	} {
		if _, err := Decode([]byte(data)); (err == nil) != sound {
			t.Errorf("%s: %v", data, err)
		}
	}
}

// FuzzDecode: the quick way takes nothing that the careful one refuses, and
// reads the same from it.
func FuzzDecode(f *testing.F) {
	for _, r := range []*Record{full(), full().Tombstone()} {
		data, err := encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"key":"k","posts":["2026-01-02T03:04:05Z"],"attempt":1,"told":true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, plain := decodePlain(data)
		if !plain {
			return
		}
		want, err := decodeAny(data)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("error %v\ngot  %+v\nwant %+v", err, got, want)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	r := full()
	r.Data, r.ID, r.Failure, r.Job, r.Images, r.Cancel, r.Made = json.RawMessage(`{"name":"`+strings.Repeat("n", 300)+`"}`), "a", nil, nil, nil, nil, nil
	data, err := encode(r)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
