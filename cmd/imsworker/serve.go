package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/app"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/ops"
)

func newServe() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Work: take requests, follow jobs, tell events", Args: cobra.NoArgs,
		Long: `Works until it is told to stop. SIGTERM and Ctrl-C let what runs come to a safe point, at most IMSWORKER_DRAIN; SIGHUP reads
clouds.yaml again, and so does a change of the file.`,
		Example: `  IMSWORKER_NATS_URL=nats://broker:4222 IMSWORKER_CLOUDS_FILE=clouds.yaml imsworker serve
  IMSWORKER_NATS_URL=inside IMSWORKER_DATA_DIR=/var/lib/imsworker imsworker serve`,
		RunE: work(func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load()
			if err != nil {
				return err
			}
			if err := cfg.NeedBroker(); err != nil {
				return err
			}
			log, err := ops.NewLogger(cmd.ErrOrStderr(), cfg.Log.Level, cfg.Log.Format)
			if err != nil {
				return err
			}
			reload, stop := hangups()
			defer stop()
			return app.Run(cmd.Context(), cfg, app.Deps{Log: log, Build: ops.ReadBuild(version), Reload: reload})
		}),
	}
}

// hangups passes SIGHUPs on until stop is called. One that comes while the
// last is being handled is kept, more are one.
func hangups() (reload <-chan struct{}, stop func()) {
	signals := make(chan os.Signal, 1)
	out := make(chan struct{}, 1)
	done := make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-signals:
				select {
				case out <- struct{}{}:
				default:
				}
			}
		}
	}()
	return out, func() { signal.Stop(signals); close(done) }
}
