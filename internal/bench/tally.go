package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// tally is what one contestant needed for its jobs, and how late it was.
type tally struct {
	name                  string
	jobs                  int
	gets, lists           int // lists are some of the gets
	creates, refused      int // refused are those of the creating calls answered 429
	throttled             int // calls of any kind answered 429
	delays, ratios, parts []float64
	machine               []float64 // the part of delays after the last answer for the job
}

// tallyOf counts calls and ends of the same time.
func tallyOf(name string, calls []call, ends []ending) tally {
	t := tally{name: name}
	answered := map[string]time.Time{}
	for _, c := range calls {
		t.add(c)
		answered[c.job] = c.at
	}
	for _, e := range ends {
		if e.end.IsZero() {
			continue
		}
		t.jobs++
		t.delays = append(t.delays, e.delay().Seconds())
		t.ratios = append(t.ratios, e.ratio())
		t.parts = append(t.parts, float64(e.delay())/float64(e.duration()))
		if at, asked := answered[e.job]; asked {
			t.machine = append(t.machine, e.told.Sub(at).Seconds())
		}
	}
	for _, values := range [][]float64{t.delays, t.ratios, t.parts, t.machine} {
		slices.Sort(values)
	}
	return t
}

func (t *tally) add(c call) {
	throttled := c.status == http.StatusTooManyRequests
	t.gets += one(c.method == http.MethodGet)
	t.lists += one(c.list)
	t.throttled += one(throttled)
	t.creates += one(c.create)
	t.refused += one(c.create && throttled)
}

func one(counts bool) int {
	if counts {
		return 1
	}
	return 0
}

// each is how many GETs a job needed.
func (t tally) each() float64 { return float64(t.gets) / float64(max(t.jobs, 1)) }

// tallies prints contestants side by side. What the machine needs from the
// answer for a job to the event that is heard is no fault of a plan: where it is
// long, the machine was busy, or the factor is too high for it.
func tallies(out io.Writer, all ...tally) error {
	rows := [][]string{{"", "jobs", "calls a job", "of them lists", "delay: median", "95 %", "after the answer: 95 %", "of the bound: median", "95 %", "429"}}
	for _, t := range all {
		rows = append(rows, []string{
			t.name, fmt.Sprint(t.jobs), number(t.each()), number(float64(t.lists) / float64(max(t.jobs, 1))),
			seconds(percentile(t.delays, 0.5)), seconds(percentile(t.delays, 0.95)), seconds(percentile(t.machine, 0.95)),
			number(percentile(t.ratios, 0.5)), number(percentile(t.ratios, 0.95)), fmt.Sprint(t.throttled),
		})
	}
	return table(out, rows)
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(100 * time.Millisecond).String()
}
