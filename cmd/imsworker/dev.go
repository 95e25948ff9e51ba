package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/dev"
	"github.com/imsworker/imsworker/internal/ops"
	"github.com/imsworker/imsworker/internal/otlp"
)

func newDev() *cobra.Command {
	cmd := &cobra.Command{
		Use: "dev", Short: "Try it: broker, fake cloud and worker in one process, with samples", Args: cobra.NoArgs,
		Long: `Starts everything in this process, submits a sample of each operation that one account can do by itself to the fake cloud "demo", prints their
events, and stays up to be played with. Nothing is kept unless IMSWORKER_DATA_DIR is set. Ports that are taken are replaced by free ones.`,
		Example: "  imsworker dev\n  imsworker dev --once && echo all samples succeeded",
	}
	once := cmd.Flags().Bool("once", false, "end when all samples have ended; exit code 0 only if all succeeded")
	cmd.RunE = work(func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Load()
		if err != nil {
			return err
		}
		if cfg.NATS.URL != "" && !cfg.IsInside() {
			fmt.Fprintln(cmd.ErrOrStderr(), "IMSWORKER_NATS_URL is not used: dev has a broker of its own")
		}
		format := cfg.Log.Format
		if format == "" {
			format = "text"
		}
		log, err := ops.NewLogger(cmd.ErrOrStderr(), cfg.Log.Level, format)
		if err != nil {
			return err
		}
		dir, remove, err := devDir(cfg)
		if err != nil {
			return err
		}
		build := ops.ReadBuild(version)
		spans := otlp.Start(cmd.Context(), otlp.Options{Version: build.Version, Instance: cfg.Instance, Log: log})
		err = dev.Run(cmd.Context(), dev.Options{
			Config: cfg, Dir: dir, Once: *once, Out: cmd.OutOrStdout(), Log: log, Build: build, Trace: spans.Tracer(), FlushTraces: spans.Stop,
		})
		return errors.Join(err, remove())
	})
	return cmd
}

// devDir is DATA_DIR where it is set, else a directory that is gone afterwards.
func devDir(cfg config.Config) (dir string, remove func() error, err error) {
	if os.Getenv(config.Prefix+"_DATA_DIR") != "" {
		if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
			return "", nil, fmt.Errorf("make IMSWORKER_DATA_DIR: %w", err)
		}
		return cfg.DataDir, func() error { return nil }, nil
	}
	if dir, err = os.MkdirTemp("", "imsworker-dev-"); err != nil {
		return "", nil, fmt.Errorf("make a directory for the store: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}
