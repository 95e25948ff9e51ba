package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/nodes"
	"github.com/imsworker/imsworker/internal/credentials"
)

// door is how the broker lets anybody in: everybody, or with CONFIG only the
// users of that configuration, each with its key and its rights.
type door struct {
	dir string // of nats.conf, accounts.conf and the secrets; "": open to everybody
}

// The users of a configuration that take part. The publisher and the auditor
// are one, since requests of all operations go to all clouds.
const (
	asWorker        = "worker"
	asAdministrator = "administrator"
	asOperator      = "operator"
)

// nodeNames are those of a configuration's nodes.
func nodeNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("nats-%d", i+1)
	}
	return names
}

// newDoor copies the configuration, with keys and certificates for this run.
func newDoor(s settings, dir string) (door, error) {
	if s.config == "" {
		return door{}, nil
	}
	d := door{dir: filepath.Join(dir, "broker")}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		return door{}, err
	}
	for _, name := range []string{"nats.conf", "accounts.conf"} {
		text, err := os.ReadFile(filepath.Join(s.config, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(d.dir, name), text, 0o600)
		}
		if err != nil {
			return door{}, fmt.Errorf("take the broker's configuration out of CONFIG: %w", err)
		}
	}
	_, err := credentials.Make(credentials.Options{Dir: d.dir, Nodes: nodeNames(s.brokers), Hosts: []string{"localhost", "127.0.0.1"}, Now: time.Now()})
	return d, err
}

func (d door) secret(name string) string { return filepath.Join(d.dir, credentials.Secrets, name) }

// start starts the nodes behind it.
func (d door) start(ctx context.Context, dir string, size int) (*nodes.Cluster, error) {
	if d.dir == "" {
		return nodes.StartCluster(ctx, dir, size)
	}
	connect, err := d.connect(asOperator)
	if err != nil {
		return nil, err
	}
	return nodes.StartConfigured(ctx, dir, nodes.Configured{
		File: filepath.Join(d.dir, "nats.conf"), Secrets: filepath.Join(d.dir, credentials.Secrets), Names: nodeNames(size), Connect: connect,
	})
}

// connect is how a client enters that has nothing of ours.
func (d door) connect(user string) ([]nats.Option, error) {
	if d.dir == "" {
		return nil, nil
	}
	o := d.options(user, "")
	nkey, err := nats.NkeyOptionFromSeed(o.Nkey)
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", user, err)
	}
	return []nats.Option{nkey, nats.RootCAs(o.CA), nats.CustomInboxPrefix(o.InboxPrefix)}, nil
}

// options are how a connection of ours enters.
func (d door) options(user, url string) broker.Options {
	o := broker.Options{URL: url, Name: user}
	if d.dir != "" {
		o.Nkey, o.CA, o.InboxPrefix = d.secret(user+".nk"), d.secret("ca.crt"), "_INBOX_"+user
	}
	return o
}

// environment is how a process of ours enters.
func (d door) environment(user string) []string {
	if d.dir == "" {
		return nil
	}
	o := d.options(user, "")
	return []string{"IMSWORKER_NATS_NKEY=" + o.Nkey, "IMSWORKER_NATS_CA=" + o.CA, "IMSWORKER_NATS_INBOX_PREFIX=" + o.InboxPrefix}
}

// makeStreams has the administrator make them where workers may not.
func (d door) makeStreams(ctx context.Context, binary, url string) error {
	if d.dir == "" {
		return nil
	}
	cmd := exec.CommandContext(ctx, binary, "streams", "--apply") //nolint:gosec // what was built here
	cmd.Env = environment(append(d.environment(asAdministrator), "IMSWORKER_NATS_URL="+url, fmt.Sprintf("IMSWORKER_SHARDS=%d", shards))...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make streams: %w\n%s", err, said)
	}
	return nil
}
