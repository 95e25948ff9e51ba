package broker

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []string
		c := &Conn{}
		c.waiting.open.init()
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
		short.answered()
		expect()

		away := c.waiting.begin()
		time.Sleep(stuckAfter)
		away.failed(errAway)
		away.failed(silent)
		away.answered()
		expect()

		first, second := c.waiting.begin(), c.waiting.begin()
		time.Sleep(stuckAfter)
		first.failed(silent)
		second.failed(silent)
		first.failed(silent)
		expect("nobody answers")
		quick := c.waiting.begin()
		quick.answered()
		first.answered()
		expect("nobody answers") // the second one still waits
		second.givenUp("one")
		expect("nobody answers")
		quick = c.waiting.begin()
		lost := c.waiting.begin()
		time.Sleep(stuckAfter)
		quick.answered()
		expect("nobody answers") // what was given up has had no answer
		if got := c.waiting.next(); got != "one" {
			t.Errorf("asks %q", got)
		}
		c.waiting.heard("one")
		expect("nobody answers", "works")
		lost.givenUp("another") // nothing is stuck any more
		if got := c.waiting.next(); got != "" {
			t.Errorf("asks %q", got)
		}
		lost = c.waiting.begin()
		lost.since = lost.since.Add(-stuckAfter)
		lost.failed(silent) // it was asked before
		lost.answered()
		expect("nobody answers", "works")
	})
}

// TestQuestionAbout: it asks whoever decides, and changes nothing.
func TestQuestionAbout(t *testing.T) {
	t.Parallel()
	for verb, want := range map[string]string{
		"STREAM.INFO.IMS_DEAD":                            "STREAM.INFO.IMS_DEAD",
		"STREAM.CREATE.IMS_DEAD":                          "STREAM.INFO.IMS_DEAD",
		"STREAM.MSG.GET.IMS_TRACK_05":                     "STREAM.INFO.IMS_TRACK_05",
		"STREAM.NAMES":                                    "STREAM.NAMES",
		"CONSUMER.INFO.IMS_REQUESTS.leftover":             "CONSUMER.INFO.IMS_REQUESTS.leftover",
		"CONSUMER.CREATE.IMS_REQUESTS.shard-05.ims.inbox": "CONSUMER.INFO.IMS_REQUESTS.shard-05",
	} {
		if got := questionAbout(verb); got != want {
			t.Errorf("in place of %s it asks %s, want %s", verb, got, want)
		}
	}
}

// TestLed: a leader that has lost the others answers as before for a while.
func TestLed(t *testing.T) {
	t.Parallel()
	copies := func(leader string, heard ...time.Duration) *jetstream.ClusterInfo {
		c := &jetstream.ClusterInfo{Leader: leader}
		for _, h := range heard {
			c.Replicas = append(c.Replicas, &jetstream.PeerInfo{Active: h, Offline: h < 0})
		}
		return c
	}
	const gone = -1
	for name, is := range map[string]struct {
		cluster *jetstream.ClusterInfo
		want    bool
	}{
		"one server":         {nil, true},
		"one copy":           {copies("a"), true},
		"three":              {copies("a", time.Second, 900*time.Millisecond), true},
		"three, one lost":    {copies("a", time.Second, gone), true},
		"three, two lost":    {copies("a", gone, gone), false},
		"three, two silent":  {copies("a", heardLately, time.Hour), false},
		"three, no leader":   {copies("", 0, 0, 0), false},
		"five, two lost":     {copies("a", time.Second, time.Second, gone, time.Minute), true},
		"five, three silent": {copies("a", time.Second, time.Minute, gone, time.Minute), false},
	} {
		if got := led(is.cluster); got != is.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
