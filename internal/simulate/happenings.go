package simulate

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// happening is something that happens to the world at its time.
type happening interface {
	happen(w *world)
	String() string
}

// item is one line of a plan.
type item struct {
	at   time.Duration
	what happening
}

func (i item) String() string { return clock(i.at) + "  " + i.what.String() }

// ask publishes a request, perhaps not for the first time.
type ask struct {
	cloud, operation, id string
	name                 string // of the image
	data                 json.RawMessage
	needs                fakecloud.World
	how                  string // "", "again", "reused" or "invalid"
}

func (a ask) happen(w *world) { w.publish(a) }
func (a ask) String() string {
	how := map[string]string{"": "request", "again": "the same request again:", "reused": "another request under the same identity:", "invalid": "an invalid request:"}
	return fmt.Sprintf("%s %s %s %s %s", how[a.how], a.id, a.operation, a.cloud, a.data)
}

// person goes on with whatever did not succeed so far, as the cloud's console
// shows it.
type person struct{ resubmits bool }

func (p person) happen(w *world) { w.lookAfter(p.resubmits) }
func (p person) String() string {
	if p.resubmits {
		return "a person retries what failed and has unresolved requests submitted again where nothing was made"
	}
	return "a person retries what failed and closes unresolved requests where nothing was made"
}

// end is what may become of a process.
type end struct {
	kind  string // kill, stop or pause
	lasts time.Duration
}

func (e end) String() string {
	switch e.kind {
	case "pause":
		return fmt.Sprintf("is paused for %v", e.lasts)
	case "stop":
		return fmt.Sprintf("stops in an orderly way, and is back after %v", e.lasts)
	}
	return fmt.Sprintf("is killed, and is back after %v", e.lasts)
}

// strike ends a replica's process.
type strike struct {
	replica string
	end
}

func (s strike) happen(w *world) { w.strike(w.current(s.replica), s.end) }
func (s strike) String() string  { return s.replica + " " + s.end.String() }

// ambush ends whatever process comes to a point of its work.
type ambush struct {
	point string
	count int
	end
}

func (a ambush) happen(w *world) {
	w.traps.add(&trap{point: a.point, left: a.count, catch: func(p *process) {
		w.history.add(p.name, "%s: %s", a.point, a.end)
		w.strike(p, a.end)
	}})
}

func (a ambush) String() string {
	return fmt.Sprintf("ambush: whoever comes for the %d. time to %q %s", a.count, a.point, a.end)
}

// storm is trouble with the broker.
type storm struct {
	kind    string // away, cut, slow or lose
	replica string
	lasts   time.Duration
	by      time.Duration // of slow
	subject string        // of lose
	count   int
}

func (s storm) happen(w *world) {
	w.weather.mu.Lock()
	defer w.weather.mu.Unlock()
	until := time.Now().Add(s.lasts)
	switch s.kind {
	case "away":
		w.weather.away = until
	case "cut":
		w.weather.cut[s.replica] = until
	case "slow":
		w.weather.slow, w.weather.slowness = until, s.by
	case "lose":
		w.weather.lose[s.subject] += s.count
	}
}

func (s storm) String() string {
	switch s.kind {
	case "away":
		return fmt.Sprintf("the broker answers nobody for %v", s.lasts)
	case "cut":
		return fmt.Sprintf("%s cannot reach the broker for %v", s.replica, s.lasts)
	case "slow":
		return fmt.Sprintf("for %v the ledger's news come %v late", s.lasts, s.by)
	}
	return fmt.Sprintf("the broker's answers to the next %d writes under %s are lost", s.count, s.subject)
}

// road is trouble on the way to the clouds.
type road struct {
	lasts, most time.Duration // most 0: nothing gets through
}

func (r road) happen(w *world) {
	w.roads.mu.Lock()
	defer w.roads.mu.Unlock()
	if until := time.Now().Add(r.lasts); r.most > 0 {
		w.roads.slow, w.roads.most = until, r.most
	} else {
		w.roads.closed = until
	}
}

func (r road) String() string {
	if r.most > 0 {
		return fmt.Sprintf("for %v creating calls need up to %v to the cloud", r.lasts, r.most)
	}
	return fmt.Sprintf("for %v no cloud can be reached", r.lasts)
}

// fault spoils the next calls of a kind.
type fault struct {
	cloud string
	fakecloud.Fault
}

func (f fault) happen(w *world) { w.must(w.fake.Order(f.cloud, f.Fault)) }
func (f fault) String() string  { return f.cloud + ": fault " + brief(f.Fault) }

// fortune decides what becomes of the next job.
type fortune struct {
	cloud string
	fakecloud.Outcome
}

func (f fortune) happen(w *world) { w.must(w.fake.Decide(f.cloud, f.Outcome)) }
func (f fortune) String() string  { return f.cloud + ": outcome " + brief(f.Outcome) }

// full is a quota of images that is used up for a while.
type full struct {
	cloud string
	lasts time.Duration
}

func (f full) happen(w *world) {
	set := func(quota int) {
		w.must(w.fake.Switch(f.cloud, func(s *fakecloud.Switches) error { s.Quota = quota; return nil }))
	}
	set(1)
	w.later(f.lasts, func() { set(roomy) })
}

func (f full) String() string {
	return fmt.Sprintf("%s: the quota of images is full for %v", f.cloud, f.lasts)
}

// brief is an order as JSON without what says nothing.
func brief(order any) string {
	text, _ := json.Marshal(order)
	var fields map[string]any
	_ = json.Unmarshal(text, &fields)
	var words []string
	for _, name := range []string{"call", "kind", "status", "count", "delay", "code", "run", "image_late", "stuck", "forgotten", "forgotten_after", "image_early", "killed", "gone"} {
		if v := fmt.Sprint(fields[name]); v != "<nil>" && v != "0" && v != "0s" && v != "false" && v != "" {
			words = append(words, name+"="+v)
		}
	}
	return strings.Join(words, " ")
}
