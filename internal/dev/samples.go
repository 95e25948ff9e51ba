package dev

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// Sample is one request that shows an operation.
type Sample struct {
	Operation string
	Data      map[string]any
}

// Samples are requests that succeed at the demo cloud, one an operation, as far
// as one account can show it with the things that it has. The backup must be
// one that no image was made of, the image goes with the demo's own to two
// places.
func Samples(backup, image string) []Sample {
	const ubuntu = "Ubuntu 22.04 server 64bit"
	return []Sample{
		{"create-whole-image", map[string]any{
			"backup_id": backup, "whole_image_type": "CBR", "name": "nightly-web-01",
			"image_tags": []map[string]string{{"key": "team", "value": "web"}},
		}},
		{"copy-image", map[string]any{"image_id": fakecloud.DemoImage, "name": "base-copy"}},
		{"export-volume", map[string]any{"volume_id": fakecloud.DemoVolume, "image_name": "db-01-data"}},
		{"create-system-image", map[string]any{"instance_id": fakecloud.DemoStoppedServer, "name": "build-01"}},
		{"create-data-image", map[string]any{"data_images": []map[string]string{
			{"volume_id": fakecloud.DemoDataVolume, "name": "build-01-data-1"}, {"volume_id": fakecloud.DemoDataVolume2, "name": "build-01-data-2"},
		}}},
		{"import-image", map[string]any{"image_url": fakecloud.DemoQuickFile, "name": "base-quick", "min_disk": 250, "os_version": ubuntu}},
		{"register-image", map[string]any{"image_url": fakecloud.DemoFile, "name": "base-registered", "min_disk": 40, "__os_version": ubuntu}},
		{"tag-image", map[string]any{"image_id": fakecloud.DemoImage, "tags": []map[string]string{{"key": "stage", "value": "trial"}}}},
		{"update-image", map[string]any{"image_id": fakecloud.DemoImage, "min_ram": 1024}},
		{messages.OperationBulkCopy, map[string]any{
			"images":  []string{fakecloud.DemoImage, image},
			"targets": []map[string]string{{"name": "{{ .Image.Name }}-bulk"}, {"name": "{{ .Image.Name }}-bulk-encrypted", "cmk_id": fakecloud.DemoKey}},
		}},
	}
}

// samples submits one request for each operation, prints their events as they
// come, and returns when all are final.
func (t *trial) samples(ctx context.Context, c *client.Client) error {
	made, err := t.fake.Add(fakecloud.DemoCloud, fakecloud.World{
		Backups: []fakecloud.Backup{{}}, Images: []fakecloud.Image{{Name: "web-2026-01", MinDisk: 40}},
	})
	if err != nil {
		return fmt.Errorf("make a backup and an image for the samples: %w", err)
	}
	run := rand.Text()[:8]
	var group errgroup.Group
	var mu sync.Mutex
	unsuccessful := 0
	for _, s := range Samples(made[0], made[1]) {
		group.Go(func() error {
			final, err := t.sample(ctx, c, s, run, &mu)
			if err == nil && final.NotSucceeded() {
				mu.Lock()
				unsuccessful++
				mu.Unlock()
			}
			return err
		})
	}
	group.Go(func() error {
		final, err := t.announced(ctx, c, &mu)
		if err == nil && final.NotSucceeded() {
			mu.Lock()
			unsuccessful++
			mu.Unlock()
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if unsuccessful > 0 {
		return ErrNotSucceeded
	}
	return nil
}

// sample submits one request and follows it to its end.
func (t *trial) sample(ctx context.Context, c *client.Client, s Sample, run string, mu *sync.Mutex) (messages.Event, error) {
	data, err := json.Marshal(s.Data)
	if err != nil {
		return messages.Event{}, err
	}
	submitted, err := c.Submit(ctx, messages.Request{
		Cloud: fakecloud.DemoCloud, Operation: s.Operation, Identity: messages.Identity{Source: "/imsworker/dev", ID: s.Operation + "-" + run},
		Time: time.Now().UTC(), Data: data,
	})
	if err != nil {
		return messages.Event{}, err
	}
	return t.follow(ctx, c, submitted, mu)
}

// follow prints the events of a request until its end.
func (t *trial) follow(ctx context.Context, c *client.Client, s client.Submission, mu *sync.Mutex) (messages.Event, error) {
	return c.Wait(ctx, s, func(m messages.EventMeta, e messages.Event) {
		mu.Lock()
		defer mu.Unlock()
		t.say("%s  %-15s %-23s %s\n", m.Time.Local().Format(time.TimeOnly), m.State, m.Operation, about(e))
	})
}

// about is what is new in an event, in a few words.
func about(e messages.Event) string {
	switch {
	case e.Error != nil:
		return strings.TrimSpace(string(e.Error.Reason) + " " + e.Error.Code + " " + e.Error.Message)
	case e.Batch != nil:
		return e.Batch.Counts.String()
	case e.State == messages.StateSucceeded && len(e.Images) > 0:
		return "image " + e.Images[0].ID
	case e.State == messages.StateAccepted:
		return "key " + e.Request.Key
	case e.Job != nil:
		return "job " + e.Job.ID
	case len(e.Images) > 0:
		return "image " + e.Images[0].ID
	}
	return ""
}

// hints prints what to try next, with the addresses in use.
func (t *trial) hints() {
	env := ""
	if t.at.Broker != "nats://127.0.0.1:4222" {
		env = "IMSWORKER_NATS_URL=" + t.at.Broker + " "
	}
	body := fmt.Sprintf(`{"image_id":%q,"name":"my-copy"}`, fakecloud.DemoImage)
	t.say(`
It stays up until Ctrl-C. In another terminal:

  a request, and wait for its end:
    echo '%[1]s' | %[2]sgo run ./cmd/imsworker submit copy-image --cloud demo --wait -f -
  the same with any NATS client:
    nats --server %[3]s pub ims.request.demo.copy-image '%[1]s'
    nats --server %[3]s sub 'ims.event.demo.>'
  a mistake, and where it went:
    nats --server %[3]s pub ims.request.demo.copy-image '{"image":"x"}'
    %[2]sgo run ./cmd/imsworker dead ls
  a backup, of which the fake cloud tells as the real one does (%[6]s):
    curl '%[5]s/_admin/smn?cloud=demo' -d '{"to": "http://%[7]s/hooks/demo/smn", "backup_id": "%[8]s"}'
  what there is:
    %[2]sgo run ./cmd/imsworker requests ls
    curl http://%[4]s/metrics
    curl '%[5]s/_admin/truth?cloud=demo'
`, body, env, t.at.Broker, t.at.HTTP, t.fakeURL,
		t.Config.BackupRules, t.at.Hooks, fakecloud.DemoBackup)
}
