package ims

import (
	"context"
	"fmt"
)

// ProjectID is the id of the account's project, asked for where the
// configuration does not name it.
func (c *Client) ProjectID(ctx context.Context) (string, error) {
	id, err := c.auth.project(ctx)
	if err != nil {
		return "", fmt.Errorf("find the project of cloud %s: %w", c.cfg.Cloud, err)
	}
	return id, nil
}
