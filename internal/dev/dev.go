// Package dev is the worker to try things out with: broker, fake cloud and
// worker in one process, a sample of every operation, and what to do next.
// Everything in it is the real thing but the cloud.
package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/imsworker/imsworker/internal/app"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ops"
	"github.com/imsworker/imsworker/internal/trace"
)

// ErrNotSucceeded says that a sample has ended in another way than succeeded.
var ErrNotSucceeded = errors.New("not every sample has succeeded")

// fakeListen is where the fake cloud is found if the port is free.
const fakeListen = "127.0.0.1:8774"

// timeFactor is how much faster than ours the fake's clock runs: a job of ten
// seconds takes one.
const timeFactor = 10

// Options are what a trial is run with.
type Options struct {
	Config config.Config
	// Dir keeps the broker's store, the fake's state and its clouds.yaml. The
	// caller removes it, or keeps it for the next time.
	Dir   string
	Once  bool      // end when all samples are final
	Out   io.Writer // what a person reads
	Log   *slog.Logger
	Build ops.Build
	// Trace and FlushTraces are the worker's, see app.Deps.
	Trace       *trace.Tracer
	FlushTraces func(context.Context)
}

// trial is one run.
type trial struct {
	Options
	fake    *fakecloud.Fake
	fakeURL string
	at      app.Addresses
}

// Run starts everything and submits the samples. With Once it returns when
// they are final, with ErrNotSucceeded unless all succeeded; else it goes on
// until ctx ends.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	unlock, err := lockDir(o.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	t := &trial{Options: o}
	stopFake, err := t.startFake()
	if err != nil {
		return err
	}
	defer stopFake()
	if err := t.configure(); err != nil {
		return err
	}
	ready := make(chan app.Addresses, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, t.Config, app.Deps{
			Log: o.Log, Build: o.Build, Trace: o.Trace, FlushTraces: o.FlushTraces, Ready: func(a app.Addresses) { ready <- a },
		})
	}()
	select {
	case t.at = <-ready:
	case err := <-ended:
		return err
	}
	tried := t.try(ctx)
	if t.Once || tried != nil && !errors.Is(tried, ErrNotSucceeded) {
		cancel()
		return errors.Join(tried, <-ended)
	}
	t.hints()
	return <-ended
}

// try submits the samples and waits until they are final.
func (t *trial) try(ctx context.Context) error {
	conn, err := broker.Dial(ctx, client.BrokerOptions(t.Config, t.at.Broker), t.Log)
	if err != nil {
		return err
	}
	defer conn.Close()
	t.say("broker %s · fake cloud %s · metrics http://%s/metrics\n", t.at.Broker, t.fakeURL, t.at.HTTP)
	return t.samples(ctx, client.New(conn))
}

// startFake serves the fake cloud and returns what stops it.
func (t *trial) startFake() (func(), error) {
	fake, err := fakecloud.New(fakecloud.Options{
		Clouds: []fakecloud.CloudOptions{fakecloud.Demo()}, TimeFactor: timeFactor, Log: t.Log,
		StateFile: filepath.Join(t.Dir, "fakecloud.json"),
	})
	if err != nil {
		return nil, fmt.Errorf("fake cloud: %w", err)
	}
	listener, err := listen(fakeListen)
	if err != nil {
		return nil, errors.Join(err, fake.Close())
	}
	server := &http.Server{Handler: fake.Handler(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.fake, t.fakeURL = fake, "http://"+listener.Addr().String()
	return func() {
		err := errors.Join(server.Close(), fake.Close())
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		if err != nil {
			t.Log.Warn("stop fake cloud", "error", err)
		}
	}, nil
}

// configure points the worker at the fake and at free ports where the usual
// ones are taken.
func (t *trial) configure() error {
	path := filepath.Join(t.Dir, "clouds.yaml")
	if err := os.WriteFile(path, []byte(CloudsYAML(t.fakeURL, timeFactor, fakecloud.Demo())), 0o600); err != nil {
		return fmt.Errorf("write the fake's clouds.yaml: %w", err)
	}
	t.Config.CloudsFile, t.Config.Clouds, t.Config.DataDir = path, nil, filepath.Join(t.Dir, "broker")
	t.Config.NATS.URL = config.Inside
	if err := t.configureBackups(); err != nil {
		return err
	}
	t.Config.NATS.Listen = freeAddress(t.Config.NATS.Listen)
	t.Config.HTTPListen = freeAddress(t.Config.HTTPListen)
	return nil
}

// listen listens on the address, or on a free port where it is taken.
func listen(address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", address)
	if err == nil {
		return l, nil
	}
	if l, err = lc.Listen(context.Background(), "tcp", anyPort(address)); err != nil {
		return nil, fmt.Errorf("listen for the fake cloud: %w", err)
	}
	return l, nil
}

// freeAddress is the address if nothing listens there, else the same host
// with a free port.
func freeAddress(address string) string {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", address)
	if err != nil {
		return anyPort(address)
	}
	_ = l.Close() // it was only tried
	return address
}

func anyPort(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return net.JoinHostPort(host, "0")
}

func (t *trial) say(format string, args ...any) { _, _ = fmt.Fprintf(t.Out, format, args...) }
