package handlers

import (
	"context"
	"errors"
	"fmt"

	"github.com/imsworker/imsworker/internal/ims"
)

// vaultReader reads one CBR vault.
type vaultReader interface {
	Vault(ctx context.Context, id string) (ims.Vault, error)
}

// vaultServers is the object type of vaults that take backups of servers.
const vaultServers = "server"

// vaultFits asks CBR whether a vault of this project can take a server's
// backup (API reference, section 5). Whether the account may ask is for the
// creating call to tell.
func vaultFits(ctx context.Context, c vaultReader, id string) error {
	if id == "" {
		return nil
	}
	vault, err := c.Vault(ctx, id)
	switch {
	case errors.Is(err, ims.ErrNotFound):
		return refusal("IMG.0184", "there is no vault %s in this project", id)
	case err != nil && untold(err) == nil:
		return nil
	case err != nil:
		return fmt.Errorf("read vault %s: %w", id, err)
	}
	return judgeVault(vault)
}

// judgeVault looks at kind, state and space, in this order. A vault that grows
// by itself is never full.
func judgeVault(v ims.Vault) error {
	switch {
	case v.ObjectType != vaultServers:
		return refusal("IMG.0193", "vault %s is for %s, not for servers", v.ID, v.ObjectType)
	case v.Status != "available":
		return refusal("IMG.0188", "vault %s is %s", v.ID, v.Status)
	case !v.Grows && v.SizeGB > 0 && v.UsedMB >= v.SizeGB<<10:
		return refusal("IMG.0182", "vault %s is full: %d MB of %d GB are used", v.ID, v.UsedMB, v.SizeGB)
	}
	return nil
}
