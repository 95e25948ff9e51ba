package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// callTime is what every call of the cloud takes, by the cloud's clock.
const callTime = 20 * time.Millisecond

// stage is the fake cloud with a clock that runs faster, the whole worker
// before it, with a broker in a process of its own, and ears for what it tells.
// What the machine needs for a step counts as much longer by the cloud's clock:
// the factor must be small where bounds are short.
type stage struct {
	factor   float64
	fake     *fakecloud.Fake
	meter    *meter
	nc       *nats.Conn
	ends     *endings
	accounts []account
	sent     atomic.Int64
	url      string         // of the cloud
	store    string         // of the broker
	undo     []func() error // in the order of what was done
}

// account is one cloud of the stage.
type account struct {
	name     string
	plain    bool   // the worker does not know it
	settings string // of the worker's entry, beside the clock
	profile  string
	switches fakecloud.Switches
}

const (
	accessKey, secretKey = "AK", "SK"
	userName, password   = "bench", "bench"
	sourceImage          = "11111111-2222-4333-a444-555555555555"
)

// startStage starts all of it.
func startStage(ctx context.Context, factor float64, accounts ...account) (*stage, error) {
	s, err := openStage(ctx, factor, accounts...)
	if err != nil {
		return nil, err
	}
	stop, err := startWorker(ctx, s.nc, s.yaml())
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.undo = append(s.undo, stop)
	return s, nil
}

// openStage starts all of it but the worker.
func openStage(ctx context.Context, factor float64, accounts ...account) (s *stage, err error) {
	s = &stage{factor: factor, accounts: accounts}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if s.fake, err = fakecloud.New(fakecloud.Options{Clouds: s.clouds(), TimeFactor: factor}); err != nil {
		return s, fmt.Errorf("make the cloud: %w", err)
	}
	s.undo = append(s.undo, s.fake.Close)
	s.meter = newMeter(s.fake, time.Duration(float64(callTime)/factor))
	if s.url, err = s.serve(ctx); err != nil {
		return s, err
	}
	broker, err := startBroker(ctx, false, "")
	if err != nil {
		return s, err
	}
	s.store = filepath.Join(broker.dir, "store")
	s.undo = append(s.undo, func() error { broker.stop(); return nil })
	if s.nc, err = nats.Connect(broker.url); err != nil {
		return s, fmt.Errorf("connect: %w", err)
	}
	s.undo = append(s.undo, func() error { s.nc.Close(); return nil })
	s.ends, err = listen(s.nc, s.fake.Now)
	return s, err
}

// stop ends everything, what was started last first.
func (s *stage) stop() error {
	var failed []error
	for _, undo := range slices.Backward(s.undo) {
		failed = append(failed, undo())
	}
	return errors.Join(failed...)
}

// clouds are the accounts as the fake knows them: each with one image that can
// be copied, and room for any number.
func (s *stage) clouds() []fakecloud.CloudOptions {
	var all []fakecloud.CloudOptions
	for n, a := range s.accounts {
		a.switches.Quota = -1
		all = append(all, fakecloud.CloudOptions{
			Name: a.name, Profile: a.profile, ProjectID: projectID(n), AccessKey: accessKey, SecretKey: secretKey,
			Username: userName, Password: password, Domain: "bench", Switches: a.switches,
			World: fakecloud.World{Images: []fakecloud.Image{{ID: sourceImage, Name: "base", MinDisk: 40, Size: 1 << 30, DataSize: 1 << 30}}},
		})
	}
	return all
}

// serve has the metered fake answer on a port of its own.
func (s *stage) serve(ctx context.Context) (url string, err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for the cloud: %w", err)
	}
	server, ended := &http.Server{Handler: s.meter, ReadHeaderTimeout: time.Minute}, make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // it ends with stop
	}()
	s.undo = append(s.undo, func() error {
		defer func() { <-ended }()
		return server.Close()
	})
	return "http://" + listener.Addr().String(), nil
}

// yaml is the clouds.yaml of the worker.
func (s *stage) yaml() string {
	var b strings.Builder
	b.WriteString("clouds:\n")
	for n, a := range s.accounts {
		if a.plain {
			continue
		}
		fmt.Fprintf(&b, `  %s:
    profile: %s
    region_name: eu-de
    auth: {auth_url: %[3]s/v3, project_id: %[4]q, ak: %[5]s, sk: %[6]s}
    image_endpoint_override: %[3]s
    cbr_endpoint_override: %[3]s
    imsworker: {time_factor: %[7]g%[8]s}
`, a.name, profileOf(a), s.url+"/"+a.name, projectID(n), accessKey, secretKey, s.factor, further(a.settings))
	}
	return b.String()
}

func profileOf(a account) string {
	if a.profile == "" {
		return fakecloud.ProfileOTC
	}
	return a.profile
}

// sleep waits for a time of the cloud's clock.
func (s *stage) sleep(ctx context.Context, d time.Duration) error {
	return sleep(ctx, time.Duration(float64(d)/s.factor))
}

// copyOf is the request for one more copy.
const copyOf = `{"image_id":"` + sourceImage + `","name":"copy","options":{"preflight":false,"deadline":"48h"}}`

// wholeOf is the request for a whole image of a backup.
func wholeOf(backup string) string {
	return `{"backup_id":"` + backup + `","whole_image_type":"CBR","name":"whole","options":{"preflight":false,"deadline":"48h"}}`
}

// request publishes one request and returns its key.
func (s *stage) request(cloud, operation, source, data string) (string, error) {
	id := messages.Identity{Source: source, ID: fmt.Sprint(s.sent.Add(1))}
	subject, header, body := messages.EncodeRequest(messages.Request{Cloud: cloud, Operation: operation, Identity: id, Data: []byte(data)})
	err := s.nc.PublishMsg(&nats.Msg{Subject: subject, Header: header, Data: body})
	if err != nil {
		err = fmt.Errorf("publish a request: %w", err)
	}
	return messages.Key(cloud, id.Source, id.ID), err
}

// copies publishes so many requests for copies.
func (s *stage) copies(cloud string, n int) error {
	for range n {
		if _, err := s.request(cloud, "copy-image", "/bench", copyOf); err != nil {
			return err
		}
	}
	return s.flush()
}

func (s *stage) flush() error {
	if err := s.nc.Flush(); err != nil {
		return fmt.Errorf("flush the publisher: %w", err)
	}
	return nil
}

// further puts settings behind others.
func further(settings string) string {
	if settings == "" {
		return ""
	}
	return ", " + settings
}

// begunAt is when the cloud began with a request, found by its marker; zero
// before.
func (s *stage) begunAt(key string) time.Time {
	for _, m := range s.fake.Begun("worker") {
		if strings.Contains(string(m.Body), key) {
			return m.Time
		}
	}
	return time.Time{}
}

// until waits for a condition.
func until(ctx context.Context, met func() bool) error {
	for end := time.Now().Add(patience); !met(); {
		if time.Now().After(end) {
			return fmt.Errorf("not within %s", patience)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
