package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

// happening is one line of a request's history.
type happening struct {
	at      time.Time // zero: now
	attempt int
	what    string
	detail  string
}

// historyTable shows what became of a request, when, and how long after what was before.
func historyTable(w io.Writer, d client.Detail, now time.Time) {
	all := history(d, now)
	name, form := daysOf(all, now)
	names := []any{name, "AFTER", "EVENT", folded("DETAIL")}
	several := slices.ContainsFunc(all, func(h happening) bool { return h.attempt > 1 })
	if several {
		names = slices.Insert(names, 2, any("ATTEMPT"))
	}
	head(w, names...)
	var before time.Time
	for _, h := range all {
		at, when := h.at, h.at.UTC().Format(form)
		if at.IsZero() {
			at, when = now, "now"
		}
		after := ""
		if !before.IsZero() && !at.Before(before) {
			after = "+" + briefly(at.Sub(before))
		}
		cells := []any{when, after, toned{h.what, stateTone(h.what)}, h.detail}
		if several {
			cells = slices.Insert(cells, 2, any(h.attempt))
		}
		row(w, cells...)
		before = at
	}
}

// daysOf is how times are written: those of one day without it, since that is the name of their column.
func daysOf(all []happening, now time.Time) (name, form string) {
	day := ""
	for _, h := range all {
		at := h.at
		if at.IsZero() {
			at = now
		}
		if d := at.UTC().Format(time.DateOnly); day == "" || d == day {
			day = d
			continue
		}
		return "TIME", "2006-01-02 15:04:05Z"
	}
	return cmp.Or(day, "TIME"), "15:04:05Z"
}

// history is what became of a request: its events, the calls that came to nothing, and how it stands now if it lives.
func history(d client.Detail, now time.Time) (all []happening) {
	for _, e := range d.Events {
		all = append(all, happening{e.Time, e.Attempt, string(e.State), historyDetail(e.Data)})
	}
	all = append(all, callsOf(d)...)
	slices.SortStableFunc(all, func(a, b happening) int { return a.at.Compare(b.at) })
	all = pagesInOne(all)
	if waiting, lives := d.Waiting(now); lives {
		all = append(all, happening{attempt: d.Summary.Attempt, what: "waits", detail: waiting.For})
	}
	return all
}

// pagesInOne makes one line of the pages that a bulk has told one after another: 10,000 legs have fifty.
func pagesInOne(all []happening) []happening {
	kept, pages := all[:0], 0
	for _, h := range all {
		last := len(kept) - 1
		if h.what != string(messages.StateBatchLegs) || last < 0 || kept[last].what != h.what || kept[last].attempt != h.attempt {
			kept, pages = append(kept, h), 1
			continue
		}
		pages++
		kept[last].detail = fmt.Sprintf("%d pages, the last is %s", pages, h.detail)
	}
	return kept
}

// historyDetail is what an event tells; of the first also the name of what was asked for, of the last the cloud's part.
func historyDetail(e messages.Event) string {
	words := []string{eventDetail(e)}
	if e.State == messages.StateAccepted {
		var data struct{ Name string }
		if json.Unmarshal(e.Request.Data, &data) == nil && data.Name != "" {
			words = append(words, "name "+data.Name)
		}
	}
	if e.State.Final() {
		words = append(words, cloudsPart(e))
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), "; ")
}

// cloudsPart is how long the cloud has worked, by its own clock, and how often it was asked for its job.
func cloudsPart(e messages.Event) string {
	var parts []string
	if t := e.Times; t.RemoteBegin != nil && t.RemoteEnd != nil {
		parts = append(parts, "worked for "+briefly(t.RemoteEnd.Sub(*t.RemoteBegin)))
	}
	if e.Job != nil && e.Job.Polls > 0 {
		parts = append(parts, "was asked "+times(e.Job.Polls))
	}
	if len(parts) == 0 {
		return ""
	}
	return "the cloud " + strings.Join(parts, " and ")
}

// mostCalls is how many calls that came to nothing are shown one by one.
const mostCalls = 5

// callsOf are the creating calls of a request of which no event tells: those that the cloud has put off, and whose answer was lost.
func callsOf(d client.Detail) (all []happening) {
	if d.Record == nil {
		return nil
	}
	for _, at := range d.Record.Posts {
		told := slices.ContainsFunc(d.Events, func(e client.EventView) bool {
			return e.State == messages.StateSubmitted && at.Sub(timeOr(e.Data.Times.Submitted, e.Time)).Abs() < 2*time.Second
		})
		if !told {
			all = append(all, happening{at, d.Summary.Attempt, "asked", "the cloud, by a call that has begun nothing, as far as is known"})
		}
	}
	if more := len(all) - mostCalls; more > 0 {
		all[more].detail += fmt.Sprintf("; %s before", times(more))
		all = all[more:]
	}
	if n := len(all); n > 0 && d.Record.Failure != nil && d.Record.Refusals > 0 {
		all[n-1].detail = fmt.Sprintf("put off: %s: %s", reasonAndCode(d.Record.Failure), d.Record.Failure.Message)
	}
	return all
}

func timeOr(t *time.Time, other time.Time) time.Time {
	if t == nil {
		return other
	}
	return *t
}

// ageRow tells how long a request has taken so far, and what of that it waited.
func ageRow(w io.Writer, s client.Summary, now time.Time) {
	if s.Accepted.IsZero() {
		return
	}
	end, word := now, "so far"
	if !s.Finished.IsZero() {
		end, word = s.Finished, "in all"
	}
	text := briefly(end.Sub(s.Accepted)) + " " + word
	if !s.Submitted.IsZero() && !s.Submitted.After(end) {
		text += fmt.Sprintf(", %s of it before it was submitted", briefly(s.Submitted.Sub(s.Accepted)))
	}
	row(w, "took", text)
}

// briefly is a duration in its two largest units.
func briefly(d time.Duration) string {
	d = max(0, d)
	for _, u := range []struct {
		size, part time.Duration
		names      string
	}{{24 * time.Hour, time.Hour, "dh"}, {time.Hour, time.Minute, "hm"}, {time.Minute, time.Second, "ms"}} {
		if d < u.size {
			continue
		}
		if rest := d % u.size / u.part; rest > 0 {
			return fmt.Sprintf("%d%c%d%c", d/u.size, u.names[0], rest, u.names[1])
		}
		return fmt.Sprintf("%d%c", d/u.size, u.names[0])
	}
	if d < 10*time.Second && d > 0 {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Truncate(time.Second).String()
}
