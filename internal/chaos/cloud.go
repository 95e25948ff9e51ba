package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// cloud is the fake cloud in a process of its own, asked and ordered through
// its admin endpoint.
type cloud struct {
	process *process
	address string // host:port
	yaml    string // the clouds.yaml that leads to it
	client  http.Client
}

var listensAt = regexp.MustCompile(`http://(127\.0\.0\.1:\d+)/`)

// startCloud starts the fake and waits until it listens.
func startCloud(ctx context.Context, s settings, binary, dir string) (*cloud, error) {
	args := []string{"fake", "--listen", "127.0.0.1:0", "--time-factor", fmt.Sprint(s.factor), "--seed", fmt.Sprint(s.seed)}
	for n := range clouds {
		args = append(args, "--cloud", cloudName(n))
	}
	c := &cloud{
		process: &process{name: "fake cloud", path: binary, args: args, env: environment(), log: dir + "/cloud.log"},
		client:  http.Client{Timeout: time.Minute},
	}
	if err := c.process.start(); err != nil {
		return nil, err
	}
	err := await(ctx, "the fake cloud", func() bool {
		text, err := os.ReadFile(c.process.log)
		at := listensAt.FindSubmatch(text)
		if err != nil || at == nil || bytes.Count(text, []byte("time_factor")) < clouds {
			return false
		}
		c.address, c.yaml = string(at[1]), string(text[bytes.Index(text, []byte("clouds:\n")):])
		return true
	})
	if err != nil {
		c.process.kill()
	}
	return c, err
}

// yamlThrough is the clouds.yaml of a worker that reaches the fake through a
// proxy.
func (c *cloud) yamlThrough(proxy string, s settings) string {
	yaml := strings.ReplaceAll(c.yaml, c.address, proxy)
	if s.limits == "off" {
		yaml = strings.ReplaceAll(yaml, "    imsworker:\n", "    imsworker:\n      limits: off\n")
	}
	return yaml
}

// prepare fills the accounts and orders what goes wrong in them.
func (c *cloud) prepare(ctx context.Context, s settings, worlds map[string]*fakecloud.World) error {
	for n := range clouds {
		name := cloudName(n)
		err := errors.Join(
			c.post(ctx, name, "switches", switches(s)),
			c.post(ctx, name, "world", worlds[name]),
			c.post(ctx, name, "outcomes", lateRows(s, n)),
			c.post(ctx, name, "faults", faults(s, n)),
		)
		if err != nil {
			return fmt.Errorf("prepare %s: %w", name, err)
		}
	}
	return nil
}

// switches make room for all images, and jobs that take some seconds of ours.
func switches(s settings) fakecloud.Switches {
	second := fakecloud.Duration(time.Second)
	return fakecloud.Switches{
		Quota: -1, RatesOff: s.limits == "off",
		Durations: map[string]fakecloud.Span{"*": {Init: 2 * second, Run: 60 * second, Sigma: 0.3}},
	}
}

// lateRows makes some images appear late, all of them below the horizon of
// their operation.
func lateRows(s settings, n int) []fakecloud.Outcome {
	seed, minute := s.faultSeed(n), fakecloud.Duration(time.Minute)
	return []fakecloud.Outcome{
		{Call: "CopyImage", Probability: 0.05, ImageLate: 5 * minute, Seed: seed + 10},
		{Call: "ExportVolume", Probability: 0.05, ImageLate: 5 * minute, Seed: seed + 11},
		{Call: "CreateWholeImage", Probability: 0.05, ImageLate: minute, Seed: seed + 12},
	}
}

// faults lose one answer in ten and fail one call in twenty, half of them after
// the work was begun; some calls are throttled.
func faults(s settings, n int) []fakecloud.Fault {
	seed := s.faultSeed(n)
	return []fakecloud.Fault{
		{Call: "*", Kind: fakecloud.DropAfter, Probability: 0.10, Seed: seed + 1},
		{Call: "*", Kind: fakecloud.StatusBefore, Status: http.StatusInternalServerError, Probability: 0.025, Seed: seed + 2},
		{Call: "*", Kind: fakecloud.StatusAfter, Status: http.StatusGatewayTimeout, Probability: 0.025, Seed: seed + 3},
		{Call: "*", Kind: fakecloud.TooMany, Probability: 0.002, Seed: seed + 4},
	}
}

// faultSeed leaves room for several orders of each account.
func (s settings) faultSeed(n int) int64 { return int64(s.seed)*1000 + int64(n)*20 }

func (c *cloud) post(ctx context.Context, cloud, what string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode %s: %w", what, err)
	}
	return c.call(ctx, http.MethodPost, cloud, what, data, nil)
}

func (c *cloud) get(ctx context.Context, cloud, what string, into any) error {
	return c.call(ctx, http.MethodGet, cloud, what, nil, into)
}

func (c *cloud) call(ctx context.Context, method, cloud, what string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.address+"/_admin/"+what+"?cloud="+cloud, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, what, err)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, what, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", method, what, err)
	case resp.StatusCode >= http.StatusBadRequest:
		return fmt.Errorf("%s %s: %s: %s", method, what, resp.Status, bytes.TrimSpace(text))
	case into == nil:
		return nil
	}
	return json.Unmarshal(text, into)
}
