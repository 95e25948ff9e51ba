package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/fakecloud"
)

// asking are the commands that ask the broker for what workers have written.
func asking() []string {
	const key = "byleiaei4ec2gvxadboooffytm"
	return []string{
		"requests ls", "requests ls --history", "requests get " + key, "requests watch " + key, "requests cancel " + key, "requests retry " + key,
		"requests resolve " + key + " --as not-done", "submit copy-image --cloud demo", "submit copy-image --cloud demo --wait", "pause demo", "resume demo",
		"dead ls", "dead get 1", "dead replay 1", "dead replay --all --yes", "dead drop 1", "dead drop --all --yes", "limits", "limits demo",
	}
}

// inTrouble runs all commands that ask, and more, and wants each to end with that exit code and one sentence that has one of the words.
func inTrouble(t *testing.T, code int, words []string, more ...string) {
	t.Helper()
	for _, line := range append(asking(), more...) {
		got, out, errOut := call(t, `{"image_id": "`+fakecloud.DemoImage+`", "name": "x"}`, strings.Fields(line)...)
		if got != code || out != "" || strings.Count(errOut, "\n") != 1 || !strings.HasPrefix(errOut, "imsworker: ") || !containsAny(errOut, words) {
			t.Errorf("%s: exit code %d, want %d; %q, %q, want one of %q", line, got, code, out, errOut, words)
		}
	}
}

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

func TestNobodyListens(t *testing.T) {
	t.Setenv("IMSWORKER_NATS_URL", "nats://127.0.0.1:1")
	inTrouble(t, exitNotConnected, []string{"is it running? Set IMSWORKER_NATS_URL to its address"}, "streams")
}

// guardedBroker asks who comes, and has no streams.
func guardedBroker(t *testing.T) *broker.Inside {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	err := os.WriteFile(file, []byte(`authorization { users: [
		{ user: admin, password: pw }
		{ user: nobody, password: pw, permissions: { publish: [ "$JS.API.INFO" ], subscribe: [ "_INBOX.>" ] } }
	] }`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	inside, err := broker.StartInside(broker.InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inside.Stop)
	t.Setenv("IMSWORKER_NATS_URL", inside.URL())
	t.Setenv("IMSWORKER_SHARDS", "2")
	return inside
}

func TestWrongCredentials(t *testing.T) {
	guardedBroker(t)
	t.Setenv("IMSWORKER_NATS_USER", "admin")
	t.Setenv("IMSWORKER_NATS_PASSWORD", "t0ps3cret")
	inTrouble(t, exitNotConnected, []string{"refuses the credentials"}, "streams")
}

// TestWithoutRights: the right that is missing is named at once, and who can give it.
func TestWithoutRights(t *testing.T) {
	inside := guardedBroker(t)
	conn := brokertest.DialAs(t, broker.Options{URL: inside.URL(), User: "admin", Password: "pw"})
	if _, err := conn.Apply(t.Context(), broker.Topology(broker.TopologyOptions{Shards: 2, EventsMaxAge: 720 * time.Hour})); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IMSWORKER_NATS_USER", "nobody")
	t.Setenv("IMSWORKER_NATS_PASSWORD", "pw")
	inTrouble(t, exitNotSucceeded, []string{"ask its administrator for that right", "the worker's user needs to publish to that subject"}, "streams")
}

// TestWithoutStreams: `streams` is there to say what is missing, the others say who makes it.
func TestWithoutStreams(t *testing.T) {
	guardedBroker(t)
	t.Setenv("IMSWORKER_NATS_USER", "admin")
	t.Setenv("IMSWORKER_NATS_PASSWORD", "pw")
	inTrouble(t, exitNotSucceeded, []string{"start a worker once, which makes it", "no worker answers"})
}
