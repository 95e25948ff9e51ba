package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/rebuild"
	"github.com/imsworker/imsworker/messages"
)

// TestRebuild kills a worker in mid-work, removes the store of its broker, and
// holds what the command finds against what the cloud accepted.
func TestRebuild(t *testing.T) {
	p := newPlant(t, buildCrashing(t), true)
	worker := p.start("")
	p.connect()
	sent := p.sendOfEach()
	p.await("half of them to be under way", func() bool { return len(p.fake.Begun(fakecloud.DemoCloud)) >= len(sent)/2 })
	if err := worker.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.killed(worker)
	if err := os.RemoveAll(filepath.Join(p.dir, "data")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IMSWORKER_CLOUDS_FILE", filepath.Join(p.dir, "clouds.yaml"))
	list := filepath.Join(p.dir, "sent.jsonl")
	if err := os.WriteFile(list, []byte(strings.Join(sent, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	want := p.markersAccepted()
	var report rebuild.Report
	p.await("every image to be found, and to be active", func() bool {
		report = rebuilt(t, list)
		return slices.Equal(want, keysOf(report))
	})
	for _, r := range report.Requests {
		if done := slices.Contains(want, r.Key); done != (r.State == rebuild.Done) {
			t.Errorf("request %s is %s", r.ID, r.State)
		}
	}
	if len(report.Requests) != len(sent) || len(report.CannotBeKnown) == 0 {
		t.Errorf("%d of %d requests are told of, and %d sentences on what cannot be known", len(report.Requests), len(sent), len(report.CannotBeKnown))
	}
}

// sendOfEach publishes requests whose images carry the marker in different
// ways, and one that leaves none. It returns them as a publisher would list them.
func (p *plant) sendOfEach() (sent []string) {
	p.t.Helper()
	all := map[string]string{"export": `{"operation":"export-image","image_id":"` + fakecloud.DemoImage + `","bucket_url":"images:out.qcow2","file_format":"qcow2"}`}
	for i := range 5 {
		all[fmt.Sprint("copy-", i)] = fmt.Sprintf(`{"operation":"copy-image","image_id":%q,"name":"copy-%d","description":"before the marker"}`, fakecloud.DemoImage, i)
	}
	for i, backup := range []string{fakecloud.DemoBackup, fakecloud.DemoBackup2} {
		all[fmt.Sprint("whole-", i)] = fmt.Sprintf(`{"operation":"create-whole-image","backup_id":%q,"whole_image_type":"CBR","name":"whole-%d"}`, backup, i)
	}
	for id, text := range all {
		var body map[string]any
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			p.t.Fatal(err)
		}
		operation := body["operation"]
		delete(body, "operation")
		data, _ := json.Marshal(body)
		m := &nats.Msg{Subject: fmt.Sprintf("ims.request.demo.%s", operation), Data: data, Header: nats.Header{"Nats-Msg-Id": {id}}}
		if _, err := p.conn.JetStream().PublishMsg(p.t.Context(), m); err != nil {
			p.t.Fatal(err)
		}
		sent = append(sent, fmt.Sprintf(`{"id":%q}`, id))
	}
	return sent
}

var markerText = regexp.MustCompile(messages.MarkerKey + `[=.][a-z2-7]{26}|"key":"` + messages.MarkerKey + `","value":"[a-z2-7]{26}"`)

// markersAccepted are the keys in the creating calls that the cloud accepted, in order.
func (p *plant) markersAccepted() (keys []string) {
	for _, m := range p.fake.Truth(fakecloud.DemoCloud) {
		if found := markerText.FindString(string(m.Body)); m.Begins() && found != "" {
			keys = append(keys, strings.TrimSuffix(found, `"`)[len(strings.TrimSuffix(found, `"`))-26:])
		}
	}
	slices.Sort(keys)
	return keys
}

func rebuilt(t *testing.T, list string) (report rebuild.Report) {
	t.Helper()
	code, out, errs := call(t, "", "rebuild", "demo", "--requests", list, "-o", "json")
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("exit code %d, %v: %s", code, err, errs)
	}
	if missed := strings.Contains(errs, "no good image was found for"); missed != (code == exitNotSucceeded) {
		t.Errorf("exit code %d with %q", code, errs)
	}
	return report
}

// keysOf are the keys of the images that are active, in order.
func keysOf(r rebuild.Report) (keys []string) {
	for _, i := range r.Images {
		if i.Status == "active" {
			keys = append(keys, i.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

func TestRebuildRefuses(t *testing.T) {
	cloudsFile(t, faking(t, "--cloud", "demo"))
	for _, c := range []struct {
		args  []string
		stdin string
		code  int
		want  string
	}{
		{[]string{"rebuild"}, "", exitUsage, "`imsworker rebuild CLOUD` is wanted"},
		{[]string{"rebuild", "dem"}, "", exitNotSucceeded, `there is no cloud "dem"`},
		{[]string{"rebuild", "demo", "--from", "other"}, "", exitUsage, "--requests is missing"},
		{[]string{"rebuild", "demo", "--requests", "/nowhere"}, "", exitNotSucceeded, "no such file"},
		{[]string{"rebuild", "demo", "--requests", "-"}, "{}\n\nnonsense\n{\"id\":\"a\"}\n", exitNotSucceeded, "line 3"},
	} {
		if code, _, errs := call(t, c.stdin, c.args...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, want %d: %s", c.args, code, c.code, errs)
		}
	}
}
