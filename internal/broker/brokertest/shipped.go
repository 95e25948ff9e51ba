package brokertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	shipped "github.com/imsworker/imsworker/deployments/nats"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/credentials"
)

// Shipped is a server in this process that has read the files in
// deployments/nats, with users' keys and certificates of its own.
type Shipped struct {
	dir   string
	url   string
	users []*server.NkeyUser
}

// StartShipped starts a server as nats-1 of the shipped configuration, alone:
// without the cluster. Change may edit accounts.conf before. It ends with the
// test.
func StartShipped(t testing.TB, change func(accounts string) string) *Shipped {
	t.Helper()
	s := &Shipped{dir: t.TempDir()}
	accounts, err := shipped.Files.ReadFile("accounts.conf")
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		accounts = []byte(change(string(accounts)))
	}
	s.write(t, "accounts.conf", string(accounts))
	made := credentials.Options{Dir: s.dir, Nodes: []string{"nats-1"}, Hosts: []string{"127.0.0.1"}, Now: time.Now()}
	if _, err := credentials.Make(made); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	return s
}

func (s *Shipped) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *Shipped) secret(name string) string {
	return filepath.Join(s.dir, credentials.Secrets, name)
}

// start writes what the environment says of a node before the file itself: the
// environment belongs to all tests of the process.
func (s *Shipped) start(t testing.TB) {
	t.Helper()
	text, err := shipped.Files.ReadFile("nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	before, cluster, _ := strings.Cut(string(text), "\ncluster {\n")
	_, after, found := strings.Cut(cluster, "\n}\n")
	if !found {
		t.Fatal("nats.conf has no block of the cluster")
	}
	node := fmt.Sprintf("NATS_NAME: nats-1\nNATS_LISTEN: \"127.0.0.1:-1\"\nNATS_ADVERTISE: \"127.0.0.1:9\"\nNATS_MONITOR: \"127.0.0.1:-1\"\nNATS_STORE: %q\nNATS_CERT: %q\nNATS_KEY: %q\n",
		filepath.Join(s.dir, "store"), s.secret("nats-1.crt"), s.secret("nats-1.key"))
	s.write(t, "nats.conf", node+before+"\n"+after)
	o, err := server.ProcessConfigFile(filepath.Join(s.dir, "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	o.NoSigs, o.NoLog = true, true
	nats, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	nats.Start()
	t.Cleanup(func() { nats.Shutdown(); nats.WaitForShutdown() })
	if !nats.ReadyForConnections(time.Minute) || !nats.JetStreamEnabled() {
		t.Fatal("the server does not start")
	}
	s.url, s.users = nats.ClientURL(), o.Nkeys
}

// Rights are those that the server has read for a user.
func (s *Shipped) Rights(t testing.TB, user string) *server.Permissions {
	t.Helper()
	text, err := os.ReadFile(s.secret("users.conf"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n"+user+"_key: ")
	key, _, _ := strings.Cut(rest, "\n")
	for _, u := range s.users {
		if u.Nkey == key && u.Permissions != nil {
			return u.Permissions
		}
	}
	t.Fatalf("there is no user %s with rights", user)
	return nil
}

// Consumers are the durable consumers of readers that the configuration knows.
func (s *Shipped) Consumers(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, u := range s.users {
		if u.Permissions == nil || u.Permissions.Publish == nil {
			continue
		}
		for _, subject := range u.Permissions.Publish.Allow {
			if name, found := strings.CutPrefix(subject, "$JS.IMS.API.CONSUMER.MSG.NEXT.IMS_EVENTS."); found {
				all = append(all, name)
			}
		}
	}
	return all
}

// NATS is the environment of a user.
func (s *Shipped) NATS(user string) config.NATS {
	return config.NATS{URL: config.Secret(s.url), NKey: s.secret(user + ".nk"), CA: s.secret("ca.crt"), InboxPrefix: "_INBOX_" + user}
}

// Options is how a user connects.
func (s *Shipped) Options(user string) broker.Options {
	n := s.NATS(user)
	return broker.Options{URL: string(n.URL), Name: user, Nkey: n.NKey, CA: n.CA, InboxPrefix: n.InboxPrefix}
}
