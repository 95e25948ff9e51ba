package engine_test

import (
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// TestFullQuotaWaits: what the quota says before the call parks the request as
// the cloud's refusal would, and costs no call. Room that appears is used;
// where none does, the deadline ends it.
func TestFullQuotaWaits(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.used = 50
		w.start()
		short := w.request("a", func(r *ledger.Record) { r.Deadline = time.Now().Add(10 * time.Minute) })
		w.expect(short, "accepted rejected")
		if e := w.events.last(w.t, short).Error; e.Code != "IMG.0015" || e.Reason != messages.ReasonQuota {
			w.t.Errorf("error %+v", e)
		}
		long := w.request("b", nil)
		time.Sleep(10 * time.Minute)
		w.wantPosts(0)
		w.cloud.mu.Lock()
		w.cloud.used = 49
		w.cloud.mu.Unlock()
		w.expect(long, "accepted submitted succeeded")
		w.wantPosts(1)
	})
}

// TestWholeImageCostsNoCopySlot: what can be told before the call is told
// before it, all at once, and the next request has the slot.
func TestWholeImageCostsNoCopySlot(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"copy": {Count: 1, Window: time.Hour}}
		w.cloud.source = `{"id":"` + source + `","status":"active","__imagetype":"private","__whole_image":"true","virtual_env_type":"IsoImage"}`
		w.start()
		for _, id := range []string{"a", "b"} {
			key := w.request(id, nil)
			w.expect(key, "accepted rejected")
			e := w.events.last(w.t, key)
			if e.Error.Reason != messages.ReasonConstraint || e.Error.Code != "IMG.0130" || len(e.Error.Problems) != 2 {
				w.t.Errorf("error %+v", e.Error)
			}
		}
		w.wantPosts(0)
		w.cloud.mu.Lock()
		w.cloud.source = ""
		w.cloud.mu.Unlock()
		time.Sleep(time.Second) // what was said at this very moment is new enough
		w.expect(w.request("c", nil), "accepted submitted succeeded")
		w.wantPosts(1)
	})
}
