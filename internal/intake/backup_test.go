package intake_test

import (
	"testing"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// TestOneDeadLetterForACause: a backup that cannot become an image for one
// reason is one dead letter, whoever tells of it; another reason is another.
func TestOneDeadLetterForACause(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	bury := func(id, channel, cause string) {
		var n messages.Notice
		n.Backup.ID, n.Evidence.Channel = id, channel
		if err := d.intake.BuryNotice(t.Context(), "demo", n, messages.Problems{{Message: cause}}); err != nil {
			t.Fatal(err)
		}
	}
	bury("9b27efab-4a17-4c06-bfa2-3e0cf021d3c3", messages.ChannelWatch, "the template fails")
	bury("9B27EFAB-4a17-4c06-bfa2-3e0cf021d3c3", messages.ChannelCloudEvents, "the template fails")
	bury("9b27efab-4a17-4c06-bfa2-3e0cf021d3c3", "", "the template fails")
	d.letters(1)
	bury("9b27efab-4a17-4c06-bfa2-3e0cf021d3c3", "", "another cause")
	bury("00000000-4a17-4c06-bfa2-3e0cf021d3c3", "", "the template fails")
	d.letters(3)
}

// letters counts the dead letters.
func (d *desk) letters(want uint64) {
	d.t.Helper()
	s, err := d.conn.JetStream().Stream(d.t.Context(), broker.StreamDead)
	if err != nil || s.CachedInfo().State.Msgs != want {
		d.t.Errorf("%d dead letters, want %d (%v)", s.CachedInfo().State.Msgs, want, err)
	}
}
