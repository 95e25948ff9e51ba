package broker

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

func foreign(t *testing.T, c *Conn, name string, subjects ...string) {
	t.Helper()
	if _, err := c.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: subjects}); err != nil {
		t.Fatal(err)
	}
}

func streamNames(t *testing.T, c *Conn) []string {
	t.Helper()
	var names []string
	for name := range c.js.StreamNames(within(t)).Name() {
		names = append(names, name)
	}
	return names
}

// TestForeignStreamIsSeenBefore: the start does not stop half-way because of a
// stream that takes some of our subjects.
func TestForeignStreamIsSeenBefore(t *testing.T) {
	t.Parallel()
	for subject, blocked := range map[string]int{"ims.dead.>": 1, "ims.dead.demo.copy-image": 1, "ims.control.x.*": 1, "ims.>": 6, "ims.lease.*": 1} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			c := connect(t)
			foreign(t, c, "MINE", subject)
			plan, err := c.Apply(within(t), usual(2))
			if !errors.Is(err, ErrTopology) || !strings.Contains(err.Error(), "stream MINE takes ims.") {
				t.Errorf("got %v", err)
			}
			manual := slices.DeleteFunc(slices.Clone(plan), func(c Change) bool { return c.Action != ActionManual })
			if len(manual) != blocked || manual[0].Is != "taken by MINE" || len(plan) != 6+3 {
				t.Errorf("got\n%s", plan)
			}
			if names := streamNames(t, c); !slices.Equal(names, []string{"MINE"}) {
				t.Errorf("the refused start leaves %v", names)
			}
		})
	}
}

// TestOverlapOfAnUpdate: a stream that is there and lacks a subject is not
// widened onto another's.
func TestOverlapOfAnUpdate(t *testing.T) {
	t.Parallel()
	c := connect(t)
	narrow := usual(2)
	narrow[0].Config.Subjects = narrow[0].Config.Subjects[:2]
	narrow[0].Consumers[0] = puller(LeftoverConsumer, RequestFilter, "ims.control.>")
	apply(t, c, narrow)
	foreign(t, c, "BACKUPS", "ims.backup.>")
	plan, err := c.Apply(within(t), usual(2))
	if !errors.Is(err, ErrTopology) || plan.Applicable() || !strings.Contains(err.Error(), "stream BACKUPS takes ims.backup.*.* already") {
		t.Errorf("got %v", err)
	}
	if err := c.js.DeleteStream(t.Context(), "BACKUPS"); err != nil {
		t.Fatal(err)
	}
	apply(t, c, usual(2))
}

// TestOwnStreamGivesWay: one of ours that takes too much is narrowed before the
// stream that needs the subjects is made.
func TestOwnStreamGivesWay(t *testing.T) {
	t.Parallel()
	c := connect(t)
	wide := usual(2)[1:2]
	wide[0].Config.Subjects = []string{"ims.event.>", "ims.dead.>"}
	apply(t, c, wide)
	apply(t, c, usual(2))
}

// TestOverlapWithoutTheRightToList: the broker's refusal says what to do.
func TestOverlapWithoutTheRightToList(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nats.conf")
	write(t, file, `authorization { users: [ { user: admin, password: pw }
		{ user: worker, password: pw, permissions: { publish: { deny: "$JS.API.STREAM.NAMES" } } } ] }`)
	inside := startIn(t, InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file})
	foreign(t, dial(t, Options{URL: inside.URL(), User: "admin", Password: "pw"}), "MINE", "ims.dead.>")
	worker := dial(t, Options{URL: inside.URL(), User: "worker", Password: "pw"})
	if _, err := worker.Apply(within(t), usual(2)); !errors.Is(err, ErrTopology) || !strings.Contains(err.Error(), "another stream takes") {
		t.Errorf("got %v", err)
	}
}
