package fakecloud

import (
	"net/http"
	"strconv"
	"time"
)

const (
	cbrTime        = "2006-01-02T15:04:05.000+00:00"
	serverProvider = "0daac4c5-6707-4851-97ba-169e36266b66"
	maxBackupPage  = 1000
)

// backupView is a CBR backup (API reference 5).
type backupView struct {
	ID                string      `json:"id"`
	Name              string      `json:"name"`
	Description       string      `json:"description"`
	Status            string      `json:"status"`
	ImageType         string      `json:"image_type"`
	ResourceType      string      `json:"resource_type"`
	ResourceID        string      `json:"resource_id"`
	ResourceName      string      `json:"resource_name"`
	ResourceSize      int         `json:"resource_size"`
	ResourceAZ        string      `json:"resource_az"`
	VaultID           string      `json:"vault_id"`
	CheckpointID      string      `json:"checkpoint_id"`
	ProviderID        string      `json:"provider_id"`
	ProjectID         string      `json:"project_id"`
	EnterpriseProject any         `json:"enterprise_project_id"`
	ParentID          *string     `json:"parent_id"`
	CreatedAt         string      `json:"created_at"`
	UpdatedAt         string      `json:"updated_at"`
	ProtectedAt       string      `json:"protected_at"`
	ExpiredAt         *string     `json:"expired_at"`
	Children          []childView `json:"children"`
	ExtendInfo        extendInfo  `json:"extend_info"`
}

type childView struct {
	ID           string         `json:"id"`
	ResourceType string         `json:"resource_type"`
	ResourceID   string         `json:"resource_id"`
	ResourceSize int            `json:"resource_size"`
	Status       string         `json:"status"`
	ParentID     string         `json:"parent_id"`
	ExtendInfo   map[string]any `json:"extend_info"`
}

type extendInfo struct {
	AutoTrigger          bool        `json:"auto_trigger"`
	ContainSystemDisk    bool        `json:"contain_system_disk"`
	SupportLLD           bool        `json:"support_lld"`
	SupportedRestoreMode string      `json:"supported_restore_mode"`
	OSImagesData         []usedImage `json:"os_images_data"`
}

type usedImage struct {
	ImageID string `json:"image_id"`
}

// viewBackup shows a backup. The enterprise project is a number or a text,
// as the two clouds' documents have it.
func (c *cloud) viewBackup(b *Backup, now time.Time) backupView {
	v := backupView{
		ID: b.ID, Name: b.Name, Status: b.status(now), ImageType: "backup", ResourceType: b.ResourceType,
		ResourceID: b.ResourceID, ResourceName: b.ResourceName, ResourceSize: b.SizeGB, ResourceAZ: c.Region + "-01",
		VaultID: b.VaultID, CheckpointID: relatedID(b.ID, "checkpoint"), ProviderID: serverProvider, ProjectID: c.ownerOf(b), EnterpriseProject: 0,
		CreatedAt: b.Created.Format(cbrTime), UpdatedAt: b.Created.Format(cbrTime), ProtectedAt: b.Created.Format(cbrTime),
		Children: children(b, now),
		ExtendInfo: extendInfo{AutoTrigger: true, ContainSystemDisk: !b.NoSystemDisk, SupportLLD: true,
			SupportedRestoreMode: "backup", OSImagesData: c.imagesOf(b, now)},
	}
	if c.Profile == ProfileHuawei {
		v.EnterpriseProject = "0"
	}
	return v
}

// backupSharer is the project whose backups are shared with others.
const backupSharer = "00000000000000000000000000000002"

func (c *cloud) ownerOf(b *Backup) string {
	if b.Shared {
		return backupSharer
	}
	return c.ProjectID
}

// imagesOf names the image that was made from the backup, once it is there.
func (c *cloud) imagesOf(b *Backup, now time.Time) []usedImage {
	image := c.images[b.ImageID]
	if image == nil || image.status(now) != "active" {
		return []usedImage{}
	}
	return []usedImage{{ImageID: image.ID}}
}

func children(b *Backup, now time.Time) []childView {
	if b.ResourceType != resourceServer {
		return []childView{}
	}
	return []childView{{ID: relatedID(b.ID, "child"), ResourceType: "OS::Cinder::Volume", ResourceID: relatedID(b.ID, "volume"),
		ResourceSize: b.SizeGB, Status: b.status(now), ParentID: b.ID,
		ExtendInfo: map[string]any{"bootable": !b.NoSystemDisk, "encrypted": false}}}
}

// relatedID makes a stable id of something that belongs to another thing.
func relatedID(id, what string) string {
	h := hexHash([]byte(what + id))
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}

// showBackup is GET /v3/{project_id}/backups/{backup_id}; CSBS backups are of
// another service.
func (c *cloud) showBackup(q *request) *answer {
	b := c.backups[q.vars["backup"]]
	if b == nil || !b.visible(q.now) {
		return backupError(http.StatusNotFound, "BackupService.6217", "The backup does not exist.")
	}
	return ok(map[string]backupView{"backup": c.viewBackup(b, q.now)})
}

func (b *Backup) visible(now time.Time) bool {
	return b.Service == serviceCBR && !now.Before(b.Created)
}

func backupError(status int, code, message string) *answer {
	return &answer{status: status, body: flatError{Code: code, Message: message}}
}

// listBackups is GET /v3/{project_id}/backups, newest first.
func (c *cloud) listBackups(q *request) *answer {
	limit, offset, a := backupPage(q)
	if a != nil {
		return a
	}
	page, count := []backupView{}, 0
	for n := range c.history {
		b := c.history[len(c.history)-1-n]
		if !b.visible(q.now) || !c.backupMatches(b, q) {
			continue
		}
		if count >= offset && len(page) < limit {
			page = append(page, c.viewBackup(b, q.now))
		}
		count++
	}
	return ok(map[string]any{"backups": page, "count": count, "limit": limit, "offset": offset})
}

func backupPage(q *request) (limit, offset int, a *answer) {
	limit, errLimit := strconv.Atoi(orElse(q.query.Get("limit"), strconv.Itoa(maxBackupPage)))
	offset, errOffset := strconv.Atoi(orElse(q.query.Get("offset"), "0"))
	if errLimit != nil || errOffset != nil || limit < 1 || limit > maxBackupPage || offset < 0 {
		return 0, 0, backupError(http.StatusBadRequest, "BackupService.9900", "Invalid limit or offset.")
	}
	return limit, offset, nil
}

func (c *cloud) backupMatches(b *Backup, q *request) bool {
	for key, have := range map[string]string{
		"id": b.ID, "status": b.status(q.now), "resource_id": b.ResourceID, "resource_name": b.ResourceName,
		"resource_type": b.ResourceType, "vault_id": b.VaultID, "name": b.Name, "image_type": "backup",
		"checkpoint_id": relatedID(b.ID, "checkpoint"),
	} {
		if want := q.query.Get(key); want != "" && want != have {
			return false
		}
	}
	return true
}
