package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/dev"
	"github.com/imsworker/imsworker/internal/ops"
)

func newDev() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use: "dev", Short: "Try it: broker, fake cloud and worker in one process", Args: cobra.NoArgs,
		Long: `Runs the worker with a broker inside and a fake cloud, submits a sample of every operation, prints their events and stays up.
Everything lies in a temporary directory, unless IMSWORKER_DATA_DIR is set: then the next run goes on with it. Where a usual
port is taken a free one is used.`,
		Example: `  imsworker dev
  imsworker dev --once          # ends when all samples are final; 0 only if all succeeded`,
		RunE: work(func(cmd *cobra.Command, _ []string) error { return runDev(cmd, once) }),
	}
	cmd.Flags().BoolVar(&once, "once", false, "end when all samples are final")
	return cmd
}

func runDev(cmd *cobra.Command, once bool) (err error) {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	log, err := ops.NewLogger(cmd.ErrOrStderr(), devLevel(cfg), devFormat(cfg))
	if err != nil {
		return err
	}
	dir, remove, err := devDir(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	return dev.Run(cmd.Context(), dev.Options{
		Config: cfg, Dir: dir, Once: once, Out: cmd.OutOrStdout(), Log: log, Build: ops.ReadBuild(version),
	})
}

// devDir is where a trial keeps its things, and what removes it afterwards.
func devDir(cfg config.Config) (string, func() error, error) {
	if _, set := os.LookupEnv(config.Prefix + "_DATA_DIR"); set {
		if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
			return "", nil, fmt.Errorf("make the directory that IMSWORKER_DATA_DIR names: %w", err)
		}
		return cfg.DataDir, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "imsworker-dev-")
	if err != nil {
		return "", nil, fmt.Errorf("make a temporary directory: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// devLevel keeps the log quiet beside the events, unless a level is asked for.
func devLevel(cfg config.Config) string {
	if _, set := os.LookupEnv(config.Prefix + "_LOG_LEVEL"); set {
		return cfg.Log.Level
	}
	return "warn"
}

func devFormat(cfg config.Config) string {
	if cfg.Log.Format != "" {
		return cfg.Log.Format
	}
	return "text"
}
