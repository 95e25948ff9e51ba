package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	nats "github.com/imsworker/imsworker/deployments/nats"
)

// shipped is a folder with the files as they are shipped, and with what run
// makes for them.
func shipped(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"nats.conf", "accounts.conf", "node-1.env", "node-2.env", "node-3.env"} {
		text, err := nats.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if err := run([]string{"-dir", dir}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"made  secrets/worker.nk", "made  secrets/nats-3.crt", "secrets/users.conf"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing: %s", want, out.String())
		}
	}
	return dir
}

// environment sets what a file says, as a shell does.
func environment(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(name, "#") {
			value = strings.ReplaceAll(strings.Trim(value, "'"), "/etc/nats", filepath.Dir(file))
			t.Setenv(name, value)
		}
	}
}

// TestNodes: each node's environment makes the one nats.conf a configuration
// that the server takes, with what a broker of ours needs.
func TestNodes(t *testing.T) {
	dir := shipped(t)
	for _, node := range []string{"1", "2", "3"} {
		environment(t, filepath.Join(dir, "node-"+node+".env"))
		o, err := server.ProcessConfigFile(filepath.Join(dir, "nats.conf"))
		if err != nil {
			t.Fatal(err)
		}
		switch c := o.Cluster; {
		case !o.JetStream || !o.SyncAlways || o.MaxPayload < 1<<20 || o.StoreDir != "/var/lib/nats":
			t.Errorf("storing: %+v", o)
		case o.HTTPHost != "127.0.0.1" || o.HTTPPort != 8222 || o.HTTPSPort != 0:
			t.Errorf("monitoring on %s:%d", o.HTTPHost, o.HTTPPort)
		case o.ServerName != "nats-"+node || o.ClientAdvertise != "nats-"+node+":4222" || c.Advertise != "nats-"+node+":6222" || len(o.Routes) != 3:
			t.Errorf("names: %s %s %s %v", o.ServerName, o.ClientAdvertise, c.Advertise, o.Routes)
		case o.TLSConfig == nil || c.TLSConfig == nil || !c.TLSCheckKnownURLs || o.AllowNonTLS || o.NoAuthUser != "" || o.SystemAccount != "SYS":
			t.Errorf("doors: %+v", o)
		}
		if len(o.Users) > 0 || len(o.Nkeys) != 6 {
			t.Errorf("%d users with passwords, %d with keys", len(o.Users), len(o.Nkeys))
		}
		for _, u := range o.Nkeys {
			if u.Permissions == nil || u.Permissions.Publish == nil || u.Permissions.Subscribe == nil {
				t.Errorf("%s has no list of rights", u.Nkey)
			}
		}
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-dir", "/nowhere"}, {"-nodes", "", "-dir", t.TempDir()}} {
		if err := run(args, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "accounts.conf") {
			t.Errorf("%v: got %v", args, err)
		}
	}
	dir := t.TempDir()
	if err := run([]string{"-dir", dir, "-nodes", "nats-1,", "nats-2"}, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), `["nats-2"] belongs to no flag`) {
		t.Errorf("got %v", err)
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) > 0 {
		t.Errorf("%v was made, %v", made, err)
	}
}
