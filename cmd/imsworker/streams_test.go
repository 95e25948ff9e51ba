package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
)

// empty starts a broker without streams and points the environment to it.
func empty(t *testing.T, natsConfig string) (url string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(natsConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	inside, err := broker.StartInside(broker.InsideOptions{
		Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inside.Stop)
	t.Setenv("IMSWORKER_NATS_URL", inside.URL())
	t.Setenv("IMSWORKER_HTTP_LISTEN", "127.0.0.1:0")
	return inside.URL()
}

func admin(t *testing.T, o broker.Options) jetstream.JetStream {
	t.Helper()
	return brokertest.DialAs(t, o).JetStream()
}

// cannotStart: three commands say the same of streams that stop the start, and leave them alone.
func cannotStart(t *testing.T, js jetstream.JetStream, left int, wants ...string) {
	t.Helper()
	cloudsFile(t, faking(t))
	for _, args := range [][]string{{"streams"}, {"check", "--online"}, {"serve"}} {
		code, out, errOut := call(t, "", args...)
		for _, want := range wants {
			if code != exitNotSucceeded || !strings.Contains(out+errOut, want) {
				t.Errorf("%v: got %d, %s, %s: %q is missing", args, code, out, errOut, want)
			}
		}
	}
	names := 0
	for range js.StreamNames(t.Context()).Name() {
		names++
	}
	if names != left {
		t.Errorf("there are %d streams, want %d", names, left)
	}
}

func TestStreamInTheWay(t *testing.T) {
	js := admin(t, broker.Options{URL: empty(t, "")})
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "MINE", Subjects: []string{"ims.dead.>"}}); err != nil {
		t.Fatal(err)
	}
	cannotStart(t, js, 1, "stream MINE takes ims.dead.> already", "IMS_TRACK_15")
}

func TestStreamsWithoutTheRight(t *testing.T) {
	url := empty(t, `authorization { users: [
		{ user: admin, password: pw }
		{ user: worker, password: pw, permissions: { publish: [ "$JS.API.INFO", "$JS.API.STREAM.INFO.*", "$JS.API.CONSUMER.INFO.>" ] } } ] }`)
	t.Setenv("IMSWORKER_NATS_USER", "worker")
	t.Setenv("IMSWORKER_NATS_PASSWORD", "pw")
	js := admin(t, broker.Options{URL: url, User: "admin", Password: "pw"})
	cannotStart(t, js, 0, "$JS.API.STREAM.CREATE.IMS_REQUESTS", "$JS.API.CONSUMER.CREATE.IMS_REQUESTS.shard-15.", "$JS.API.STREAM.CREATE.IMS_TRACK_15")
	if _, out, _ := call(t, "", "streams"); strings.Count(out, "not permitted: ") != 20+17 || strings.Contains(out, " create ") {
		t.Errorf("got %s", out)
	}
}

func TestStreamsApply(t *testing.T) {
	js := admin(t, broker.Options{URL: empty(t, "")})
	t.Setenv("IMSWORKER_SHARDS", "2")
	for _, want := range []string{"IMS_TRACK_01", "all streams are as they should be"} {
		code, out, errOut := call(t, "", "streams", "--apply")
		if code != exitDone || !strings.Contains(out, want) || strings.Contains(out, "done:") != (want == "IMS_TRACK_01") {
			t.Errorf("got %d, %s, %s: %q is missing", code, out, errOut, want)
		}
	}
	if _, err := js.Consumer(t.Context(), broker.StreamRequests, broker.ShardConsumer(1)); err != nil {
		t.Errorf("a consumer is missing: %v", err)
	}
	if code, _, errOut := call(t, "", "streams", "--apply", "--offline"); code != exitUsage || !strings.Contains(errOut, "offline") {
		t.Errorf("got %d, %s", code, errOut)
	}
}

func TestStreamsApplyRefused(t *testing.T) {
	url := empty(t, "")
	js := admin(t, broker.Options{URL: url})
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "MINE", Subjects: []string{"ims.dead.>"}}); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := call(t, "", "streams", "--apply")
	if code != exitNotSucceeded || !strings.Contains(out, "stream MINE takes ims.dead.> already") || strings.Contains(out, "done:") {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
	if _, err := js.Stream(t.Context(), broker.StreamRequests); err == nil {
		t.Error("something was made although not all could be")
	}
}

// TestStreamsOfReaders: who only reads events needs a consumer that an administrator has made.
func TestStreamsOfReaders(t *testing.T) {
	js := admin(t, broker.Options{URL: empty(t, "")})
	t.Setenv("IMSWORKER_SHARDS", "2")
	if code, out, errOut := call(t, "", "streams", "--apply", "--notifier", "--reader", "demo", "--reader", "*"); code != exitDone {
		t.Fatalf("got %d, %s, %s", code, out, errOut)
	}
	for name, filter := range map[string]string{"reader-demo": "ims.event.demo.>", "reader": "ims.event.*.>"} {
		c, err := js.Consumer(t.Context(), broker.StreamEvents, name)
		if err != nil || c.CachedInfo().Config.FilterSubject != filter {
			t.Errorf("%s: got %+v, %v", name, c, err)
		}
	}
	if code, out, _ := call(t, "", "streams", "--notifier", "--reader", "demo"); code != exitDone || !strings.Contains(out, "all streams are as they should be") {
		t.Errorf("got %d, %s", code, out)
	}
	if code, out, _ := call(t, "", "streams", "--reader", "other"); code != exitDone || !strings.Contains(out, "reader-other") {
		t.Errorf("only looking: got %d, %s", code, out)
	}
}
