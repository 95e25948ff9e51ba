package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// InsideOptions describe the server inside the process.
type InsideOptions struct {
	Dir        string // where it stores; made if it is missing
	Listen     string // host:port; "" means 127.0.0.1:4222, port 0 a free one
	ConfigFile string // a NATS server configuration, needed unless Listen is a loopback address
	Log        *slog.Logger
}

// Inside is a JetStream server in this process. Every message is on the disk
// before it is confirmed (sync always). Clients reach it by its URL, as they
// reach any server.
type Inside struct {
	server *server.Server
	lock   *os.File
}

// memoryStore bounds what streams in memory may take. The worker has none; its
// consumers' states are small.
const memoryStore = 256 << 20

// ErrAddressInUse says that something listens on the inside server's address.
var ErrAddressInUse = errors.New("the address is in use")

// StartInside starts the server and waits until clients can connect. An
// address that others can reach needs a configuration file with authentication.
// The caller stops the server after everything that uses it.
func StartInside(o InsideOptions) (*Inside, error) {
	opts, err := o.serverOptions()
	if err != nil {
		return nil, fmt.Errorf("inside broker: %w", err)
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("inside broker: %w", err)
	}
	i, err := start(opts, o.Log)
	if err != nil {
		unlockDir(lock)
		return nil, fmt.Errorf("inside broker on %s, store %s: %w", o.listen(), o.Dir, err)
	}
	i.lock = lock
	return i, nil
}

func (o InsideOptions) listen() string {
	if o.Listen == "" {
		return "127.0.0.1:4222"
	}
	return o.Listen
}

func (o InsideOptions) serverOptions() (*server.Options, error) {
	if o.Dir == "" {
		return nil, errors.New("no directory for its store given")
	}
	opts, err := o.configured()
	if err != nil {
		return nil, err
	}
	host, port, err := splitListen(o.listen())
	if err != nil {
		return nil, err
	}
	if !loopback(host) && !authenticates(opts) {
		return nil, fmt.Errorf("others can reach %s: that needs a server configuration file with authentication, or a loopback address like 127.0.0.1:4222", o.listen())
	}
	opts.Host, opts.Port = host, port
	opts.JetStream, opts.StoreDir, opts.SyncAlways = true, o.Dir, true
	opts.JetStreamMaxMemory = memoryStore
	opts.NoSigs = true
	return opts, nil
}

func (o InsideOptions) configured() (*server.Options, error) {
	if o.ConfigFile == "" {
		return &server.Options{ServerName: "imsworker-inside"}, nil
	}
	opts, err := server.ProcessConfigFile(o.ConfigFile)
	if err != nil {
		return nil, fmt.Errorf("server configuration: %w", err)
	}
	return opts, nil
}

// authenticates says whether a client must show who it is.
func authenticates(o *server.Options) bool {
	return o.Username != "" || o.Authorization != "" || len(o.Users) > 0 || len(o.Nkeys) > 0 ||
		len(o.TrustedOperators) > 0 || o.AuthCallout != nil || o.TLSVerify || o.TLSMap
}

func splitListen(listen string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("address %q is not host:port", listen)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("port %q in %q is not a number from 0 to 65535", text, listen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func start(opts *server.Options, log *slog.Logger) (*Inside, error) {
	if err := portFree(opts); err != nil {
		return nil, err
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, err
	}
	sink := newServerLog(log)
	s.SetLoggerV2(sink, sink.debug(), false, false)
	s.Start()
	i := &Inside{server: s}
	if !i.ready(sink, 20*time.Second) {
		i.Stop()
		return nil, fmt.Errorf("did not start: %s", sink.lastError())
	}
	return i, nil
}

// portFree tries the address before the server does, which would end the
// process's patience with a log line instead of an error.
func portFree(opts *server.Options) error {
	if opts.Port == server.RANDOM_PORT {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(opts.Host, strconv.Itoa(opts.Port))) //nolint:noctx // closed at once
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAddressInUse, err)
	}
	return l.Close()
}

func (i *Inside) ready(sink *serverLog, limit time.Duration) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); {
		if i.server.ReadyForConnections(100 * time.Millisecond) {
			return i.server.JetStreamEnabled()
		}
		if sink.fatal() {
			return false
		}
	}
	return false
}

// URL is the address that clients use.
func (i *Inside) URL() string { return i.server.ClientURL() }

// Stop ends the server, without a grace time for clients, and waits until its
// store is closed.
func (i *Inside) Stop() {
	i.server.Shutdown()
	i.server.WaitForShutdown()
	unlockDir(i.lock)
	i.lock = nil
}
