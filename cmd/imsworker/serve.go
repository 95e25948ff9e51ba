package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/app"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/ops"
	"github.com/imsworker/imsworker/internal/otlp"
)

func newServe() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Do the work: take requests until told to stop", Args: cobra.NoArgs,
		Long: `Connects to the broker of IMSWORKER_NATS_URL (or starts one inside the process), makes or compares the streams, and does what is
requested of the clouds in clouds.yaml. SIGTERM and SIGINT stop it within IMSWORKER_DRAIN, a second one at once; SIGHUP makes it
read clouds.yaml again.`,
		Example: "  IMSWORKER_NATS_URL=nats://broker:4222 imsworker serve",
		RunE: work(func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.LoadToServe()
			if err != nil {
				_, clouds := loadClouds(cfg) // so that all mistakes are told at once
				return errors.Join(err, clouds)
			}
			log, err := ops.NewLogger(cmd.ErrOrStderr(), cfg.Log.Level, cfg.Log.Format)
			if err != nil {
				return err
			}
			reload, stop := hangups()
			defer stop()
			defer ops.GiveRoom()()
			build := ops.ReadBuild(version)
			spans := otlp.Start(cmd.Context(), otlp.Options{Version: build.Version, Instance: cfg.Instance, Log: log})
			return client.Explain(app.Run(cmd.Context(), cfg, app.Deps{Log: log, Build: build, Reload: reload, Trace: spans.Tracer(), FlushTraces: spans.Stop}))
		}),
	}
}

// hangups passes SIGHUP on; one that comes while the last is being served is kept, more are the same wish.
func hangups() (reload <-chan struct{}, stop func()) {
	signals := make(chan os.Signal, 1)
	wishes, done := make(chan struct{}, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-signals:
			}
			select {
			case wishes <- struct{}{}:
			default:
			}
		}
	}()
	return wishes, func() {
		signal.Stop(signals)
		close(done)
	}
}
