package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

const (
	noticesOfEach   = 50
	hookToken       = "t0ps3cret-t0ps3cret"
	noticesBetween  = 25 // of all backups together, from one kill to the next
	killsOfNotices  = 5
	noticesWhenDone = 10
)

// TestNoticesThroughKills announces three backups 50 times each, through the
// queue, both hooks and the watch, one before it becomes available, one
// meanwhile, one after, and kills the real worker again and again while it
// takes them: each backup becomes one image with one final event. What is said
// of them afterwards is counted as duplicate, notice by notice.
func TestNoticesThroughKills(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the binary and runs processes")
	}
	p := newPlant(t, build(t, ""), false)
	p.rules()
	p.env = append(p.env, "IMSWORKER_HOOK_TOKEN="+hookToken)
	p.settings(", smn_topics: ['" + fakecloud.Demo().Topic("backups") + "'], backup_watch: {every: 20s}")
	worker := p.start("")
	p.connect()
	ids := []string{p.backup(24 * time.Hour), p.backup(24 * time.Hour), p.backup(0)}
	worker = p.announceThroughKills(worker, ids)
	p.becomes(ids[0])
	for _, id := range ids {
		p.oneImage(id)
	}
	p.await("what waits to be known as done", func() bool { return p.noticesOver() && p.settled() })
	p.looksTwice()
	before := p.duplicates()
	for n := range noticesWhenDone {
		if err := p.say(t.Context(), n%3, ids[n%2]); err != nil {
			t.Error(err)
		}
	}
	p.await("the later notices to be counted as duplicates", func() bool { return p.duplicates() == before+noticesWhenDone })
	p.looksTwice()
	if n := p.duplicates(); n != before+noticesWhenDone {
		t.Errorf("%d duplicates of %d notices", n-before, noticesWhenDone)
	}
	for _, id := range ids {
		p.oneImage(id)
	}
	p.end(worker)
}

// announceThroughKills says all that is to be said while the worker dies and
// comes back; the second backup becomes available half-way.
func (p *plant) announceThroughKills(worker *exec.Cmd, ids []string) *exec.Cmd {
	p.t.Helper()
	var said atomic.Int64
	done := make(chan error, 1)
	go func() { done <- p.sayAll(ids, &said) }()
	for kill := range killsOfNotices {
		p.await("notices", func() bool { return said.Load() >= int64((kill+1)*noticesBetween) })
		if err := worker.Process.Kill(); err != nil {
			p.t.Fatal(err)
		}
		p.killed(worker)
		if kill == killsOfNotices/2 {
			p.becomes(ids[1])
		}
		worker = p.start("")
	}
	if err := <-done; err != nil {
		p.t.Fatal(err)
	}
	return worker
}

// sayAll announces each backup through all channels in turn. What a dying
// worker does not take is said again, as SMN and EventGrid do.
func (p *plant) sayAll(ids []string, said *atomic.Int64) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), crashPatience)
	defer cancel()
	for round := range noticesOfEach {
		for i, id := range ids {
			for err := p.say(ctx, (round+i)%3, id); err != nil; err = p.say(ctx, (round+i)%3, id) {
				select {
				case <-ctx.Done():
					return fmt.Errorf("nobody takes a notice: %w", err)
				case <-time.After(20 * time.Millisecond):
				}
			}
			said.Add(1)
		}
	}
	return nil
}

// say announces a backup by one of three channels.
func (p *plant) say(ctx context.Context, channel int, id string) error {
	var body []byte
	var err error
	address, header := "http://"+p.hooks+"/hooks/demo/", http.Header{}
	switch channel {
	case 0:
		_, err = p.conn.JetStream().Publish(ctx, messages.NoticeSubject("demo"), []byte(`{"backup":{"id":"`+id+`"}}`))
		return err
	case 1:
		address += "smn"
		text, _ := p.fake.CloudEyeEvent(fakecloud.DemoCloud, id)
		body, err = p.fake.SMN(fakecloud.DemoCloud, p.cloud, fakecloud.SMNMessage{Message: text})
	case 2:
		address += "cloudevents"
		header.Set("Content-Type", "application/cloudevents+json")
		header.Set("Authorization", "Bearer "+hookToken)
		body, err = p.fake.EventGridEvent(fakecloud.DemoCloud, id)
	}
	if err != nil {
		return err
	}
	status, text, err := p.fake.Post(ctx, address, header, body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the hook answers %d %s", status, text)
	}
	return err
}

// becomes makes a backup available now.
func (p *plant) becomes(id string) {
	p.t.Helper()
	b := fakecloud.Backup{ID: id, ResourceName: "web-01", VaultID: watchedVault, Available: p.fake.Now()}
	if _, err := p.fake.Add(fakecloud.DemoCloud, fakecloud.World{Backups: []fakecloud.Backup{b}}); err != nil {
		p.t.Fatal(err)
	}
}

// oneImage waits for the end of a backup's request and counts.
func (p *plant) oneImage(id string) {
	p.t.Helper()
	identity := messages.BackupIdentity(fakecloud.DemoCloud, id)
	key := messages.Key(fakecloud.DemoCloud, identity.Source, identity.ID)
	p.await("the final event", func() bool { n, _ := p.finals(key); return n > 0 })
	if n, state := p.finals(key); n != 1 || state != messages.StateSucceeded {
		p.t.Errorf("%d final events, the last is %s", n, state)
	}
	begun := 0
	for _, m := range p.fake.Begun(fakecloud.DemoCloud) {
		if m.BackupID == id {
			begun++
		}
	}
	if begun != 1 {
		p.t.Errorf("%d images of a backup", begun)
	}
}

// noticesOver reports whether no notice waits, in the queue or for its backup.
func (p *plant) noticesOver() bool {
	stream, err := p.conn.JetStream().Stream(p.t.Context(), broker.StreamRequests)
	if err != nil || stream.CachedInfo().State.Msgs > 0 {
		return false
	}
	m, err := p.conn.Last(p.t.Context(), broker.StreamState, "ims.hint.>")
	return errors.Is(err, broker.ErrNone) || err == nil && len(m.Data) == 0
}

// page is what the worker answers to a GET.
func (p *plant) page(path string) string {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+p.http+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %d %v", path, resp.StatusCode, err)
	}
	return string(text)
}

// metric is the value of a series of the worker's, 0 where there is none yet.
func (p *plant) metric(series string) float64 {
	p.t.Helper()
	for line := range strings.Lines(p.page("/metrics")) {
		if value, is := strings.CutPrefix(line, series+" "); is {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return n
		}
	}
	return 0
}

func (p *plant) duplicates() int {
	p.t.Helper()
	return int(p.metric(`imsworker_backup_notices_total{cloud="demo",result="duplicate"}`))
}

// looksTwice waits until the watch has looked from its beginning to its end,
// and what it gave notice of is counted.
func (p *plant) looksTwice() {
	p.t.Helper()
	const looked = `imsworker_backup_watch_timestamp_seconds{cloud="demo"}`
	for range 2 {
		last := p.metric(looked)
		p.await("the watch to look", func() bool { return p.metric(looked) > last })
	}
	p.await("its notices to be taken", p.noticesOver)
}
