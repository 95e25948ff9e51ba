package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/cloud"
	"github.com/imsworker/imsworker/internal/ims"
)

// projectTime bounds asking the cloud which project an entry names.
const projectTime = 10 * time.Second

// apply takes over a changed configuration. A cloud with requests in flight
// may not become another account: they would be lost.
func (c *clouds) apply(next *cloud.Set) error {
	for _, moved := range c.set.Moved(next) {
		n, err := c.InFlight(moved.Name)
		if err != nil {
			return fmt.Errorf("%v: %w", moved, err)
		}
		if n == 0 {
			continue
		}
		refused := fmt.Errorf("%v: refused while requests of that cloud are in flight (%d); give the other account an entry of its own", moved, n)
		if moved.What != cloud.MovedProject {
			return refused
		}
		if err := c.stays(moved.Name, next); err != nil {
			return fmt.Errorf("%w: %w", refused, err)
		}
		c.Log.Info("clouds.yaml names a cloud's project in other words", "cloud", moved.Name, "before", moved.From, "now", moved.To)
	}
	return c.replace(next)
}

// stays asks the cloud whether an entry still is the project that it was before
// it was changed: an id and a name may mean the same.
func (c *clouds) stays(name string, next *cloud.Set) error {
	ctx, cancel := context.WithTimeout(context.Background(), projectTime)
	defer cancel()
	conf, _ := next.Get(name)
	client, err := ims.New(c.dress(conf))
	if err != nil {
		return err
	}
	defer client.Close()
	is, err := client.ProjectID(ctx)
	if err != nil {
		return fmt.Errorf("whether it is the same project cannot be told: %w", err)
	}
	was, err := c.accounts[name].Client.ProjectID(ctx)
	if err != nil {
		return fmt.Errorf("whether it was the same project cannot be told: %w", err)
	}
	if !strings.EqualFold(is, was) {
		return fmt.Errorf("the cloud says that it was project %s and is project %s now", was, is)
	}
	return nil
}
