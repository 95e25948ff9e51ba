package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/nodes"
)

// plant is everything that runs.
type plant struct {
	settings
	out     io.Writer
	begun   time.Time
	door    door
	cluster *nodes.Cluster
	cloud   *cloud
	workers []*worker
	nc      *nats.Conn // the publisher's and the auditor's, past all proxies
	js      jetstream.JetStream
	sent    []request

	mu    sync.Mutex // of deeds and out
	deeds map[string]int
}

// build starts all processes and waits until the first worker has made the
// streams.
func build(ctx context.Context, s settings, dir string, out io.Writer) (*plant, error) {
	p := &plant{settings: s, out: out, begun: time.Now(), deeds: map[string]int{}}
	if err := p.build(ctx, dir); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *plant) build(ctx context.Context, dir string) error {
	binary, err := p.compile(ctx, dir)
	if err != nil {
		return err
	}
	sent, worlds, err := p.draw()
	if err != nil {
		return err
	}
	p.sent = sent
	if p.cloud, err = startCloud(ctx, p.settings, binary, dir); err != nil {
		return err
	}
	if err := p.cloud.prepare(ctx, p.settings, worlds); err != nil {
		return err
	}
	if p.door, err = newDoor(p.settings, dir); err != nil {
		return err
	}
	if p.cluster, err = p.door.start(ctx, dir, p.brokers); err != nil {
		return err
	}
	if err := p.door.makeStreams(ctx, binary, p.cluster.URL()); err != nil {
		return err
	}
	for n := range p.settings.workers {
		w, err := newWorker(p.settings, n, binary, dir, p.door, p.cluster, p.cloud)
		if err != nil {
			return err
		}
		p.workers = append(p.workers, w)
		if err := w.start(); err != nil {
			return err
		}
	}
	return p.connect(ctx)
}

// compile builds the worker as it is delivered.
func (p *plant) compile(ctx context.Context, dir string) (string, error) {
	if p.binary != "" {
		return filepath.Abs(p.binary)
	}
	path := filepath.Join(dir, "imsworker")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/imsworker/imsworker/cmd/imsworker")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the worker: %w\n%s", err, said)
	}
	return path, nil
}

// connect waits for the streams that the workers make.
func (p *plant) connect(ctx context.Context) error {
	enter, err := p.door.connect(asOperator)
	if err != nil {
		return err
	}
	if p.nc, err = nats.Connect(p.cluster.URL(), append(enter, nats.MaxReconnects(-1), nats.ReconnectWait(200*time.Millisecond))...); err != nil {
		return fmt.Errorf("connect the publisher: %w", err)
	}
	if p.js, err = jetstream.New(p.nc); err != nil {
		return fmt.Errorf("use JetStream: %w", err)
	}
	var fell []string
	err = await(ctx, "the workers to be up and to have made the streams", func() bool {
		for _, w := range p.workers {
			if fell = append(fell, w.fallen()...); len(fell) > 0 {
				return true
			}
			if !w.serves(ctx) {
				return false
			}
		}
		try, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		for shard := range shards {
			if _, err := p.js.Stream(try, broker.TrackStream(shard)); err != nil {
				return false
			}
			if _, err := p.js.Consumer(try, broker.StreamRequests, broker.ShardConsumer(shard)); err != nil {
				return false
			}
		}
		return true
	})
	if len(fell) > 0 {
		return fmt.Errorf("%s", strings.Join(fell, "; "))
	}
	return err
}

// say prints a line with the time since the beginning.
func (p *plant) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := time.Since(p.begun).Round(time.Second)
	fmt.Fprintf(p.out, "%02d:%02d  %s\n", int(t.Minutes()), int(t.Seconds())%60, fmt.Sprintf(format, args...))
}

// stop ends everything that still runs. It may be called twice.
func (p *plant) stop() {
	var all sync.WaitGroup
	for _, w := range p.workers {
		all.Go(func() { w.kill(); w.close() })
	}
	all.Wait()
	if p.nc != nil {
		p.nc.Close()
	}
	if p.cluster != nil {
		p.cluster.Stop()
	}
	if p.cloud != nil && p.cloud.process != nil {
		p.cloud.process.kill()
	}
	http.DefaultClient.CloseIdleConnections()
}

// retire stops the workers as a service manager does; it returns what was
// wrong with that.
func (p *plant) retire() []string {
	ends := make([]error, len(p.workers))
	var all sync.WaitGroup
	for i, w := range p.workers {
		all.Go(func() { ends[i] = w.process.stop(stopPatience) })
	}
	all.Wait()
	var wrong []string
	for _, err := range ends {
		if err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	for _, w := range p.workers {
		wrong = append(append(wrong, w.fallen()...), w.said()...)
	}
	return wrong
}
