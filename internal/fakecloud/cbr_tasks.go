package fakecloud

import (
	"net/http"
	"strconv"
	"time"
)

// taskView is one task of CBR, as its task list shows it.
type taskView struct {
	ID            string    `json:"id"`
	OperationType string    `json:"operation_type"`
	Status        string    `json:"status"`
	ProviderID    string    `json:"provider_id"`
	CheckpointID  string    `json:"checkpoint_id"`
	ProjectID     string    `json:"project_id"`
	VaultID       string    `json:"vault_id"`
	StartedAt     string    `json:"started_at"`
	EndedAt       *string   `json:"ended_at"`
	CreatedAt     string    `json:"created_at"`
	UpdatedAt     string    `json:"updated_at"`
	ErrorInfo     taskError `json:"error_info"`
	ExtraInfo     taskExtra `json:"extra_info"`
}

type taskError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type taskExtra struct {
	Resource taskResource `json:"resource"`
	Backup   taskBackup   `json:"backup"`
	Common   taskCommon   `json:"common"`
}

type taskResource struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

type taskBackup struct {
	ID   string `json:"backup_id"`
	Name string `json:"backup_name"`
}

type taskCommon struct {
	Progress  int    `json:"progress"`
	RequestID string `json:"request_id"`
}

// viewTask is the task that has made a backup.
func (c *cloud) viewTask(b *Backup, now time.Time) taskView {
	v := taskView{
		ID: relatedID(b.ID, "task"), OperationType: "backup", Status: taskStatus(b, now), ProviderID: serverProvider,
		CheckpointID: relatedID(b.ID, "checkpoint"), ProjectID: c.ProjectID, VaultID: b.VaultID,
		StartedAt: b.Created.Format(cbrTime), CreatedAt: b.Created.Format(cbrTime), UpdatedAt: b.Created.Format(cbrTime),
		ExtraInfo: taskExtra{Resource: taskResource{b.ResourceID, b.ResourceName, b.ResourceType}, Backup: taskBackup{b.ID, b.Name},
			Common: taskCommon{Progress: 50, RequestID: "req-" + relatedID(b.ID, "request")}},
	}
	if v.Status != "running" {
		ended := b.Available.Format(cbrTime)
		v.EndedAt, v.UpdatedAt, v.ExtraInfo.Common.Progress = &ended, ended, 100
	}
	if v.Status == "failed" {
		v.ErrorInfo = taskError{Code: "BackupService.0003", Message: "The backup failed."}
	}
	return v
}

func taskStatus(b *Backup, now time.Time) string {
	switch b.status(now) {
	case "error":
		return "failed"
	case "protecting", "waiting_protect":
		return "running"
	default:
		return "success"
	}
}

// listTasks is GET /v3/{project_id}/operation-logs, newest first.
func (c *cloud) listTasks(q *request) *answer {
	limit, offset, a := backupPage(q)
	if a != nil {
		return a
	}
	since, err := time.Parse("2006-01-02T15:04:05Z", orElse(q.query.Get("start_time"), "0001-01-01T00:00:00Z"))
	if err != nil {
		return backupError(http.StatusBadRequest, "BackupService.9900", "Invalid start_time "+strconv.Quote(q.query.Get("start_time"))+".")
	}
	page, count := []taskView{}, 0
	for n := range c.history {
		b := c.history[len(c.history)-1-n]
		task := c.viewTask(b, q.now)
		if !b.visible(q.now) || b.Shared || b.Created.Before(since) || !taskMatches(task, q) {
			continue
		}
		if count >= offset && len(page) < limit {
			page = append(page, task)
		}
		count++
	}
	return ok(map[string]any{"operation_logs": page, "count": count})
}

func taskMatches(task taskView, q *request) bool {
	for key, have := range map[string]string{
		"operation_type": task.OperationType, "status": task.Status, "provider_id": task.ProviderID, "vault_id": task.VaultID,
		"resource_id": task.ExtraInfo.Resource.ID, "resource_name": task.ExtraInfo.Resource.Name,
	} {
		if want := q.query.Get(key); want != "" && want != have {
			return false
		}
	}
	return true
}
