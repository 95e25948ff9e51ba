package main

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/imsworker/imsworker/messages"
)

// report is what the auditor found.
type report struct {
	facts  facts
	broken []string

	images, duplicates, lost, missing, double, unresolved int
	wrongly                                               int // ended otherwise than the cloud's truth
	dead, strange                                         int
	states                                                map[messages.State]int
	silence                                               time.Duration
	least                                                 int // completions in the poorest minute
}

// figure is one result.
type figure struct {
	name  string
	value float64
	unit  string
	want  string // what was promised; empty where nothing is
	means string
}

func (r *report) figures() []figure {
	sent := len(r.facts.sent)
	return []figure{
		{"requests", float64(sent), "requests", "", fmt.Sprintf("sent, of them %d times one twice", r.facts.resent)},
		{"images", float64(r.images), "images", "", "that the cloud really began to make"},
		{"duplicate_images", float64(r.duplicates), "images", "0", "beyond one for each request"},
		{"lost_requests", float64(r.lost), "requests", "0", "confirmed by the broker, and nothing was ever heard of them"},
		{"final_events_missing", float64(r.missing), "requests", "0", "begun, and never ended"},
		{"final_events_double", float64(r.double), "events", "0", "beyond one for each request"},
		{"unresolved", float64(r.unresolved), "requests", "0 ¹", "an answer was lost and nothing could be found"},
		{"untrue_events", float64(r.wrongly), "requests", "0", "ended otherwise than the cloud's own books say"},
		{"dead_letters", float64(r.dead), "messages", "0", "put aside"},
		{"queries_per_request", float64(r.queries()) / float64(sent), "calls", "", "that ask the cloud and begin nothing"},
		{"throttled", float64(r.answers("429")), "calls", "", "that the cloud refused as too many"},
		{"longest_silence_seconds", r.silence.Seconds(), "s", "", "between two ends, up to 99 % of all"},
		{"completed_per_minute_min", float64(r.least), "requests", "≥ 1", "in the poorest minute, up to 99 % of all"},
	}
}

// queries counts the calls that begin nothing.
func (r *report) queries() int {
	begin := map[string]bool{"CreateToken": true}
	for _, m := range r.facts.made {
		begin[m.Call] = true
	}
	n := 0
	for call, byStatus := range r.facts.calls {
		if begin[call] {
			continue
		}
		for _, count := range byStatus {
			n += count
		}
	}
	return n
}

func (r *report) answers(status string) int {
	n := 0
	for _, byStatus := range r.facts.calls {
		n += byStatus[status]
	}
	return n
}

// shownBroken is how many broken promises are told in full.
const shownBroken = 20

// tell prints the table, the figures and what was broken.
func (r *report) tell(out io.Writer) error {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "figure\tvalue\tunit\tpromised\tmeans")
	for _, f := range r.figures() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.name, number(f.value), f.unit, f.want, f.means)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	fmt.Fprintln(out, "\n¹ but for whole images of servers, which are never submitted again after a lost answer")
	fmt.Fprintln(out)
	for _, f := range r.figures() {
		fmt.Fprintf(out, "figure %s %s %s\n", f.name, number(f.value), f.unit)
	}
	return r.accuse(out)
}

// accuse says what was broken, if anything was.
func (r *report) accuse(out io.Writer) error {
	if len(r.broken) == 0 {
		fmt.Fprintln(out, "\nevery promise was kept")
		return nil
	}
	fmt.Fprintln(out)
	for i, what := range r.broken {
		if i == shownBroken {
			fmt.Fprintf(out, "… and %d more\n", len(r.broken)-shownBroken)
			break
		}
		fmt.Fprintf(out, "BROKEN: %s\n", what)
	}
	return fmt.Errorf("%w: %d findings", errBroken, len(r.broken))
}

func number(v float64) string {
	if v == float64(int64(v)) {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
