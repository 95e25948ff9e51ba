package broker

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

func TestInsideRefuses(t *testing.T) {
	t.Parallel()
	open := filepath.Join(t.TempDir(), "open.conf")
	write(t, open, "max_payload: 2MB\n")
	taken, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's own
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct {
		options InsideOptions
		want    string
	}{
		"reachable by others":          {InsideOptions{Dir: t.TempDir(), Listen: "0.0.0.0:0"}, "authentication"},
		"reachable, file without auth": {InsideOptions{Dir: t.TempDir(), Listen: "0.0.0.0:0", ConfigFile: open}, "authentication"},
		"all addresses":                {InsideOptions{Dir: t.TempDir(), Listen: ":0"}, "authentication"},
		"no port":                      {InsideOptions{Dir: t.TempDir(), Listen: "localhost"}, "host:port"},
		"bad port":                     {InsideOptions{Dir: t.TempDir(), Listen: "localhost:nats"}, "not a number"},
		"no directory":                 {InsideOptions{}, "no directory"},
		"no such file":                 {InsideOptions{Dir: t.TempDir(), ConfigFile: "/nowhere.conf"}, "server configuration"},
		"port taken":                   {InsideOptions{Dir: t.TempDir(), Listen: taken.Addr().String()}, "in use"},
	} {
		if i, err := StartInside(c.options); err == nil {
			i.Stop()
			t.Errorf("%s: it started", name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %q, want it to say %q", name, err, c.want)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestInsideDirectoryInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startIn(t, InsideOptions{Dir: dir, Listen: "127.0.0.1:0"})
	if _, err := StartInside(InsideOptions{Dir: dir, Listen: "127.0.0.1:0"}); err == nil || !strings.Contains(err.Error(), "used by another process") {
		t.Fatalf("got %v", err)
	}
	first.Stop()
	startIn(t, InsideOptions{Dir: dir, Listen: "127.0.0.1:0"})
}

func TestInsideWithConfiguration(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nats.conf")
	write(t, file, `authorization { user: ims, password: "s3cr3t-word" }`)
	i := startIn(t, InsideOptions{Dir: t.TempDir(), Listen: "0.0.0.0:0", ConfigFile: file})
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	_, err := Dial(t.Context(), Options{URL: i.URL(), User: "ims", Password: "wr0ng-word"}, logger)
	if !errors.Is(err, ErrNotConnected) {
		t.Fatalf("got %v, want ErrNotConnected", err)
	}
	if text := err.Error() + log.String(); strings.Contains(text, "word") {
		t.Errorf("a password shows in %q", text)
	}
	dial(t, Options{URL: i.URL(), User: "ims", Password: "s3cr3t-word"})
}

func TestOptionsShowNoSecret(t *testing.T) {
	t.Parallel()
	o := Options{URL: "nats://me:hidden1@host:4222,nats://hidden2@other", User: "u", Password: "hidden3", Creds: "-----BEGIN hidden4"}
	if text := o.String() + o.GoString() + o.LogValue().String(); strings.Contains(text, "hidden") {
		t.Error(text)
	}
	for _, url := range []string{"nats://u:hid den@host:x", "nats://u:hidden@127.0.0.1:1"} {
		_, err := Dial(t.Context(), Options{URL: url}, quiet())
		if err == nil || strings.Contains(err.Error(), "hid") {
			t.Errorf("got %v", err)
		}
	}
}

func TestDialWithoutJetStream(t *testing.T) {
	t.Parallel()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if _, err := Dial(t.Context(), Options{URL: s.ClientURL()}, quiet()); !errors.Is(err, ErrNoJetStream) {
		t.Fatalf("got %v, want ErrNoJetStream", err)
	}
}
