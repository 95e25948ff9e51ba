package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

const hookToken = "t0ps3cret-t0ps3cret"

// TestEveryChannel announces backups 50 times each, through all channels at
// once, some before they are available, and stops the worker in between: each
// becomes one image with one final event.
func TestEveryChannel(t *testing.T) {
	t.Parallel()
	topic := fakecloud.Demo().Topic("backups")
	s := ruled(t, everyBackup, ", smn_topics: ['"+topic+"'], backup_watch: {every: 30s}")
	s.cfg.Hook.Listen, s.cfg.Hook.Token = "127.0.0.1:0", hookToken
	s.start()
	var ids []string
	for _, after := range []time.Duration{0, 20 * time.Second, 2 * time.Minute} {
		ids = append(ids, s.backup(fakecloud.Backup{ResourceName: "web-01"}, after))
	}
	for round := range 50 {
		for i, id := range ids {
			s.announce((round+i)%3, id)
		}
		if round == 20 || round == 35 {
			s.stop()
			s.start()
		}
	}
	for _, id := range ids {
		key := backupKey(id)
		if final := s.final(key); final.State != messages.StateSucceeded {
			t.Errorf("ended %s %+v", final.State, final.Error)
		}
		if got := states(withoutProgress(s.events(key))); got != "accepted submitted succeeded" {
			t.Errorf("told %q", got)
		}
	}
	s.handled()
	begun := map[string]int{}
	for _, m := range s.fake.Truth(fakecloud.DemoCloud) {
		if m.JobID != "" {
			begun[m.BackupID]++
		}
	}
	for _, id := range ids {
		if begun[id] != 1 {
			t.Errorf("%d images of a backup were begun", begun[id])
		}
	}
	if log := s.logs.String(); strings.Contains(log, hookToken) || strings.Contains(log, "token=") {
		t.Error("the log holds a secret")
	}
}

// announce tells of a backup by one of the three channels.
func (s *system) announce(channel int, id string) {
	s.t.Helper()
	hook := "http://" + s.at.Hooks + "/hooks/demo/"
	var body []byte
	var err error
	header := http.Header{}
	switch channel {
	case 0:
		s.notice(id)
		return
	case 1:
		hook += "smn"
		text, _ := s.fake.CloudEyeEvent("demo", id)
		body, err = s.fake.SMN("demo", s.cloud.URL, fakecloud.SMNMessage{Message: text})
	case 2:
		hook += "cloudevents"
		header.Set("Content-Type", "application/cloudevents+json")
		header.Set("Authorization", "Bearer "+hookToken)
		body, err = s.fake.EventGridEvent("demo", id)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if status, said, err := s.fake.Post(s.t.Context(), hook, header, body); err != nil || status != http.StatusOK {
		s.t.Fatalf("%s answers %d %s %v", hook, status, said, err)
	}
}
