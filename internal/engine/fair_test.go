package engine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ledger"
)

// TestTwoPublishers: one has ten thousand requests, half of them steps of what
// it asked for elsewhere; another one's single request, sent later, starts
// within one slot.
func TestTwoPublishers(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"copy": {Count: 1, Window: 20 * time.Second}} // as the cloud lets through, one after the other
		var posted []string
		w.cloud.create = func(int) reply {
			posted = append(posted, w.cloud.body)
			return accepted()
		}
		w.start()
		of := func(from, origin, name string) func(*ledger.Record) {
			return func(r *ledger.Record) {
				r.Source, r.Origin = from, origin
				r.Data, _ = json.Marshal(map[string]any{"image_id": source, "name": name, "options": map[string]bool{"preflight": false}})
				r.Deadline = time.Now().Add(1000 * time.Hour)
			}
		}
		for i := range 5000 {
			w.request(fmt.Sprint("own", i), of("/many", "", "bulk"))
			w.request(fmt.Sprint("step", i), of(fmt.Sprint("/imsworker/demo/", i), "/many", "bulk"))
		}
		time.Sleep(12 * time.Minute)
		synctest.Wait()
		before := len(posted)
		w.request("single", of("/single", "", "single"))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		for i, body := range posted[before:] {
			if strings.Contains(body, `"single"`) {
				if i > 1 {
					t.Errorf("%d others were submitted before", i)
				}
				return
			}
		}
		t.Errorf("not among the %d submitted after it came, %d before", len(posted)-before, before)
	})
}
