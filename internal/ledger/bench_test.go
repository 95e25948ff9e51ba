package ledger

import (
	"testing"
	"time"
)

func BenchmarkEncode(b *testing.B) {
	now := time.Now().UTC()
	r := &Record{
		Version: Version, Key: "abcdefghijklmnopqrstuvwxyz", Cloud: "eu-de-prod", Operation: "create-whole-image", Source: "/bench", ID: "0af7651916cd43dd8448eb211c80319c",
		Attempt: 1, State: Submitted, Token: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", DataHash: "0af7651916cd43dd8448eb211c80319c",
		Data:     []byte(`{"backup_id":"9b27efab-4a17-4c06-bfa2-3e0cf021d3c3","whole_image_type":"CBR","name":"nightly-web-01","options":{"preflight":false}}`),
		Accepted: now, Deadline: now.Add(2 * time.Hour), Sent: now, Since: now, Posts: []time.Time{now}, Submitted: now, JobID: "0af7651916cd43dd8448eb211c80319c",
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := encode(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHashData(b *testing.B) {
	data := []byte(`{"backup_id":"9b27efab-4a17-4c06-bfa2-3e0cf021d3c3","whole_image_type":"CBR","name":"nightly-web-01","options":{"preflight":false}}`)
	b.ReportAllocs()
	for b.Loop() {
		HashData(data)
	}
}
