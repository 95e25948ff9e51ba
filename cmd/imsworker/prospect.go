package main

import (
	"fmt"
	"io"
	"time"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

// prospectRows shows what the worker expects of a request.
func prospectRows(w io.Writer, p *messages.Prospect, now time.Time) {
	if p == nil {
		return
	}
	if p.Ahead != nil {
		row(w, "before it", fmt.Sprintf("%s of bucket %s", count(*p.Ahead, "request"), p.Bucket))
	}
	if p.Start != nil && p.Start.After(now) {
		timeRow(w, "expected start", *p.Start, now)
	}
	if p.End != nil {
		timeRow(w, "expected end", *p.End, now)
	}
	if p.Percent != nil {
		row(w, "done", "about "+percent(*p.Percent))
	}
	if p.Risk != nil {
		row(w, "risk of being late", percent(100**p.Risk))
	}
}

func percent(p float64) string { return fmt.Sprintf("%.0f %%", p) }

// reasonOf is why a request has not gone on, or why it ended.
func reasonOf(s client.Summary) string {
	switch {
	case s.Prospect == nil || s.Prospect.Waits == messages.WaitsPerson:
		return string(s.Reason)
	case s.Reason != "":
		return fmt.Sprintf("%s (%s)", s.Prospect.Waits, s.Reason)
	}
	return string(s.Prospect.Waits)
}

// starts is when a request goes that waits; empty once it has, or where nobody knows.
func starts(s client.Summary, now time.Time) string {
	if s.Prospect == nil || s.Prospect.Start == nil || s.Prospect.Waits == messages.WaitsEnd {
		return ""
	}
	return fromNow(*s.Prospect.Start, now)
}

// ends is when a request has ended, or is expected to.
func ends(s client.Summary, now time.Time) string {
	switch p := s.Prospect; {
	case !s.Finished.IsZero():
		return briefly(now.Sub(s.Finished)) + " ago"
	case p == nil || p.End == nil && p.Risk == nil:
		return ""
	case p.End == nil:
		return lateness(*p.Risk)
	case p.Risk != nil && *p.Risk >= worthAWord:
		return fromNow(*p.End, now) + ", " + lateness(*p.Risk)
	default:
		return fromNow(*p.End, now)
	}
}

// worthAWord is the least probability of being late that a list tells of.
const worthAWord = 0.05

func lateness(risk float64) string {
	switch {
	case risk < worthAWord:
		return ""
	case risk > 0.995:
		return "late"
	}
	return "late with " + percent(100*risk)
}

func done(s client.Summary) string {
	if s.Prospect == nil || s.Prospect.Percent == nil {
		return ""
	}
	return percent(*s.Prospect.Percent)
}
