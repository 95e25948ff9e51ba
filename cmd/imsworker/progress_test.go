package main

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/messages"
)

// TestWaitForNobody: a request to a cloud that no worker knows waits for minutes; what that may come from is said soon, once,
// and of no request that was heard of.
func TestWaitForNobody(t *testing.T) {
	t.Parallel()
	const want = "note: nothing heard of the request for 10s: maybe no worker runs, or none knows a cloud \"dmo\"; it is waited for\n"
	for name, test := range map[string]struct {
		heard, ended time.Duration
		want         string
	}{
		"nobody": {heard: time.Hour, ended: time.Minute, want: want},
		"slow":   {heard: firstWord + time.Second, ended: time.Minute, want: want},
		"taken":  {heard: time.Second, ended: time.Minute},
		"ended":  {heard: time.Hour, ended: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var notes bytes.Buffer
				line := newProgress(&notes, "copy-image")
				stop := line.expectFirst(&notes, firstWord, "dmo")
				end := time.AfterFunc(test.ended, func() { stop() })
				defer end.Stop()
				time.Sleep(test.heard)
				line.show(messages.Event{State: messages.StateAccepted})
				time.Sleep(time.Hour)
				synctest.Wait()
				if got := notes.String(); got != test.want {
					t.Errorf("said %q, want %q", got, test.want)
				}
			})
		})
	}
}
