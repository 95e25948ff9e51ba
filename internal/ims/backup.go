package ims

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ServerBackup is the resource type of a backup that a whole image can be made
// from.
const ServerBackup = "OS::Nova::Server"

// Backup is a CBR backup (API reference, section 5).
type Backup struct {
	ID, Name, Status         string
	ImageType                string // backup or replication
	ResourceType, ResourceID string
	ResourceName             string
	VaultID, ProjectID       string
	ParentID                 string
	CreatedAt, UpdatedAt     time.Time
	ProtectedAt, ExpiredAt   time.Time // zero where the cloud tells none
	ContainSystemDisk        *bool     // nil where the cloud tells nothing
	Automatic                *bool     // made by a policy; nil where the cloud tells nothing
	ImageIDs                 []string  // images made of it already: not empty means that it is used up
}

// Backup returns one backup. One that does not exist is an error for which
// errors.Is(err, ErrNotFound) holds.
func (c *Client) Backup(ctx context.Context, id string) (Backup, error) {
	k := call{name: "Backup", method: http.MethodGet, service: cbrService, path: "/v3/{project_id}/backups/", id: id}
	var wire struct {
		Backup wireBackup `json:"backup"`
	}
	if err := c.get(ctx, k, &wire); err != nil {
		return Backup{}, err
	}
	if wire.Backup.ID.trim() != id {
		return Backup{}, c.unreadable(k, errors.New("the answer is about another backup"))
	}
	return wire.Backup.backup(), nil
}

// wireBackup is a backup as CBR writes it.
type wireBackup struct {
	ID           text    `json:"id"`
	Name         text    `json:"name"`
	Status       text    `json:"status"`
	ImageType    text    `json:"image_type"`
	ResourceType text    `json:"resource_type"`
	ResourceID   text    `json:"resource_id"`
	ResourceName text    `json:"resource_name"`
	VaultID      text    `json:"vault_id"`
	ProjectID    text    `json:"project_id"`
	ParentID     text    `json:"parent_id"`
	CreatedAt    instant `json:"created_at"`
	UpdatedAt    instant `json:"updated_at"`
	ProtectedAt  instant `json:"protected_at"`
	ExpiredAt    instant `json:"expired_at"`
	Extend       struct {
		SystemDisk text `json:"contain_system_disk"`
		Automatic  text `json:"auto_trigger"`
		Images     []struct {
			ImageID text `json:"image_id"`
		} `json:"os_images_data"`
	} `json:"extend_info"`
}

func (w wireBackup) backup() Backup {
	b := Backup{
		ID: w.ID.trim(), Name: string(w.Name), Status: w.Status.word(), ImageType: w.ImageType.word(),
		ResourceType: w.ResourceType.word(), ResourceID: w.ResourceID.trim(), ResourceName: string(w.ResourceName),
		VaultID: w.VaultID.trim(), ProjectID: w.ProjectID.trim(), ParentID: w.ParentID.trim(),
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time,
		ProtectedAt: w.ProtectedAt.Time, ExpiredAt: w.ExpiredAt.Time,
		ContainSystemDisk: w.Extend.SystemDisk.optionalBool(), Automatic: w.Extend.Automatic.optionalBool(),
	}
	for _, i := range w.Extend.Images {
		if id := cut(i.ImageID.trim(), maxID); id != "" && len(b.ImageIDs) < maxImages {
			b.ImageIDs = append(b.ImageIDs, id)
		}
	}
	return b
}

// DecodeBackup reads a backup that was saved as CBR has answered, with or
// without the object around it.
func DecodeBackup(text []byte) (Backup, error) {
	var whole struct {
		Backup *wireBackup `json:"backup"`
	}
	if err := json.Unmarshal(text, &whole); err != nil {
		return Backup{}, fmt.Errorf("read backup: %w", err)
	}
	if whole.Backup == nil {
		whole.Backup = new(wireBackup)
		if err := json.Unmarshal(text, whole.Backup); err != nil {
			return Backup{}, fmt.Errorf("read backup: %w", err)
		}
	}
	return whole.Backup.backup(), nil
}
