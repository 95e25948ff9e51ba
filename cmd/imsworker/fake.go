package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/dev"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ops"
)

// fakeStop is how long calls under way may take when the fake ends.
const fakeStop = 2 * time.Second

type fakeOptions struct {
	listen, state string
	clouds        []string
	factor        float64
	seed          int64
}

func newFake() *cobra.Command {
	var o fakeOptions
	cmd := &cobra.Command{
		Use: "fake", Short: "Run the fake cloud alone", Args: cobra.NoArgs,
		Long: `Serves a fake of the image, backup and identity services, with signatures, rate limits and slow jobs, and prints a clouds.yaml
that leads to it. Every cloud is seeded as the cloud demo of 'imsworker dev' is, and is a project of its own: images can be shared with
another one of its region, and copied to one of another region. Under /_admin/ it shows what it really did, to anybody who asks: keep it
on a loopback address.`,
		Example: `  imsworker fake > clouds.yaml
  imsworker fake --cloud demo --cloud second:huaweicloud --time-factor 100 --listen 127.0.0.1:9000
  imsworker fake --cloud here:huaweicloud:eu-de --cloud there:huaweicloud:eu-nl`,
		RunE: work(func(cmd *cobra.Command, _ []string) error { return o.run(cmd) }),
	}
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8774", "address to serve on; port 0 takes a free one")
	cmd.Flags().StringArrayVar(&o.clouds, "cloud", []string{fakecloud.DemoCloud}, "name of a cloud, with :huaweicloud behind it for that profile, and :REGION behind that for another region than eu-de; may be repeated")
	cmd.Flags().Float64Var(&o.factor, "time-factor", 1, "the fake's clock runs that much faster")
	cmd.Flags().StringVar(&o.state, "state", "", "file that keeps what was done over restarts")
	cmd.Flags().Int64Var(&o.seed, "seed", 0, "of ids and durations; 0 takes another one each time")
	return cmd
}

func (o *fakeOptions) run(cmd *cobra.Command) error {
	log, err := ops.NewLogger(cmd.ErrOrStderr(), "info", "")
	if err != nil {
		return err
	}
	clouds := make([]fakecloud.CloudOptions, len(o.clouds))
	for i, name := range o.clouds {
		clouds[i] = fakeCloud(name, i)
	}
	options := fakecloud.Options{Clouds: clouds, TimeFactor: o.factor, Log: log, Seed: o.seed}
	if err := tried(options); err != nil {
		return usage(cmd, "%w", err)
	}
	options.StateFile = o.state
	fake, err := fakecloud.New(options)
	if err != nil {
		return fmt.Errorf("fake cloud: %w", err)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(cmd.Context(), "tcp", o.listen)
	if err != nil {
		return errors.Join(fmt.Errorf("fake cloud: choose another address with --listen: %w", err), fake.Close())
	}
	if _, err := io.WriteString(cmd.OutOrStdout(), dev.CloudsYAML("http://"+listener.Addr().String(), o.factor, clouds...)); err != nil {
		return errors.Join(err, listener.Close(), fake.Close())
	}
	return errors.Join(serveHTTP(cmd.Context(), listener, fake.Handler()), fake.Close())
}

// tried makes a fake that keeps nothing: what is wrong with it is wrong with the flags.
func tried(o fakecloud.Options) error {
	fake, err := fakecloud.New(o)
	if err != nil {
		return err
	}
	return fake.Close()
}

// fakeCloud is the demo cloud under another name: name, name:profile or name:profile:region. All but the first are projects of
// their own, so that one can share with another; the second is the one that the first knows as its neighbour, if they are of one region.
func fakeCloud(text string, n int) fakecloud.CloudOptions {
	cloud := fakecloud.Demo()
	name, rest, _ := strings.Cut(text, ":")
	profile, region, _ := strings.Cut(rest, ":")
	cloud.Name, cloud.Profile = name, cmp.Or(profile, cloud.Profile)
	if region != "" {
		cloud.Region, cloud.ProjectName = region, region
	}
	switch {
	case n == 0:
	case n == 1 && region == "":
		cloud.ProjectID, cloud.Neighbours = fakecloud.DemoNeighbour, nil
	default:
		cloud.ProjectID = fmt.Sprintf("%032x", sha256.Sum256([]byte(name)))[:32]
	}
	return cloud
}

// serveHTTP serves until ctx ends, which is no error.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), fakeStop)
	defer cancel()
	err := server.Shutdown(stop)
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
