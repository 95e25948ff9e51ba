package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

const everyBackup = `
rules:
  - match: {}
    image: { name: "{{ .Resource.Name }}-{{ .Backup.CreatedAt | date \"20060102-1504\" }}", image_tags: [ { key: team, value: web } ] }
`

// ruled is a system with backup rules.
func ruled(t *testing.T, rules, settings string) *system {
	t.Helper()
	s := newSystem(t, settings, nil)
	s.cfg.BackupRules = filepath.Join(s.dir, "rules.yaml")
	s.writeRules(rules)
	return s
}

func (s *system) writeRules(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.cfg.BackupRules, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// notice gives notice of a backup as any program would.
func (s *system) notice(backup string) {
	s.t.Helper()
	s.publish("ims.backup.demo.ready", `{"backup":{"id":"`+backup+`"}}`, nil)
}

func backupKey(backup string) string {
	id := messages.BackupIdentity("demo", backup)
	return messages.Key("demo", id.Source, id.ID)
}

// backup adds one that becomes available after so long, in the cloud's time.
func (s *system) backup(b fakecloud.Backup, after time.Duration) string {
	s.t.Helper()
	b.Available = s.fake.Now().Add(after)
	ids, err := s.fake.Add(fakecloud.DemoCloud, fakecloud.World{Backups: []fakecloud.Backup{b}})
	if err != nil {
		s.t.Fatal(err)
	}
	return ids[0]
}

// handled waits until no message waits for a worker.
func (s *system) handled() {
	s.t.Helper()
	s.await("an empty queue", func() bool {
		stream, err := s.conn.JetStream().Stream(s.t.Context(), broker.StreamRequests)
		if err != nil {
			return false
		}
		return stream.CachedInfo().State.Msgs == 0
	})
}

func (s *system) metric(line string) bool {
	_, text := s.get("/metrics")
	return strings.Contains(text, line)
}

func TestBackupBecomesAnImage(t *testing.T) {
	t.Parallel()
	s := ruled(t, everyBackup, "").start()
	id := s.backup(fakecloud.Backup{ResourceName: "web-01", VaultID: fakecloud.DemoVault}, 0)
	for range 20 {
		s.notice(id)
	}
	final := s.final(backupKey(id))
	if final.State != messages.StateSucceeded || !strings.HasPrefix(final.Images[0].Name, "web-01-20") {
		t.Errorf("ended %s, %+v, %+v", final.State, final.Images, final.Error)
	}
	for range 10 {
		s.notice(id)
	}
	s.handled()
	if got := s.made(); got != 1 {
		t.Errorf("%d images were begun", got)
	}
	events := s.events(backupKey(id))
	if got := states(withoutProgress(events)); got != "accepted submitted succeeded" {
		t.Errorf("told %q", got)
	}
	if r := events[0].event.Request; r.Source != "/imsworker/backup/demo" || r.ID != id {
		t.Errorf("request %+v", r)
	}
	if !s.metric(`imsworker_backup_notices_total{cloud="demo",result="duplicate"} 29`) {
		_, text := s.get("/metrics")
		t.Errorf("the other notices are not counted as duplicates:\n%s", text[strings.Index(text, "imsworker_backup"):][:600])
	}
}

// TestBackupThatIsEarly is looked at again, also by the next worker, and by
// no more than one request.
func TestBackupThatIsEarly(t *testing.T) {
	t.Parallel()
	s := ruled(t, everyBackup, "").start()
	early := s.backup(fakecloud.Backup{ResourceName: "web-01"}, 3*time.Minute)
	for range 5 {
		s.notice(early)
	}
	s.handled()
	if s.made() != 0 {
		t.Error("an image is made of a backup that is not available")
	}
	s.stop()
	s.start()
	s.notice(early)
	if final := s.final(backupKey(early)); final.State != messages.StateSucceeded || s.made() != 1 {
		t.Errorf("ended %s, %d images", final.State, s.made())
	}
	s.await("the notice to be forgotten", func() bool {
		m, err := s.conn.Last(t.Context(), broker.StreamState, "ims.hint.*.demo."+early)
		return err != nil || len(m.Data) == 0
	})
}

// TestBackupsThatAreNoImages end in no request, each with its reason.
func TestBackupsThatAreNoImages(t *testing.T) {
	t.Parallel()
	s := ruled(t, `
rules:
  - match: { resource_name: "web-*" }
    image: { name: "{{ .Resource.Name }}" }
  - match: { resource_name: broken }
    image: { name: "{{ .Resource.Name }}" }
  - match: {}
    skip: true
`, "").start()
	for _, b := range []fakecloud.Backup{
		{ResourceName: "web-disk", ResourceType: "OS::Cinder::Volume"}, {ResourceName: "web-error", Status: "error"}, {ResourceName: "web-data", NoSystemDisk: true},
		{ResourceName: "db-01"},
	} {
		s.notice(s.backup(b, 0))
	}
	s.notice(fakecloud.DemoWholeBackup)
	s.publish("ims.backup.demo.ready", `{"bakup":{}}`, nil)
	s.publish("ims.backup.demo.done", `{}`, nil)
	s.publish("ims.backup.demo.ready", `{"backup":{"id":"x y"}}`, nil)
	const gone = "00000000-0000-4000-8000-000000000001"
	s.notice(gone)
	s.await("the dead letter of what is not there", func() bool {
		return s.metric(`imsworker_dead_letters_total{reason="backup"} 1`)
	})
	s.handled()
	if s.made() != 0 {
		t.Errorf("%d images", s.made())
	}
	for _, line := range []string{
		`imsworker_backup_notices_total{cloud="demo",result="unfit"} 3`, `imsworker_backup_notices_total{cloud="demo",result="used"} 1`,
		`imsworker_backup_notices_total{cloud="demo",result="skipped"} 1`, `imsworker_backup_notices_total{cloud="demo",result="dead"} 1`,
		`imsworker_dead_letters_total{reason="invalid"} 2`, `imsworker_dead_letters_total{reason="unknown_operation"} 1`,
	} {
		if !s.metric(line) {
			t.Errorf("no %s", line)
		}
	}
	if log := s.logs.String(); !strings.Contains(log, "a backup has an image already; none is made") || !strings.Contains(log, fakecloud.DemoWholeImage) {
		t.Error("the image that exists is not told")
	}
	letter, err := s.conn.Last(t.Context(), broker.StreamDead, "ims.dead.demo.ready")
	if err != nil || !strings.Contains(letter.Header.Get("Ims-Dead-Detail"), "CBR knows no such backup") || letter.Header.Get("Ims-Dead-Subject") != "ims.backup.demo.ready" {
		t.Errorf("letter %+v, %v", letter.Header, err)
	}
}

// TestWatchAlone finds a backup that nobody gives notice of, once, and goes on
// where a worker before has ended.
func TestWatchAlone(t *testing.T) {
	t.Parallel()
	s := ruled(t, everyBackup, ", backup_watch: {vaults: ["+fakecloud.DemoVault+"], every: 1m}").start()
	late := s.backup(fakecloud.Backup{ResourceName: "web-01", VaultID: fakecloud.DemoVault}, time.Minute)
	if final := s.final(backupKey(late)); final.State != messages.StateSucceeded {
		t.Errorf("ended %s", final.State)
	}
	s.await("how far was looked to be noted", func() bool {
		m, err := s.conn.Last(t.Context(), broker.StreamState, broker.WatchedPrefix+"demo")
		return err == nil && len(m.Data) > 0
	})
	s.stop()
	meanwhile := s.backup(fakecloud.Backup{ResourceName: "web-02", VaultID: fakecloud.DemoVault}, 0)
	elsewhere := s.backup(fakecloud.Backup{ResourceName: "web-03", VaultID: "00000000-0000-4000-8000-00000000000a"}, 0)
	s.start()
	if final := s.final(backupKey(meanwhile)); final.State != messages.StateSucceeded {
		t.Errorf("ended %s", final.State)
	}
	for id, want := range map[string]string{late: "accepted submitted succeeded", meanwhile: "accepted submitted succeeded", elsewhere: ""} {
		if got := states(withoutProgress(s.events(backupKey(id)))); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
}

// TestVagueNotices name a vault, a server or a restore point.
func TestVagueNotices(t *testing.T) {
	t.Parallel()
	s := ruled(t, everyBackup, "").start()
	const vault, server = "00000000-0000-4000-8000-00000000000b", "00000000-0000-4000-8000-00000000000c"
	inVault := s.backup(fakecloud.Backup{ResourceName: "web-01", VaultID: vault}, 0)
	old := s.backup(fakecloud.Backup{ResourceName: "old", VaultID: vault, Created: s.fake.Now().Add(-30 * time.Hour)}, 0)
	ofServer := s.backup(fakecloud.Backup{ResourceName: "web-02", ResourceID: server}, time.Minute)
	s.publish("ims.backup.demo.ready", `{"ids":["`+vault+`"],"evidence":{"channel":"test"}}`, nil)
	s.publish("ims.backup.demo.ready", `{"resource":{"id":"`+server+`"}}`, nil)
	for _, id := range []string{inVault, ofServer} {
		if final := s.final(backupKey(id)); final.State != messages.StateSucceeded {
			t.Errorf("ended %s", final.State)
		}
	}
	if events := s.events(backupKey(old)); len(events) > 0 {
		t.Errorf("an old backup became a request: %v", states(events))
	}
	s.publish("ims.backup.demo.ready", `{"ids":["`+vault+`"]}`, nil)
	s.await("a notice of what is known to be counted", func() bool { return s.metric(`imsworker_backup_notices_total{cloud="demo",result="duplicate"} 1`) })
	s.publish("ims.backup.demo.ready", `{"ids":["`+fakecloud.DemoWholeBackup+`"]}`, nil)
	s.await("a notice of what is used to be counted", func() bool { return s.metric(`imsworker_backup_notices_total{cloud="demo",result="used"} 1`) })
}

// TestRulesSteps need no allow_steps, but allow and allow_targets hold; nobody
// else gets these rights.
func TestRulesSteps(t *testing.T) {
	t.Parallel()
	const steps = `
rules:
  - match: { resource_name: web }
    image: { name: web }
    on_success: [ { operation: tag-image, tags: [ { key: a, value: b } ], options: { on_success: [ { operation: update-image, min_ram: 1024 } ] } } ]
  - match: { resource_name: gone }
    image: { name: gone }
    on_success: [ { operation: delete-image } ]
`
	s := ruled(t, steps, "").start()
	web, gone := s.backup(fakecloud.Backup{ResourceName: "web"}, 0), s.backup(fakecloud.Backup{ResourceName: "gone"}, 0)
	s.notice(web)
	s.notice(gone)
	final := s.final(backupKey(web))
	if final.State != messages.StateSucceeded || len(final.Next) != 1 {
		t.Fatalf("ended %s %+v, then %v", final.State, final.Error, final.Next)
	}
	tagged := s.final(final.Next[0].Key)
	if tagged.State != messages.StateSucceeded || len(tagged.Next) != 1 {
		t.Fatalf("the step ended %s %+v, then %v", tagged.State, tagged.Error, tagged.Next)
	}
	if last := s.final(tagged.Next[0].Key); last.State != messages.StateSucceeded {
		t.Errorf("its step ended %s %+v", last.State, last.Error)
	}
	if final := s.final(backupKey(gone)); final.State != messages.StateRejected || final.Error.Reason != messages.ReasonConstraint {
		t.Errorf("deleting ended %s", final.State)
	}
	foreign := nats.Header{"ce-specversion": {"1.0"}, "ce-type": {messages.RequestType("create-whole-image")}, "ce-source": {"/imsworker/backup/demo"}, "ce-id": {fakecloud.DemoBackup}}
	body, err := json.Marshal(map[string]any{
		"backup_id": fakecloud.DemoBackup, "whole_image_type": "CBR", "name": "x",
		"options": map[string]any{"on_success": []map[string]any{{"operation": "update-image", "min_ram": 1024}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.publish("ims.request.demo.create-whole-image", string(body), foreign)
	s.await("a dead letter", func() bool { return s.metric(`imsworker_dead_letters_total{reason="identity_reused"} 1`) })
}

// TestRulesAreReadAgain, and a bad file leaves the running ones alone.
func TestRulesAreReadAgain(t *testing.T) {
	t.Parallel()
	s := ruled(t, "rules: [ { match: {}, skip: true } ]", "").start()
	s.writeRules("rules: [ { match: {}, skip: perhaps } ]")
	s.await("the log of a bad file", func() bool { return strings.Contains(s.logs.String(), "the running backup rules stay") })
	s.writeRules(everyBackup)
	s.await("the log of a good file", func() bool { return strings.Contains(s.logs.String(), "backup rules read again") })
	s.notice(fakecloud.DemoBackup)
	if final := s.final(backupKey(fakecloud.DemoBackup)); final.State != messages.StateSucceeded {
		t.Errorf("ended %s", final.State)
	}
}

// TestNoRules: a notice that no rule can judge is kept as a dead letter.
func TestNoRules(t *testing.T) {
	t.Parallel()
	s := newSystem(t, ", backup_watch: {every: 1m}", nil).start()
	s.notice(fakecloud.DemoBackup)
	s.await("a dead letter", func() bool {
		m, err := s.conn.Last(t.Context(), broker.StreamDead, "ims.dead.demo.ready")
		return err == nil && strings.Contains(m.Header.Get("Ims-Dead-Detail"), "IMSWORKER_BACKUP_RULES")
	})
	if !strings.Contains(s.logs.String(), "backup_watch has no effect without rules") {
		t.Error("nobody says that the watch is off")
	}
	s.stop()
	s.cfg.BackupRules = filepath.Join(s.dir, "rules.yaml")
	s.writeRules("rules:\n  - match: { vualt: a }\n    image: {}\n")
	ctx, cancel := contextWithPatience(t)
	defer cancel()
	if err := runFor(ctx, s, patience); err == nil || !strings.Contains(err.Error(), "rules.yaml:2: rules[0].match.vualt") || !strings.Contains(fmt.Sprint(err), "image.name: is missing") {
		t.Errorf("started with bad rules: %v", err)
	}
	s.writeRules(everyBackup)
	s.start()
	c := client.New(s.conn)
	var letters []client.DeadLetter
	err := c.DeadLetters(t.Context(), client.DeadFilter{Clouds: []string{"demo"}}, func(d client.DeadLetter) { letters = append(letters, d) })
	if err != nil || len(letters) != 1 || letters[0].Reason != "backup" {
		t.Fatalf("%+v, %v", letters, err)
	}
	if r, err := c.Replay(t.Context(), letters[0].Number, client.Act{By: "test"}); err != nil || r.Subject != "ims.backup.demo.ready" {
		t.Fatalf("%+v, %v", r, err)
	}
	if final := s.final(backupKey(fakecloud.DemoBackup)); final.State != messages.StateSucceeded {
		t.Errorf("after a replay ended %s", final.State)
	}
}
