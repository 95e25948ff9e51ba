package main

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// TestBackupKilledAtEveryPoint kills the real worker between a notice and its
// request, however the notice comes, and starts it again: one image, one final
// event, also after the caller's second try.
func TestBackupKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the binary and runs processes")
	}
	binary := buildCrashing(t)
	for _, point := range append(crash.BackupPoints(), crash.Delivered, crash.Recorded) {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, binary, false)
			p.rules()
			after := time.Duration(0)
			if point == crash.Hinted || point == crash.Ripened {
				after = 2 * time.Minute // six seconds of ours
			}
			if point == crash.Watched {
				p.settings(", backup_watch: {vaults: [" + watchedVault + "], every: 20s}")
			}
			first := p.start(point)
			p.connect()
			id := p.backup(after)
			p.announce(point, id)
			p.killed(first)
			second := p.start("")
			for range 3 {
				p.announce(point, id)
			}
			identity := messages.BackupIdentity("demo", id)
			key := messages.Key("demo", identity.Source, identity.ID)
			p.await("the final event", func() bool { n, _ := p.finals(key); return n > 0 })
			p.await("the ledger to be settled", p.settled)
			if n, state := p.finals(key); n != 1 || state != messages.StateSucceeded {
				t.Errorf("%d final events, the last is %s", n, state)
			}
			if n := len(p.fake.Begun(fakecloud.DemoCloud)); n != 1 {
				t.Errorf("%d images for one backup", n)
			}
			p.end(second)
		})
	}
}

const watchedVault = "00000000-0000-4000-8000-00000000000d"

// rules has every backup become an image, and the hooks listen.
func (p *plant) rules() {
	p.t.Helper()
	path := filepath.Join(p.dir, "rules.yaml")
	if err := os.WriteFile(path, []byte("rules: [ { match: {}, image: { name: '{{ .Resource.Name }}' } } ]"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.hooks = freePort(p.t)
	p.env = []string{"IMSWORKER_BACKUP_RULES=" + path, "IMSWORKER_HOOK_LISTEN=" + p.hooks}
	p.settings(", smn_topics: ['" + fakecloud.Demo().Topic("backups") + "']")
}

func (p *plant) backup(after time.Duration) string {
	p.t.Helper()
	ids, err := p.fake.Add(fakecloud.DemoCloud, fakecloud.World{Backups: []fakecloud.Backup{{ResourceName: "web-01", VaultID: watchedVault, Available: p.fake.Now().Add(after)}}})
	if err != nil {
		p.t.Fatal(err)
	}
	return ids[0]
}

// announce tells of a backup in the way that leads past the point. A call that
// is cut off is what is wanted.
func (p *plant) announce(point crash.Point, id string) {
	p.t.Helper()
	switch point {
	case crash.Watched: // it is found
	case crash.Hooked:
		body, err := p.fake.SMN(fakecloud.DemoCloud, p.cloud, fakecloud.SMNMessage{Message: `{"backup_id":"` + id + `"}`})
		if err != nil {
			p.t.Fatal(err)
		}
		status, said, err := p.fake.Post(p.t.Context(), "http://"+p.hooks+"/hooks/demo/smn", http.Header{}, body)
		if err == nil && status != http.StatusOK {
			p.t.Errorf("the hook answers %d %s", status, said)
		}
	default:
		p.publish(messages.NoticeSubject("demo"), `{"backup":{"id":"`+id+`"}}`)
	}
}
