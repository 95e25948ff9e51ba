// Package config reads the worker's environment. The struct Config is the reference of its variables: every field names its
// variable (after the prefix IMSWORKER_), its default and what it is for.
//
// What clouds.yaml says is left to package cloud; nothing here opens a connection.
package config

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Prefix stands before the name of every variable.
const Prefix = "IMSWORKER"

// Inside is the value of NATS_URL that asks for a JetStream server in the worker's own process.
const Inside = "inside"

// Config is everything the environment says. Fields marked `file:"true"` may hold a secret and can also be given as the
// name of a file, in the variable with _FILE behind it.
type Config struct {
	// NATS is the broker: where it is and how to enter.
	NATS NATS `env:"NATS"`
	// DataDir is the store of the inside server.
	DataDir string `env:"DATA_DIR" default:"./data"`
	// StreamReplicas is the number of copies of every stream; 0 means 1 inside and 3 on a cluster of three or more.
	StreamReplicas int `env:"STREAM_REPLICAS" default:"0"`
	// Shards is the number of shards, 1 to 99, fixed when the streams are made.
	Shards int `env:"SHARDS" default:"16"`
	// Lease is how long a shard stays with a silent owner, in whole seconds.
	Lease time.Duration `env:"LEASE" default:"15s"`
	// SubmitTimeout is the time limit of a call that creates something.
	SubmitTimeout time.Duration `env:"SUBMIT_TIMEOUT" default:"30s"`
	// EventsMaxAge is how long events are kept, and with them the knowledge that a request has been done.
	EventsMaxAge time.Duration `env:"EVENTS_MAX_AGE" default:"720h"`
	// CloudsFile is clouds.yaml; empty means the places where OpenStack tools look.
	CloudsFile string `env:"CLOUDS_FILE"`
	// Clouds are the names of the entries to serve, separated by commas; empty means every entry with an imsworker block,
	// or the only entry.
	Clouds []string `env:"CLOUDS"`
	// BackupRules is the file that says which backups become images; empty means that none does.
	BackupRules string `env:"BACKUP_RULES"`
	// Hook is where others give notice of backups by HTTP.
	Hook Hook `env:"HOOK"`
	// NotifyURL is the webhook that is told of everything that did not succeed; empty means that nobody is. It may hold a
	// password, or a token in its query, so it is a Secret.
	NotifyURL Secret `env:"NOTIFY_URL" file:"true"`
	// HTTPListen is the address of metrics, health and the start page.
	HTTPListen string `env:"HTTP_LISTEN" default:"127.0.0.1:8080"`
	// Detect bounds how late the end of a job is noticed.
	Detect Detect `env:"DETECT"`
	// Log is what is written to standard error.
	Log Log `env:"LOG"`
	// Drain is the time that stopping may take.
	Drain time.Duration `env:"DRAIN" default:"25s"`
	// Instance is the name of this replica; two that run at once must differ. Empty means host name and process id.
	Instance string `env:"INSTANCE"`
}

// NATS says where the broker is and how to enter.
type NATS struct {
	// URL is the broker's address, several separated by commas, or "inside". It may hold a password, so it is a Secret.
	URL Secret `env:"URL" file:"true"`
	// Creds is the name of a file with a user's JWT and seed, or its content.
	Creds Secret `env:"CREDS" file:"true"`
	// NKey is a file with a user's seed.
	NKey string `env:"NKEY"`
	// User and Password are the plain form of entering.
	User     string `env:"USER" file:"true"`
	Password Secret `env:"PASSWORD" file:"true"`
	// CA is a file with the certificates that the broker's own must descend from; empty means the system's.
	CA string `env:"CA"`
	// Cert and Key are files with the certificate that the worker shows, and its key.
	Cert string `env:"CERT"`
	Key  string `env:"KEY"`
	// JSDomain is the JetStream domain, for leaf nodes.
	JSDomain string `env:"JS_DOMAIN"`
	// InboxPrefix replaces _INBOX in the subjects of replies, where permissions ask for it.
	InboxPrefix string `env:"INBOX_PREFIX"`
	// Listen is the address of the inside server. Beyond the loopback it needs Config.
	Listen string `env:"LISTEN" default:"127.0.0.1:4222"`
	// Config is a server configuration file for the inside server, with authentication if it is to listen beyond the loopback.
	Config string `env:"CONFIG"`
}

// Hook is the listener for notices of backups.
type Hook struct {
	// Listen is its address; empty means that there is none.
	Listen string `env:"LISTEN"`
	// Token is what callers of the CloudEvents hook show as bearer; without one that hook is off.
	Token Secret `env:"TOKEN" file:"true"`
}

// Detect bounds how late the end of a job is noticed: max(Min, min(Max, Ratio × duration)) after the real end.
type Detect struct {
	Ratio float64       `env:"RATIO" default:"0.03"`
	Min   time.Duration `env:"MIN" default:"2s"`
	Max   time.Duration `env:"MAX" default:"60s"`
}

// Log says what is logged and how.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `env:"LEVEL" default:"info"`
	// Format is json or text; empty means text on a terminal, else json.
	Format string `env:"FORMAT"`
}

// Load reads the environment of the process and validates it. The error is of type Problems and holds every mistake at once;
// the Config then holds what could be read, for looking at the rest.
// That a broker is named is not asked here, since not all commands need one: see LoadToServe.
func Load() (Config, error) {
	r := newReader()
	c := r.config()
	problems := append(r.problems, c.Validate()...)
	if len(problems) > 0 {
		return c, problems
	}
	return c, nil
}

// IsInside reports whether the broker is to run in this process.
func (c Config) IsInside() bool { return string(c.NATS.URL) == Inside }

// LoadToServe is Load for commands that serve: that no broker is named is a mistake beside the others.
func LoadToServe() (Config, error) {
	c, err := Load()
	problems, _ := errors.AsType[Problems](err)
	if c.NATS.URL == "" && !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, variable("NATS_URL")) }) {
		problems = append(problems, variable("NATS_URL")+" is not set: give the broker's address, like nats://broker:4222, or "+
			Inside+" for a JetStream server in this process")
	}
	if len(problems) > 0 {
		return c, problems
	}
	return c, nil
}

// ClientURL is the broker's address for commands that never start a server: where the broker is inside another process, or
// nothing is said, that is the address in NATS_LISTEN.
func (c Config) ClientURL() Secret {
	if c.NATS.URL == "" || c.IsInside() {
		return Secret("nats://" + c.NATS.Listen)
	}
	return c.NATS.URL
}
