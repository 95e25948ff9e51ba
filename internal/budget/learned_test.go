package budget_test

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
)

const (
	minutes5 = 300.0
	copies   = 300
)

// server is a cloud that counts calls in windows of five minutes.
type server struct {
	limit int
	fixed bool // its windows begin at full five minutes, else anywhere
	hits  []float64
}

func (s *server) takes(now float64) bool {
	begin := now - minutes5
	if s.fixed {
		begin = math.Floor(now/minutes5)*minutes5 - 1e-9
	}
	for len(s.hits) > 0 && s.hits[0] < now-2*minutes5 {
		s.hits = s.hits[1:]
	}
	n := 0
	for _, hit := range s.hits {
		if hit > begin {
			n++
		}
	}
	if n >= s.limit {
		return false
	}
	s.hits = append(s.hits, now)
	return true
}

// event is what happens at a moment of a run.
type event struct {
	at float64
	do func(now float64)
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}

// run is copies under a window, each sent as soon as it may be.
type run struct {
	server   server
	latency  float64
	named    bool // the cloud says how long its window is
	copies   int
	random   *rand.Rand
	window   *budget.Window
	events   events
	sent     int
	refused  []float64
	finished float64
}

func (r *run) later(at float64, do func(now float64)) { heap.Push(&r.events, event{at, do}) }

func (r *run) start(now float64) {
	for r.sent < r.copies {
		next := r.window.Next(at(now))
		if next.After(at(now)) {
			r.later(next.Sub(start).Seconds()+1e-6, r.start)
			return
		}
		r.window.Take(at(now))
		r.sent++
		arrives := now + r.random.Float64()*r.latency
		r.later(arrives, func(arrived float64) {
			taken := r.server.takes(arrived)
			r.later(arrived+r.random.Float64()*r.latency, func(answered float64) { r.answer(now, answered, taken) })
		})
	}
}

func (r *run) answer(began, now float64, taken bool) {
	if taken {
		r.finished = now
		r.window.Answered(at(now))
		r.start(now)
		return
	}
	r.sent--
	r.refused = append(r.refused, now)
	r.window.Throttled(at(began), at(now), func(times int) time.Duration {
		if r.named {
			return 5 * time.Minute
		}
		return min(time.Minute<<(times-1), 5*time.Minute)
	})
	r.start(now)
}

func (r *run) all() {
	r.random = rand.New(rand.NewPCG(1, 2))
	r.window = budget.NewWindow(budget.Limit{Count: 15, Window: 5 * time.Minute})
	r.start(0.5)
	for len(r.events) > 0 {
		e := heap.Pop(&r.events).(event)
		e.do(e.at)
	}
}

// late counts the refusals after the first window.
func (r *run) late() (n int) {
	for _, at := range r.refused {
		if at > minutes5 {
			n++
		}
	}
	return n
}

// ideal is how long the copies take at least.
func (r *run) ideal(limit int) float64 {
	return math.Ceil(float64(r.copies)/float64(limit)-1) * minutes5
}

// TestWindowLearns sends 300 copies to clouds that take less than is
// configured and do not say so.
func TestWindowLearns(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{15, 7, 4, 1} {
		for _, fixed := range []bool{false, true} {
			for _, named := range []bool{false, true} {
				for _, latency := range []float64{0.05, 8} {
					name := fmt.Sprintf("limit_%d/fixed_%t/named_%t/latency_%g", limit, fixed, named, latency)
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						r := &run{server: server{limit: limit, fixed: fixed}, latency: latency, named: named, copies: copies}
						r.all()
						ratio, refused := r.finished/r.ideal(limit), float64(r.late())/float64(copies)
						t.Logf("makespan %.3f of the ideal, %d refused, %.3f of the calls after the first window", ratio, len(r.refused), refused)
						most := 1.15
						if limit == 15 {
							most = 1.02 + 2*latency/minutes5
							if len(r.refused) > 0 {
								t.Errorf("%d refused within the limit", len(r.refused))
							}
						}
						if ratio > most {
							t.Errorf("makespan %.3f of the ideal, want at most %.3f", ratio, most)
						}
						if limit >= 7 && refused > 0.03 {
							t.Errorf("%.3f of the calls refused after the first window", refused)
						}
					})
				}
			}
		}
	}
}

// TestWindowFindsBackToTheLimit gives the account back what others have used.
func TestWindowFindsBackToTheLimit(t *testing.T) {
	t.Parallel()
	r := &run{server: server{limit: 7}, latency: 1, named: true, copies: 2000}
	r.later(3600, func(float64) { r.server.limit = 15 })
	for hour := range 12 {
		r.later(3600*float64(hour), func(float64) { t.Logf("hour %d: %d in a window, %d refused", hour, r.window.Allowed(), len(r.refused)) })
	}
	r.all()
	if got := r.window.Allowed(); got != 15 {
		t.Errorf("%d in a window long after the cloud takes 15 again", got)
	}
	if ideal := 3600 + 2000/15*minutes5; r.finished > 1.3*ideal {
		t.Errorf("took %.0f s, %.2f of what was possible", r.finished, r.finished/ideal)
	}
}

// TestOneRefusalHoweverMany: a burst that is refused lowers the limit once.
func TestOneRefusalHoweverMany(t *testing.T) {
	t.Parallel()
	w := budget.NewWindow(budget.Limit{Count: 16, Window: time.Minute})
	for range 16 {
		w.Take(at(0))
	}
	for i := range 16 {
		w.Throttled(at(0), at(1+float64(i)/100), after(60))
	}
	if got := w.Allowed(); got != 8 {
		t.Errorf("%d in a window after one burst, want 8", got)
	}
	if got := w.Next(at(2)); got.Before(at(61)) {
		t.Errorf("open at %v", got.Sub(start))
	}
	w.Resize(budget.Limit{Count: 20, Window: time.Minute})
	if got := w.Allowed(); got != 20 {
		t.Errorf("%d in a window of another limit", got)
	}
}

// TestPacedLearns asks a cloud that takes half of what is configured for a
// long time.
func TestPacedLearns(t *testing.T) {
	t.Parallel()
	for _, fixed := range []bool{false, true} {
		t.Run(fmt.Sprint("fixed_", fixed), func(t *testing.T) {
			t.Parallel()
			s := &server{limit: 100, fixed: fixed}
			p := budget.NewPaced(budget.Limit{Count: 200, Window: 5 * time.Minute}, at(0))
			asked, refused, most := 0, 0, 0.9*200/minutes5
			const long = 24 * 3600
			for now := 0.0; now < long; now += 0.5 {
				if !p.Take(at(now)) {
					continue
				}
				asked++
				if !s.takes(now) {
					refused++
					p.Throttled(at(now+0.1), after(minutes5))
				}
			}
			t.Logf("%d asked, %d refused, %.2f of what was possible; %d allowed now", asked, refused, float64(asked-refused)/(most/2*long), p.Allowed())
			if refused*100 > asked {
				t.Errorf("%d of %d refused", refused, asked)
			}
			if done := float64(asked-refused) / (most / 2 * long); done < 0.8 {
				t.Errorf("only %.2f of what was possible was asked", done)
			}
		})
	}
}

// TestWindowForgetsWhatIsLongOver: an account that is hardly used does not stay
// for days with what few calls the cloud once took, as it would were that raised
// by use alone.
func TestWindowForgetsWhatIsLongOver(t *testing.T) {
	t.Parallel()
	w := budget.NewWindow(budget.Limit{Count: 100, Window: 300 * time.Second})
	for n := range 7 {
		now := at(float64(n * 1000))
		if !w.Take(now) {
			t.Fatalf("call %d cannot start", n)
		}
		w.Throttled(now, now, after(60))
	}
	if got := w.Allowed(); got != 1 {
		t.Fatalf("%d allowed after seven refusals of single calls", got)
	}
	last := at(6000)
	if w.Used(last.Add(33 * 300 * time.Second)); w.Allowed() != 1 {
		t.Error("forgotten, while the most patient may have tried no more yet")
	}
	if now := last.Add(35 * 300 * time.Second); !w.Take(now) || w.Allowed() != 100 {
		t.Errorf("%d allowed after a night", w.Allowed())
	}
}
