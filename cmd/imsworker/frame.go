package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/messages"
)

// frame is the board as it stands on a screen of that size: never more lines, none wider.
func (b *board) frame(width, height int, now time.Time, paint bool) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []line
	switch bulk := b.bulk(); {
	case bulk != nil:
		lines = b.bulkFrame(bulk, width, height, now)
	case len(b.order) == 1:
		lines = b.oneFrame(b.order[0], width, height, now)
	default:
		lines = b.manyFrame(width, height, now)
	}
	if b.away {
		lines[0] = line{{"the broker is away; waiting for it", bad}}
	}
	texts := make([]string, 0, height)
	for _, l := range lines[:min(len(lines), height)] {
		texts = append(texts, l.fit(width, paint))
	}
	return texts
}

// bulkFrame is a bulk: a bar over all legs, their counts, and those that need to be seen.
func (b *board) bulkFrame(i *item, width, height int, now time.Time) []line {
	lines := []line{spread(title(i), passed(i.Summary.Accepted, now), width)}
	counts := i.Summary.Legs
	if counts == nil {
		lines = append(lines, say("its legs are not counted yet"))
	} else {
		lines = append(lines, countsBar(*counts, width), countsLine(*counts, "legs"))
	}
	lines = append(lines, say(i.outlook(now)), line{})
	return append(lines, rows(b.legs, width, height-len(lines), now)...)
}

// manyFrame is several requests.
func (b *board) manyFrame(width, height int, now time.Time) []line {
	c := b.counts()
	if c.Legs == 0 {
		return []line{say("looking for the requests")}
	}
	lines := []line{spread(say(count(c.Legs, "request")), passed(b.began, now), width)}
	lines = append(lines, countsBar(c, width), countsLine(c, "requests"), line{})
	return append(lines, rows(b.order, width, height-len(lines), now)...)
}

// oneFrame is one request, with what happened last.
func (b *board) oneFrame(i *item, width, height int, now time.Time) []line {
	lines := []line{spread(title(i), passed(i.Summary.Accepted, now), width)}
	if p, known := i.percent(now); known && i.runs() {
		lines = append(lines, append(percentBar(p, min(width-6, 60)), piece{" " + percent(p), ""}))
	}
	lines = append(lines, say(i.outlook(now)), line{})
	for _, text := range b.story[max(0, len(b.story)-max(0, height-len(lines))):] {
		lines = append(lines, say(text))
	}
	return lines
}

func title(i *item) line {
	s := i.Summary
	text := s.Operation + " " + s.Key + "  " + s.Cloud + "  "
	if s.Attempt > 1 {
		text += fmt.Sprintf("attempt %d, ", s.Attempt)
	}
	return line{{visible(text), ""}, {visible(i.state()), stateTone(i.state())}}
}

// passed is the time since then.
func passed(since, now time.Time) line {
	if since.IsZero() {
		return nil
	}
	return line{{now.Sub(since).Round(time.Second).String(), faint}}
}

func countsBar(c messages.Counts, width int) line {
	return bar(width, share{c.Succeeded, "=", good}, share{c.Unsuccessful(), "x", bad}, share{c.Running, ">", ""}, share{c.Waiting, ".", faint})
}

func countsLine(c messages.Counts, what string) line {
	l := line{{fmt.Sprintf("%d of %d %s succeeded", c.Succeeded, c.Legs, what), ""}}
	for _, n := range []struct {
		count int
		word  string
		tone  tone
	}{
		{c.Failed, "failed", bad}, {c.Rejected, "rejected", bad}, {c.Unresolved, "unresolved", bad}, {c.Cancelled, "cancelled", doubtful},
		{c.Running, "running", ""}, {c.Waiting, "waiting", faint},
	} {
		if n.count > 0 {
			l = append(l, piece{", ", ""}, piece{fmt.Sprintf("%d %s", n.count, n.word), n.tone})
		}
	}
	return l
}

func percentBar(p float64, width int) line {
	done := int(p)
	return bar(width, share{done, "=", good}, share{100 - done, ".", faint})
}

// outlook is what a request waits for, how it ended, or when it is expected to.
func (i *item) outlook(now time.Time) string {
	if i.Summary.Ended() {
		return i.ending()
	}
	e := i.estimate()
	var words []string
	if !i.runs() {
		s := i.Summary
		s.Prospect = i.prospect
		if why := reasonOf(s); why != "" {
			words = append(words, why)
		}
		if e.Start != nil && e.Start.After(now) {
			words = append(words, "starts "+fromNow(*e.Start, now))
		}
	}
	if e.End != nil && e.End.After(now) {
		words = append(words, "ends "+fromNow(*e.End, now))
	}
	if len(words) == 0 && i.runs() {
		words = append(words, "runs for "+now.Sub(i.Summary.Submitted).Round(time.Second).String())
	}
	return strings.Join(words, ", ")
}

// ending is how a request has ended.
func (i *item) ending() string {
	if i.Event != nil {
		return eventDetail(*i.Event)
	}
	return string(i.Summary.Reason)
}

// rows are items, a line each, those that matter most where there is not room for all.
func rows(items []*item, width, height int, now time.Time) []line {
	if height <= 0 {
		return nil
	}
	items = ranked(items)
	shown := items
	if len(items) > height {
		shown = worth(items, height-1)
	}
	what := 0
	for _, i := range shown {
		what = min(max(what, columns(i.what())), max(8, width/5))
	}
	lines := make([]line, 0, height)
	for _, i := range shown {
		lines = append(lines, i.row(width, what, now))
	}
	if left := without(items, shown); len(left) > 0 {
		lines = append(lines, line{{left, faint}})
	}
	return lines
}

// worth chooses so many of ranked items: what did not succeed gets half of the room where what runs needs the other.
func worth(items []*item, room int) []*item {
	ranks := [4]int{}
	for _, i := range items {
		ranks[i.rank()]++
	}
	bad := min(ranks[rankBad], max(room/2, room-ranks[rankRuns]))
	return slices.Concat(items[:bad], items[ranks[rankBad]:][:room-bad])
}

// without counts the items that are not shown.
func without(items, shown []*item) string {
	left := [4]int{}
	for _, i := range items {
		left[i.rank()]++
	}
	for _, i := range shown {
		left[i.rank()]--
	}
	var words []string
	for rank, word := range []string{"not succeeded", "running", "waiting", "ended"} {
		if left[rank] > 0 {
			words = append(words, fmt.Sprintf("%d %s", left[rank], word))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return "… and " + strings.Join(words, ", ")
}

// what tells one item from others in a word.
func (i *item) what() string {
	if i.Bulk == "" {
		return i.Summary.Operation
	}
	leg, is := messages.LegParent(messages.Identity{Source: i.Summary.Source, ID: i.Summary.ID})
	if !is || leg.Stage == messages.StageCopy {
		return fmt.Sprintf("leg %d", i.Leg)
	}
	return fmt.Sprintf("leg %d %s", i.Leg, leg.Stage)
}

// leastForKey is the width of a screen on which keys have room, rowBar that of the bar in a row.
const leastForKey, rowBar = 64, 8

func (i *item) row(width, what int, now time.Time) line {
	l := line{}
	if width >= leastForKey {
		l = line{{i.Summary.Key + "  ", faint}}
	}
	state := i.state()
	l = append(l, piece{padded(visible(i.what()), what) + "  ", ""}, piece{padded(visible(state), 10) + "  ", stateTone(state)})
	if c := i.Summary.Legs; c != nil && c.Legs > 0 && !i.Summary.Ended() {
		l = append(append(l, countsBar(*c, rowBar)...), piece{fmt.Sprintf(" %d of %d  ", c.Succeeded, c.Legs), ""})
	} else if p, known := i.percent(now); known && i.runs() {
		l = append(append(l, percentBar(p, rowBar)...), piece{fmt.Sprintf(" %3.0f %%  ", p), ""})
	}
	return append(l, piece{visible(i.outlook(now)), ""})
}

func padded(text string, width int) string {
	text = cutTo(text, width)
	return text + strings.Repeat(" ", width-columns(text))
}
