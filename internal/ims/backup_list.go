package ims

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// BackupFilter chooses backups; empty fields choose nothing away.
type BackupFilter struct {
	VaultID, ResourceID, CheckpointID string
}

// maxBackups is the page of the lists of CBR, the largest that is documented.
const maxBackups = 1000

// Backups returns the backups that f chooses, at most one page of 1,000 (API
// reference, section 5).
func (c *Client) Backups(ctx context.Context, f BackupFilter) ([]Backup, error) {
	q := url.Values{"limit": {strconv.Itoa(maxBackups)}, "offset": {"0"}}
	choose(q, "vault_id", f.VaultID)
	choose(q, "resource_id", f.ResourceID)
	choose(q, "checkpoint_id", f.CheckpointID)
	var wire struct {
		Backups []wireBackup `json:"backups"`
	}
	k := call{name: "Backups", method: http.MethodGet, service: cbrService, path: "/v3/{project_id}/backups", query: q, limit: maxList}
	if err := c.get(ctx, k, &wire); err != nil {
		return nil, err
	}
	backups := make([]Backup, 0, len(wire.Backups))
	for _, b := range wire.Backups {
		backups = append(backups, b.backup())
	}
	return backups, nil
}

func choose(q url.Values, key, value string) {
	if value != "" {
		q.Set(key, value)
	}
}

// BackupTask is a finished task of CBR that has made a backup.
type BackupTask struct {
	ID           string
	BackupID     string // empty where the task does not name it
	CheckpointID string
	ResourceID   string
	ResourceType string
	Ended        time.Time // by the cloud's clock
}

// BackupTaskFilter chooses tasks.
type BackupTaskFilter struct {
	VaultID string // empty: of all vaults
	// Since is the earliest beginning, not the earliest end, by the cloud's clock.
	Since  time.Time
	Offset int // how many tasks were read before
}

// BackupTasks returns one page of the backup tasks that succeeded, and true
// where more follow (CBR, GET /v3/{project_id}/operation-logs).
func (c *Client) BackupTasks(ctx context.Context, f BackupTaskFilter) ([]BackupTask, bool, error) {
	q := url.Values{
		"operation_type": {"backup"}, "status": {"success"}, "start_time": {f.Since.UTC().Format("2006-01-02T15:04:05Z")},
		"limit": {strconv.Itoa(maxBackups)}, "offset": {strconv.Itoa(f.Offset)},
	}
	choose(q, "vault_id", f.VaultID)
	var wire struct {
		Tasks []wireTask `json:"operation_logs"`
	}
	k := call{name: "BackupTasks", method: http.MethodGet, service: cbrService, path: "/v3/{project_id}/operation-logs", query: q, limit: maxList}
	if err := c.get(ctx, k, &wire); err != nil {
		return nil, false, err
	}
	tasks := make([]BackupTask, 0, len(wire.Tasks))
	for _, w := range wire.Tasks {
		if w.Type.trim() == "backup" && w.Status.trim() == "success" {
			tasks = append(tasks, w.task())
		}
	}
	return tasks, len(wire.Tasks) >= maxBackups, nil
}

// wireTask is a task as CBR writes it.
type wireTask struct {
	ID           text    `json:"id"`
	Type         text    `json:"operation_type"`
	Status       text    `json:"status"`
	CheckpointID text    `json:"checkpoint_id"`
	Ended        instant `json:"ended_at"`
	Updated      instant `json:"updated_at"`
	Extra        struct {
		Resource struct {
			ID   text `json:"id"`
			Type text `json:"type"`
		} `json:"resource"`
		Backup struct {
			ID text `json:"backup_id"`
		} `json:"backup"`
	} `json:"extra_info"`
}

func (w wireTask) task() BackupTask {
	t := BackupTask{
		ID: w.ID.id(), BackupID: w.Extra.Backup.ID.id(), CheckpointID: w.CheckpointID.id(),
		ResourceID: w.Extra.Resource.ID.id(), ResourceType: w.Extra.Resource.Type.word(), Ended: w.Ended.Time,
	}
	if t.Ended.IsZero() {
		t.Ended = w.Updated.Time
	}
	return t
}
