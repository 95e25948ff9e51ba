package engine_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
)

// durations is what owners keep of what they have learned, in memory.
type durations struct {
	mu    sync.Mutex
	known map[string]*pace.Model
	kept  int

	limits map[string]map[string]budget.Memory
}

func (d *durations) RecallLimits(cloud string) map[string]budget.Memory {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.limits[cloud]
}

func (d *durations) KeepLimits(cloud string, learned map[string]budget.Memory) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.limits == nil {
		d.limits = map[string]map[string]budget.Memory{}
	}
	d.limits[cloud] = learned
}

func (d *durations) Recall(cloud, operation string) (*pace.Model, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.known[cloud+" "+operation]
	if m == nil {
		return nil, false
	}
	return m.Clone(), true
}

func (d *durations) Keep(cloud, operation string, m *pace.Model) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[string]*pace.Model{}
	}
	d.known[cloud+" "+operation] = m.Clone()
	d.kept++
}

// known is a model that has seen some hundred jobs around a median, each of which
// ended a while after its image.
func known(median time.Duration) *pace.Model {
	random := rand.New(rand.NewPCG(1, 2))
	m := &pace.Model{}
	for range 200 {
		d := time.Duration(float64(median) * math.Exp(0.6*random.NormFloat64()))
		m.Learn(d)
		m.Lagged(d/50+time.Second/2, d)
	}
	return m
}

// TestNextOwnerKnows: what one owner has learned, the next one need not learn.
func TestNextOwnerKnows(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		ends := time.Time{}
		w.cloud.create = func(int) reply { ends = time.Now().Add(20 * time.Minute); return accepted() }
		w.cloud.job = func(int) reply {
			if time.Now().Before(ends) {
				return running(0)
			}
			return jobLasted(20*time.Minute, ends)
		}
		w.start()
		asked := func(id string) int {
			before := w.cloud.jobs
			w.expect(w.request(id, nil), "accepted submitted succeeded")
			return w.cloud.jobs - before
		}
		first := asked("first")
		for _, id := range []string{"b", "c", "d", "e", "f", "g", "h", "i"} {
			asked(id)
		}
		w.end()
		w.start()
		if next := asked("next"); next > 4 || first < 20 {
			t.Errorf("asked %d times at first, %d times by the next owner", first, next)
		}
		if w.durations.kept < 2 || w.durations.kept > 20 {
			t.Errorf("kept %d times", w.durations.kept)
		}
	})
}

// TestImagesWithoutAJobAreLearned: how long an export takes is told by its image
// alone.
func TestImagesWithoutAJobAreLearned(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		var begun, ends time.Time
		asked, uploads := 0, 0
		w.cloud.volumes = func(r *http.Request) reply {
			if r.Method == http.MethodGet {
				return reply{status: 200, body: fmt.Sprintf(`{"volume":{"id":%q,"status":"available"}}`, volume)}
			}
			uploads, begun = uploads+1, time.Now()
			ends = begun.Add(20 * time.Minute)
			return reply{status: 202, body: fmt.Sprintf(`{"os-volume_upload_image":{"id":%q,"image_id":%q}}`, volume, image(uploads))}
		}
		w.cloud.shown = func(query url.Values) string {
			if asked++; uploads == 0 || query.Get("id") != "" && query.Get("id") != image(uploads) {
				return ""
			}
			status, changed := ims.ImageSaving, begun
			if !time.Now().Before(ends) {
				status, changed = ims.ImageActive, ends
			}
			return fmt.Sprintf(`{"id":%q,"name":"data","status":%q,"created_at":%q,"updated_at":%q,"__imagetype":"private"}`,
				image(uploads), status, begun.UTC().Format(time.RFC3339), changed.UTC().Format(time.RFC3339))
		}
		w.start()
		export := func(id string) int {
			before := asked
			w.expect(w.request(id, func(r *ledger.Record) {
				r.Operation = "export-volume"
				r.Data = json.RawMessage(`{"volume_id":"` + volume + `","image_name":"data"}`)
				r.DataHash = ledger.HashData(r.Data)
			}), "accepted submitted succeeded")
			return asked - before
		}
		first := export("first")
		for _, id := range []string{"b", "c", "d", "e", "f", "g", "h", "i"} {
			export(id)
		}
		if next := export("next"); next > 5 || first < 20 {
			t.Errorf("asked %d times at first, %d times in the end", first, next)
		}
		m, known := w.durations.Recall("demo", "export-volume")
		if !known || m.Quantile(0.5) < 19*time.Minute || m.Quantile(0.5) > 22*time.Minute {
			t.Errorf("learned %v", m)
		}
	})
}
