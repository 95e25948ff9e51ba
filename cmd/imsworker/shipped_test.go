package main

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// as makes the following commands those of a user of the shipped broker.
func as(t *testing.T, s *brokertest.Shipped, user string) {
	t.Helper()
	n := s.NATS(user)
	for name, value := range map[string]string{"URL": string(n.URL), "NKEY": n.NKey, "CA": n.CA, "INBOX_PREFIX": n.InboxPrefix} {
		t.Setenv("IMSWORKER_NATS_"+name, value)
	}
}

// TestShippedCommands: the administrator makes the streams, a worker serves and the operator runs every command, each with the
// rights that are shipped.
func TestShippedCommands(t *testing.T) {
	s := brokertest.StartShipped(t, nil)
	cloudsFile(t, faking(t, "--time-factor", "50"))
	listen := freePort(t)
	t.Setenv("IMSWORKER_SHARDS", "2")
	t.Setenv("IMSWORKER_HTTP_LISTEN", listen)
	as(t, s, "administrator")
	if code, out, errOut := call(t, "", "streams", "--apply", "--notifier", "--reader", "demo"); code != exitDone {
		t.Fatalf("got %d, %s, %s", code, out, errOut)
	}
	as(t, s, "worker")
	if code, out, errOut := call(t, "", "check", "--online"); code != exitDone || !strings.Contains(out, "connected, all streams fit") {
		t.Errorf("the worker's check: got %d, %s, %s", code, out, errOut)
	}
	t.Cleanup(servingAt(t, listen))
	as(t, s, "operator")

	copied := `{"image_id": "` + fakecloud.DemoImage + `", "name": "copy"}`
	key := func(id string) string { return messages.Key("demo", submitSource, id) }
	for _, c := range []struct {
		stdin, args, want string
		code              int
	}{
		{copied, "submit copy-image --cloud demo --id a --wait", "succeeded", exitDone},
		{`{"images": ["` + fakecloud.DemoImage + `"], "targets": [{"name": "b"}]}`, "submit bulk-copy --cloud demo --id bulk --wait", "batch-completed", exitDone},
		{"", "requests ls", key("a"), exitDone},
		{"", "requests get " + key("a"), "succeeded", exitDone},
		{"", "requests get " + key("bulk"), "copy-image", exitDone},
		{"", "pause demo", "", exitDone},
		{copied, "submit copy-image --cloud demo --id waits", "", exitDone},
		{"", "requests cancel " + key("waits"), "", exitDone},
		{"", "requests retry " + key("waits"), "", exitDone},
		{"", "requests resolve " + key("a") + " --as not-done", "cannot", exitNotSucceeded},
		{"", "resume demo", "", exitDone},
		{"", "limits", "copy", exitDone},
		{"", "limits demo", "copy", exitDone},
		{`{"nome": "x"}`, "submit copy-image --cloud demo --id wrong --no-check", "", exitDone},
		{"", "dead ls", "nome", exitDone},
		{"", "dead get 1", "nome", exitDone},
		{"", "dead replay 1 --why test --again", "", exitDone},
		{"", "dead drop 1 --why test", "", exitDone},
		{"", "rebuild demo", "", exitDone},
		{"", "quota demo", "", exitDone},
		{"", "streams --notifier --reader demo", "all streams are as they should be", exitDone},
	} {
		code, out, errOut := call(t, c.stdin, strings.Fields(c.args)...)
		for deadline := time.Now().Add(30 * time.Second); c.args == "dead ls" && !strings.Contains(out, c.want) && time.Now().Before(deadline); {
			code, out, errOut = call(t, c.stdin, strings.Fields(c.args)...)
		}
		if code != c.code || !strings.Contains(out+errOut, c.want) || strings.Contains(out+errOut, "not permitted") {
			t.Errorf("%s: got %d, %s, %s", c.args, code, out, errOut)
		}
	}
	if code, out, errOut := call(t, "", "check", "--online"); code != exitDone || !strings.Contains(out, "as a worker, let this user subscribe") || strings.Contains(out, "let this user publish") {
		t.Errorf("check: got %d, %s, %s", code, out, errOut)
	}
}

// servingAt runs a worker and waits until it is ready.
func servingAt(t *testing.T, listen string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	root := newRoot()
	root.SetArgs([]string{"serve"})
	root.SetErr(&bytes.Buffer{})
	done := make(chan error, 1)
	go func() { done <- root.ExecuteContext(ctx) }()
	ready := func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listen+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}
	for deadline := time.Now().Add(time.Minute); !ready(); time.Sleep(10 * time.Millisecond) {
		if len(done) > 0 || time.Now().After(deadline) {
			cancel()
			t.Fatalf("the worker is not ready: %v", <-done)
		}
	}
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	}
}
