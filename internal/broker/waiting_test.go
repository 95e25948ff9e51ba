package broker

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []string
		c := &Conn{}
		c.OnStuck(func(cause error) {
			if cause == nil {
				told = append(told, "works")
			} else {
				told = append(told, cause.Error())
			}
		})
		expect := func(want ...string) {
			t.Helper()
			if len(told) != len(want) || len(want) > 0 && told[len(want)-1] != want[len(want)-1] {
				t.Errorf("told %q, want %q", told, want)
			}
		}
		silent := errors.New("nobody answers")
		short := c.waiting.begin()
		short.failed(silent)
		short.end(true)
		expect()

		away := c.waiting.begin()
		time.Sleep(stuckAfter)
		away.failed(errAway)
		away.failed(silent)
		away.end(true)
		expect()

		first, second := c.waiting.begin(), c.waiting.begin()
		time.Sleep(stuckAfter)
		first.failed(silent)
		second.failed(silent)
		first.failed(silent)
		expect("nobody answers")
		quick := c.waiting.begin()
		quick.end(true)
		first.end(true)
		expect("nobody answers") // the second one still waits
		second.end(false)
		expect("nobody answers") // it was given up
		quick = c.waiting.begin()
		lost := c.waiting.begin()
		time.Sleep(stuckAfter)
		quick.end(true)
		expect("nobody answers", "works")
		lost.failed(silent) // it was asked before
		lost.end(true)
		expect("nobody answers", "works")
	})
}
