package main

import (
	"context"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/config"
)

// connected reads the configuration, connects to its broker and calls f.
func connected(ctx context.Context, f func(*client.Client) error) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}
