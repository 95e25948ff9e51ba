package engine_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/pace"
)

// durations is what owners keep of what they have learned, in memory.
type durations struct {
	mu    sync.Mutex
	known map[string]*pace.Model
	kept  int
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
