package simulate

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// sum is what came of all seeds. It is safe for concurrent use.
type sum struct {
	mu         sync.Mutex
	seeds      int
	virtual    time.Duration
	requests   int
	finals     int
	violations int
	broken     []string
}

func (s *sum) add(seed uint64, r report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seeds++
	s.virtual += r.virtual
	s.requests += r.requests
	s.finals += r.finals
	s.violations += len(r.violations)
	if len(r.violations) > 0 {
		s.broken = append(s.broken, fmt.Sprintf("seed %d: %s: %s", seed, r.violations[0].rule, r.violations[0].text))
	}
}

// violated is how many seeds have broken something so far.
func (s *sum) violated() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.broken)
}

// write prints a table for a person, and each figure on a line of its own.
func (s *sum) write(out io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	figures := []struct{ name, value, unit, target string }{
		{"seeds", fmt.Sprint(s.seeds), "plans", ""},
		{"virtual_days", fmt.Sprintf("%.1f", s.virtual.Hours()/24), "days", ""},
		{"requests", fmt.Sprint(s.requests), "requests", ""},
		{"final_events", fmt.Sprint(s.finals), "events", ""},
		{"violations", fmt.Sprint(s.violations), "broken promises", "0"},
	}
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "\nfigure\tvalue\tunit\ttarget\t")
	for _, f := range figures {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", f.name, f.value, f.unit, f.target)
	}
	_ = w.Flush()
	fmt.Fprintln(out)
	for _, line := range s.broken {
		fmt.Fprintln(out, line)
	}
	for _, f := range figures {
		fmt.Fprintf(out, "figure %s %s %s\n", f.name, f.value, strings.ReplaceAll(f.unit, " ", "_"))
	}
}

// tell prints what broke a promise: the plan, what came of it, and how to see
// it again.
func tell(out io.Writer, p plan, r report, first int) {
	fmt.Fprintf(out, "\nseed %d: the shortest plan that was found to break it (%d of %d things; %d replicas, %d shards)\n\n", p.seed, len(p.items), first, p.replicas, p.shards)
	for _, it := range p.items {
		fmt.Fprintln(out, "  "+it.String())
	}
	fmt.Fprint(out, "\nwhat happened\n\n")
	for _, line := range r.history {
		fmt.Fprintln(out, "  "+line)
	}
	fmt.Fprintf(out, "\nagain: make simulate SEED=%d\n", p.seed)
}
