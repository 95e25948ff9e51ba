package ims

import (
	"context"
	"errors"
	"net/http"
)

// Vault is a CBR vault (API reference, section 5).
type Vault struct {
	ID, Name    string
	Status      string // of its billing: available, lock, frozen, …
	ObjectType  string // server, disk, …
	ProtectType string // backup or replication
	SizeGB      int64
	UsedMB      int64
	Grows       bool     // it is enlarged by itself
	Resources   []string // ids of the servers or disks in it
}

// Vault returns one vault. One that does not exist is an error for which
// errors.Is(err, ErrNotFound) holds.
func (c *Client) Vault(ctx context.Context, id string) (Vault, error) {
	k := call{name: "Vault", method: http.MethodGet, service: cbrService, path: "/v3/{project_id}/vaults/", id: id}
	var wire struct {
		Vault wireVault `json:"vault"`
	}
	if err := c.get(ctx, k, &wire); err != nil {
		return Vault{}, err
	}
	if wire.Vault.ID.trim() != id {
		return Vault{}, c.unreadable(k, errors.New("the answer is about another vault"))
	}
	return wire.Vault.vault(), nil
}

// wireVault is a vault as CBR writes it.
type wireVault struct {
	ID      text `json:"id"`
	Name    text `json:"name"`
	Grows   text `json:"auto_expand"`
	Billing struct {
		Status      text `json:"status"`
		ObjectType  text `json:"object_type"`
		ProtectType text `json:"protect_type"`
		Size        text `json:"size"`
		Used        text `json:"used"`
	} `json:"billing"`
	Resources []struct {
		ID text `json:"id"`
	} `json:"resources"`
}

func (w wireVault) vault() Vault {
	v := Vault{
		ID: w.ID.trim(), Name: string(w.Name), Status: w.Billing.Status.trim(),
		ObjectType: w.Billing.ObjectType.trim(), ProtectType: w.Billing.ProtectType.trim(),
		SizeGB: w.Billing.Size.int64(), UsedMB: w.Billing.Used.int64(), Grows: w.Grows.bool(),
	}
	for _, r := range w.Resources {
		v.Resources = append(v.Resources, r.ID.trim())
	}
	return v
}
