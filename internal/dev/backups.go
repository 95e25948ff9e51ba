package dev

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/imsworker/imsworker/internal/backup"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// hookListen is where the hooks are found if the port is free.
const hookListen = "127.0.0.1:8081"

// demoRules make an image of every backup that is announced.
const demoRules = `rules:
  - match: {}
    image:
      name: "{{ .Resource.Name }}-{{ .Backup.CreatedAt | date \"20060102-150405\" }}"
      description: "{{ .Kind }} backup {{ .Backup.ID }}"
      image_tags: [ { key: made-by, value: rule } ]
`

// configureBackups writes rules, unless the trial has some, and lets the fake
// cloud give notices.
func (t *trial) configureBackups() error {
	if t.Config.BackupRules == "" {
		t.Config.BackupRules = filepath.Join(t.Dir, "rules.yaml")
		if err := os.WriteFile(t.Config.BackupRules, []byte(demoRules), 0o600); err != nil {
			return fmt.Errorf("write rules for backups: %w", err)
		}
	}
	if t.Config.Hook.Listen == "" {
		t.Config.Hook.Listen = hookListen
	}
	t.Config.Hook.Listen = freeAddress(t.Config.Hook.Listen)
	if t.Config.Hook.Token == "" {
		t.Config.Hook.Token = config.Secret(rand.Text())
	}
	return nil
}

// errHook says that the worker did not take what the fake has sent.
var errHook = errors.New("the hook refused a message of the fake cloud")

// announced makes a backup, has the fake cloud tell of it by SMN, and follows
// the image that the rules make of it.
func (t *trial) announced(ctx context.Context, c *client.Client, mu *sync.Mutex) (messages.Event, error) {
	ids, err := t.fake.Add(fakecloud.DemoCloud, fakecloud.World{Backups: []fakecloud.Backup{{ResourceName: "web-02"}}})
	if err != nil {
		return messages.Event{}, fmt.Errorf("make a backup: %w", err)
	}
	text, err := t.fake.CloudEyeEvent(fakecloud.DemoCloud, ids[0])
	if err != nil {
		return messages.Event{}, err
	}
	message, err := t.fake.SMN(fakecloud.DemoCloud, t.fakeURL, fakecloud.SMNMessage{Message: text})
	if err != nil {
		return messages.Event{}, err
	}
	mu.Lock()
	t.say("the fake cloud tells by SMN that a backup of web-02 is ready; by rule it becomes an image\n")
	mu.Unlock()
	status, said, err := t.fake.Post(ctx, "http://"+t.at.Hooks+"/hooks/"+fakecloud.DemoCloud+"/smn", http.Header{}, message)
	if err != nil {
		return messages.Event{}, fmt.Errorf("send a message of SMN: %w", err)
	}
	if status != http.StatusOK {
		return messages.Event{}, fmt.Errorf("%w: %d %s", errHook, status, said)
	}
	id := messages.BackupIdentity(fakecloud.DemoCloud, ids[0])
	return t.follow(ctx, c, client.Submission{
		Key: messages.Key(fakecloud.DemoCloud, id.Source, id.ID), Cloud: fakecloud.DemoCloud, Operation: backup.Operation, Source: id.Source, ID: id.ID,
		Subject: messages.NoticeSubject(fakecloud.DemoCloud),
	}, mu)
}
