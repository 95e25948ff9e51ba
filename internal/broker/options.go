package broker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Options tells Dial where the broker is and who asks. Empty fields mean
// "not used"; they have the names of the environment's NATS_ variables.
type Options struct {
	URL         string // one address or several, separated by commas
	Name        string // name of the connection, as `nats server report` shows it
	Creds       string // path of a credentials file, or its content
	Nkey        string // path of a seed file
	User        string
	Password    string
	CA          string // path of a PEM file
	Cert        string // path of a PEM file; needs Key
	Key         string // path of a PEM file
	JSDomain    string // JetStream domain
	InboxPrefix string // prefix of reply subjects, without the last dot
	Wait        bool   // true: keep trying until the context ends instead of giving up when nobody answers
}

// String shows where the options lead, never a secret.
func (o Options) String() string {
	return fmt.Sprintf("broker %s user=%q creds=%t nkey=%t tls=%t domain=%q",
		redactURLs(o.URL), o.User, o.Creds != "", o.Nkey != "", o.CA != "" || o.Cert != "", o.JSDomain)
}

// GoString is String, so that %#v shows no secret either.
func (o Options) GoString() string { return o.String() }

// LogValue is String as a log value.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

func (o Options) validate() error {
	if o.URL == "" {
		return errors.New("broker: no address given")
	}
	for raw := range strings.SplitSeq(o.URL, ",") {
		if err := validateURL(strings.TrimSpace(raw)); err != nil {
			return err
		}
	}
	if (o.Cert == "") != (o.Key == "") {
		return errors.New("broker: a client certificate needs both the certificate and the key")
	}
	return nil
}

func validateURL(raw string) error {
	if !strings.Contains(raw, "://") {
		raw = "nats://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return errors.New("broker: the address is no URL like nats://host:4222")
	}
	return nil
}

func redactURLs(list string) string {
	shown := make([]string, 0, 1)
	for raw := range strings.SplitSeq(list, ",") {
		shown = append(shown, redactURL(strings.TrimSpace(raw)))
	}
	return strings.Join(shown, ",")
}

// redactURL cuts everything that stands before the host: a token may be given
// as the user's name.
func redactURL(raw string) string {
	at := strings.LastIndex(raw, "@")
	if at < 0 {
		return raw
	}
	scheme, _, found := strings.Cut(raw, "://")
	if !found {
		return "***" + raw[at:]
	}
	return scheme + "://***" + raw[at:]
}

// natsOptions are the options of the connection apart from its handlers. No
// publish is kept in memory while the connection is down (buffer size -1): it
// would be sent much later, when its writer has long decided otherwise. A broker
// that answers no ping for three intervals is given up: silence is noticed
// within ten seconds, before a lease ends.
func (o Options) natsOptions() []nats.Option {
	opts := []nats.Option{
		nats.Name(o.Name),
		nats.Timeout(5 * time.Second),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(500 * time.Millisecond),
		nats.ReconnectJitter(500*time.Millisecond, time.Second),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(3 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.IgnoreAuthErrorAbort(),
	}
	return append(append(opts, o.authentication()...), o.secureTransport()...)
}

func (o Options) authentication() []nats.Option {
	var opts []nats.Option
	if strings.HasPrefix(strings.TrimSpace(o.Creds), "-----BEGIN") {
		opts = append(opts, nats.UserCredentialBytes([]byte(o.Creds)))
	} else if o.Creds != "" {
		opts = append(opts, nats.UserCredentials(o.Creds))
	}
	if o.User != "" {
		opts = append(opts, nats.UserInfo(o.User, o.Password))
	}
	if o.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(strings.TrimSuffix(o.InboxPrefix, ".")))
	}
	return opts
}

func (o Options) secureTransport() []nats.Option {
	var opts []nats.Option
	if o.CA != "" || o.Cert != "" {
		opts = append(opts, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	if o.CA != "" {
		opts = append(opts, nats.RootCAs(o.CA))
	}
	if o.Cert != "" {
		opts = append(opts, nats.ClientCert(o.Cert, o.Key))
	}
	return opts
}
