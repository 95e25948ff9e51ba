package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

// Bounds of a table: reasons for which legs did not succeed, and for which they
// wait; legs of one reason that are shown one by one.
const mostLegRows, mostWaitRows, fewLegs = 20, 8, 3

// legRows shows how the legs of a bulk stand: how many of each kind, what those
// under way wait for, and which did not succeed, and why.
func legRows(w io.Writer, d client.Detail, now time.Time) {
	l := d.Legs
	if l == nil {
		return
	}
	row(w, "legs", l.Counts)
	if len(l.Missing) > 0 {
		row(w, "missing", fmt.Sprintf("pages %v of the legs are not there; what stood in them is in no count", l.Missing))
	}
	underWayRows(w, l, now)
	if l.Counts.Waiting > 0 {
		row(w, "not begun", count(l.Counts.Waiting, "leg")+": "+whyNotBegun(d))
	}
	bad := l.Unsuccessful()
	badLegRows(w, bad, len(bad), "`-o json` shows all, below .legs.all")
	if d.Record == nil || d.Record.Done() {
		retryRow(w, d.Summary.Key, l.Counts)
	}
}

// endedLegRows shows what the end of a bulk tells of its legs.
func endedLegRows(w io.Writer, key string, e messages.Event) {
	if e.State != messages.StateBatchCompleted || e.Batch == nil {
		return
	}
	if e.Batch.Counts.Unsuccessful() > 0 {
		fmt.Fprintln(w) // ends the block of the table
	}
	bad := make([]client.LegView, len(e.Batch.Legs))
	for i, leg := range e.Batch.Legs {
		bad[i].Leg = leg
	}
	badLegRows(w, bad, e.Batch.Counts.Unsuccessful(), "`imsworker requests get "+key+" -o json` shows all, below .legs.all")
	retryRow(w, key, e.Batch.Counts)
}

// badLegRows shows legs that did not succeed, of so many in all, and why. Many
// of one reason share a row.
func badLegRows(w io.Writer, bad []client.LegView, all int, rest string) {
	left := all
	for i, legs := range alike(bad) {
		if i == mostLegRows {
			row(w, "legs", fmt.Sprintf("and %d more that did not succeed; %s", left, rest))
			return
		}
		left -= len(legs)
		if len(legs) <= fewLegs {
			for _, leg := range legs {
				row(w, fmt.Sprintf("leg %d", leg.Index), fmt.Sprintf("%s to %s %s%s", leg.ImageID, placeOf(leg), leg.State, whyBad(leg)))
			}
			continue
		}
		row(w, legs[0].State, count(len(legs), "leg")+whyBad(legs[0]))
		row(w, "", namesOf(legs[:fewLegs])+fmt.Sprintf(" and %d more; %s", len(legs)-fewLegs, rest))
	}
	if left > 0 {
		row(w, "legs", fmt.Sprintf("and %d more that did not succeed; %s", left, rest))
	}
}

// alike puts legs together that did not succeed for the same reason, in the
// order of their first ones.
func alike(bad []client.LegView) (all [][]messages.Leg) {
	at := map[string]int{}
	for _, leg := range bad {
		kind := string(leg.State)
		if f := leg.Error; f != nil {
			kind = fmt.Sprintf("%s %q %q %q", kind, f.Reason, f.Code, f.Remedy)
		}
		i, known := at[kind]
		if !known {
			i, at[kind] = len(all), len(all)
			all = append(all, nil)
		}
		all[i] = append(all[i], leg.Leg)
	}
	return all
}

func namesOf(legs []messages.Leg) string {
	names := make([]string, len(legs))
	for i, leg := range legs {
		names[i] = fmt.Sprintf("leg %d (%s to %s)", leg.Index, leg.ImageID, placeOf(leg))
	}
	return strings.Join(names, ", ")
}

// whyBad is why a leg did not succeed, and what to do.
func whyBad(leg messages.Leg) string {
	if leg.Error == nil {
		return ""
	}
	why := fmt.Sprintf(": %s: %s", reasonAndCode(leg.Error), leg.Error.Message)
	if string(leg.Error.Reason) == string(leg.State) { // it is said already
		why = ": " + leg.Error.Message
	}
	if leg.Error.Remedy != "" {
		why += "; remedy: " + leg.Error.Remedy
	}
	return why
}

// retryRow says how legs that did not succeed are begun again.
func retryRow(w io.Writer, key string, c messages.Counts) {
	n, first := c.Unsuccessful(), ""
	if n == 0 {
		return
	}
	if n > c.Cancelled {
		first = "mend what the legs say, then "
	}
	row(w, "retry", fmt.Sprintf("%s`imsworker requests retry %s` begins %s again and no other", first, key, count(n, "leg")))
}

func placeOf(leg messages.Leg) string { return cmp.Or(leg.Cloud, leg.Region) }

// whyNotBegun is why legs have not begun.
func whyNotBegun(d client.Detail) string {
	switch {
	case d.Record != nil && d.Record.Cancel != nil:
		return "the bulk is being cancelled"
	case d.Summary.Paused:
		return "bulk-copy is paused; `imsworker resume` goes on with it"
	}
	return fmt.Sprintf("they begin as others end, at most %d at once", d.Legs.AtOnce)
}

// waiting are legs that wait for the same.
type waiting struct {
	why   string
	legs  int
	first client.LegView
	next  time.Time // try of one that was put off
	// start and last are when the first and the last in line are expected to go.
	start, last time.Time
}

// underWayRows shows what the legs that are under way wait for, the most
// frequent first.
func underWayRows(w io.Writer, l *client.Legs, now time.Time) {
	all := waits(l)
	for i, g := range all {
		if i == mostWaitRows {
			row(w, "under way", fmt.Sprintf("%d more reasons; `-o json` shows all, below .legs.all", len(all)-i))
			return
		}
		row(w, "under way", g.text(now))
	}
}

func (g waiting) text(now time.Time) string {
	text := fmt.Sprintf("%s: %s", count(g.legs, "leg"), g.why)
	if g.next.After(now) {
		text += ", tried again " + fromNow(g.next, now)
	}
	switch {
	case g.last.After(now) && g.legs == 1:
		text += ", expected to go " + fromNow(g.last, now)
	case g.last.After(now):
		text += fmt.Sprintf(", the first expected to go %s, the last %s", fromNow(later(g.start, now), now), fromNow(g.last, now))
	}
	if g.first.PutOff != nil && g.first.PutOff.Message != "" {
		text += fmt.Sprintf("; leg %d: %s", g.first.Index, g.first.PutOff.Message)
	}
	return text
}

// expect takes note of when a leg is expected to go.
func (g *waiting) expect(at time.Time) {
	if g.start.IsZero() || at.Before(g.start) {
		g.start = at
	}
	g.last = later(g.last, at)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func waits(l *client.Legs) (all []waiting) {
	at := map[string]int{}
	for _, leg := range l.All {
		if leg.State != messages.LegRunning {
			continue
		}
		why := leg.WaitsFor()
		i, known := at[why]
		if !known {
			i, at[why] = len(all), len(all)
			all = append(all, waiting{why: why, first: leg})
		}
		g := &all[i]
		g.legs++
		if leg.Until != nil && (g.next.IsZero() || leg.Until.Before(g.next)) {
			g.next = *leg.Until
		}
		if leg.Start != nil {
			g.expect(*leg.Start)
		}
	}
	slices.SortStableFunc(all, func(a, b waiting) int { return b.legs - a.legs })
	return all
}
