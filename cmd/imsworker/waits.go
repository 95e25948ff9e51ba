package main

import (
	"io"
	"strconv"
	"time"

	"github.com/imsworker/imsworker/internal/client"
)

// waitRows shows of a request that lives what it waits for, and until when.
func waitRows(w io.Writer, d client.Detail, now time.Time) {
	waiting, lives := d.Waiting(now)
	if !lives {
		return
	}
	row(w, "waits", waiting.For)
	timeRow(w, "not before", waiting.NotBefore, now)
	timeRow(w, "next try", waiting.NextTry, now)
	prospectRows(w, d.Summary.Prospect, now)
	timeRow(w, "deadline", waiting.Deadline, now)
	if waiting.Refusals > 0 {
		row(w, "put off", times(waiting.Refusals)+" in a row")
	}
}

func timeRow(w io.Writer, name string, at, now time.Time) {
	if !at.IsZero() {
		row(w, name, moment(at)+" ("+fromNow(at, now)+")")
	}
}

func fromNow(at, now time.Time) string {
	d := at.Sub(now).Round(time.Second)
	if d < 0 {
		return fewDays(-d) + " ago"
	}
	return "in " + fewDays(d)
}

// fewDays is a duration to the second; of more than two days the hours are enough.
func fewDays(d time.Duration) string {
	if d.Abs() > 48*time.Hour {
		return briefly(d.Abs())
	}
	return d.String()
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}
