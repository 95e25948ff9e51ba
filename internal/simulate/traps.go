package simulate

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
)

// traps wait for a process at a point of its work, such as just before a
// record is stored as finished.
type traps struct {
	mu  sync.Mutex
	set []*trap
}

// trap meets whoever comes to the point for the n-th time.
type trap struct {
	point string
	left  int
	catch func(*process)
}

// points are where traps may be set: before, after (the answer has not come
// back) and, for calls, during.
func points() []string {
	var all []string
	for _, what := range []string{
		"record accepted", "record submitting", "record submitted", "record uncertain", "record finished", "record buried",
		"event accepted", "event submitted", "event final", "call POST",
	} {
		all = append(all, "before "+what, "after "+what)
	}
	return append(all, "during call POST")
}

func (t *traps) add(tr *trap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set = append(t.set, tr)
}

func (t *traps) any() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.set) > 0
}

// spring catches the process if a trap waits for it at this point.
func (t *traps) spring(p *process, when, what, which string) {
	point := strings.TrimSuffix(fmt.Sprint(when, " ", what, " ", which), " ")
	t.mu.Lock()
	var caught *trap
	for i, tr := range t.set {
		if tr.point != point {
			continue
		}
		if tr.left--; tr.left <= 0 {
			caught = tr
			t.set = append(t.set[:i:i], t.set[i+1:]...)
		}
		break
	}
	t.mu.Unlock()
	if caught != nil {
		caught.catch(p)
	}
}

// storing springs traps at a write.
func (t *traps) storing(p *process, when, stream string, m broker.Message) {
	if !t.any() {
		return
	}
	switch {
	case strings.HasPrefix(stream, "IMS_TRACK_") && isPage(m.Subject):
		t.spring(p, when, "page of a bulk", "")
	case strings.HasPrefix(stream, "IMS_TRACK_"):
		var r struct {
			State  ledger.State `json:"state"`
			Buried bool         `json:"buried"`
		}
		if json.Unmarshal(m.Data, &r) == nil && r.Buried {
			r.State = "buried"
		}
		t.spring(p, when, "record", string(r.State))
	case stream == broker.StreamEvents:
		tokens := strings.Split(m.Subject, ".")
		which := tokens[5]
		if tokens[4] == "final" {
			which = "final"
		}
		t.spring(p, when, "event", which)
	}
}
