package credentials

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// folder is one with accounts.conf for those users.
func folder(t *testing.T, users ...string) Options {
	t.Helper()
	o := Options{Dir: t.TempDir(), Nodes: []string{"nats-1", "nats-2"}, Hosts: []string{"localhost", "127.0.0.1"}, Now: time.Now()}
	write(t, filepath.Join(o.Dir, "accounts.conf"), "{ nkey: $"+strings.Join(users, "_key }\n{ nkey: $")+"_key }")
	return o
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (o Options) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.Dir, Secrets, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func made(t *testing.T, o Options) []File {
	t.Helper()
	files, err := Make(o)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestMakeTwice: a second call keeps everything, and adds what is new.
func TestMakeTwice(t *testing.T) {
	t.Parallel()
	o := folder(t, "worker", "publisher_demo")
	made(t, o)
	before := o.read(t, "users.conf")
	if !regexp.MustCompile(`(?m)^publisher_demo_key: U[A-Z2-7]{55}\nworker_key: U[A-Z2-7]{55}\n`).MatchString(before) {
		t.Errorf("got %s", before)
	}
	write(t, filepath.Join(o.Dir, "accounts.conf"), "{ nkey: $worker_key } { nkey: $publisher_demo_key } { nkey: $reader_key }")
	for _, f := range made(t, o) {
		if f.Made != (f.Name == "reader.nk" || f.Name == "users.conf") {
			t.Errorf("got %+v", f)
		}
	}
	for line := range strings.Lines(before) {
		if !strings.Contains(o.read(t, "users.conf"), line) {
			t.Errorf("%q is gone", line)
		}
	}
	for _, f := range made(t, o) {
		info, err := os.Stat(filepath.Join(o.Dir, Secrets, f.Name))
		if secret := strings.HasSuffix(f.Name, ".nk") || strings.HasSuffix(f.Name, ".key"); err != nil || secret && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.Name, info.Mode(), err)
		}
	}
}

// TestCertificates: nodes know each other and clients know them, by every name.
func TestCertificates(t *testing.T) {
	t.Parallel()
	o := folder(t, "worker")
	made(t, o)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(o.read(t, "ca.crt")))
	check := func() *x509.Certificate {
		pair, err := tls.LoadX509KeyPair(filepath.Join(o.Dir, Secrets, "nats-2.crt"), filepath.Join(o.Dir, Secrets, "nats-2.key"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"nats-2", "localhost", "127.0.0.1"} {
			for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
				if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
					t.Error(err)
				}
			}
		}
		return pair.Leaf
	}
	first := check()
	o.Renew = true
	made(t, o)
	if second := check(); second.SerialNumber.Cmp(first.SerialNumber) == 0 {
		t.Error("not renewed")
	}
	o.Renew = false
	write(t, filepath.Join(o.Dir, Secrets, "nats-2.key"), o.read(t, "nats-1.key")) // a run that was cut off
	made(t, o)
	check()
}

// TestOwn: somebody else's authority, and keys whose seed stays with the user.
func TestOwn(t *testing.T) {
	t.Parallel()
	o := folder(t, "worker")
	made(t, o)
	for _, name := range []string{"ca.key", "nats-2.key", "worker.nk"} {
		if err := os.Remove(filepath.Join(o.Dir, Secrets, name)); err != nil {
			t.Fatal(err)
		}
	}
	key := regexp.MustCompile(`U[A-Z2-7]{55}`).FindString(o.read(t, "users.conf"))
	write(t, filepath.Join(o.Dir, Secrets, "worker.pub"), key+"\n")
	_, err := Make(o)
	if err == nil || !strings.Contains(err.Error(), "have your authority make nats-2.crt and nats-2.key") || !strings.Contains(err.Error(), "nats-2, localhost, 127.0.0.1") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(o.read(t, "users.conf"), "worker_key: "+key+"\n") {
		t.Errorf("got %s", o.read(t, "users.conf"))
	}
}

// TestKept: a certificate that is there is told with its end and with the names that it lacks, and is no longer kept in silence
// where nobody would take it.
func TestKept(t *testing.T) {
	t.Parallel()
	o := folder(t, "worker")
	made(t, o)
	said := func(o Options) string {
		for _, f := range made(t, o) {
			if f.Name == "nats-1.crt" {
				return f.What
			}
		}
		return ""
	}
	if got := said(o); strings.Contains(got, "not for") || !strings.Contains(got, "valid until "+o.Now.AddDate(2, 0, 0).UTC().Format(time.DateOnly)) {
		t.Errorf("got %q", got)
	}
	named := o
	named.Hosts = []string{"localhost", "broker.example.org"}
	if got := said(named); !strings.Contains(got, "not for broker.example.org: -renew") {
		t.Errorf("got %q", got)
	}
	late := o
	late.Now = o.Now.AddDate(2, 0, 1)
	if _, err := Make(late); err == nil || !strings.Contains(err.Error(), "nats-1.crt is there, but nobody would take it") || !strings.Contains(err.Error(), "expired") {
		t.Errorf("got %v", err)
	}
	other := folder(t, "worker")
	made(t, other)
	write(t, filepath.Join(o.Dir, Secrets, "ca.crt"), other.read(t, "ca.crt"))
	if _, err := Make(o); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("got %v", err)
	}
	o.Nodes = []string{"../nats-1"}
	if _, err := Make(o); err == nil || !strings.Contains(err.Error(), `"../nats-1" is no name of a host`) {
		t.Errorf("got %v", err)
	}
}

// TestMistakes are told with the file that holds them.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(Options)
		want  string
	}{
		"no_accounts": {func(o Options) { _ = os.Remove(filepath.Join(o.Dir, "accounts.conf")) }, "accounts.conf"},
		"no_users":    {func(o Options) { write(t, filepath.Join(o.Dir, "accounts.conf"), "") }, "names no user"},
		"no_seed":     {func(o Options) { write(t, filepath.Join(o.Dir, Secrets, "worker.nk"), "x") }, "worker.nk holds no seed"},
		"no_key": {func(o Options) {
			_ = os.Remove(filepath.Join(o.Dir, Secrets, "worker.nk"))
			write(t, filepath.Join(o.Dir, Secrets, "worker.pub"), "x")
		}, "begins with U"},
		"no_authority": {func(o Options) { write(t, filepath.Join(o.Dir, Secrets, "ca.crt"), "x") }, "ca.crt is no PEM file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := folder(t, "worker")
			made(t, o)
			c.spoil(o)
			if _, err := Make(o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
