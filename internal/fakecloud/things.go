package fakecloud

import (
	"slices"
	"time"
)

// Services that a backup can come from.
const (
	serviceCBR  = "CBR"
	serviceCSBS = "CSBS"
)

const resourceServer = "OS::Nova::Server"

// Tag is one tag of an image.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Image is one image with the moments of its life. What is zero when it is
// seeded becomes an active, private image of the account.
type Image struct {
	ID                string    `json:"id"`
	Name              string    `json:"name"`
	Description       string    `json:"description,omitempty"`
	Type              string    `json:"imagetype"` // gold, private, shared
	Owner             string    `json:"owner"`
	MemberStatus      string    `json:"member_status,omitempty"` // of a shared one: pending, accepted, rejected
	Env               string    `json:"virtual_env_type"`
	DiskFormat        string    `json:"disk_format"`
	OSType            string    `json:"os_type"`
	OSVersion         string    `json:"os_version"`
	Platform          string    `json:"platform"`
	Whole             bool      `json:"whole,omitempty"`
	BackupID          string    `json:"backup_id,omitempty"`
	DataOrigin        string    `json:"data_origin,omitempty"`
	OriginalID        string    `json:"original_id,omitempty"`
	CMK               string    `json:"cmk,omitempty"`
	Protected         bool      `json:"protected,omitempty"`
	MinDisk           int       `json:"min_disk"`
	MinRAM            int       `json:"min_ram"`
	MaxRAM            int       `json:"max_ram"`
	Size              int64     `json:"size"`
	DataSize          int64     `json:"data_size"`
	EnterpriseProject string    `json:"enterprise_project_id"`
	Tags              []Tag     `json:"tags,omitempty"`
	JobID             string    `json:"job_id,omitempty"`
	Created           time.Time `json:"created"`          // as shown
	Appears           time.Time `json:"appears"`          // first moment in which it can be seen
	Saving            time.Time `json:"saving"`           //
	Active            time.Time `json:"active"`           //
	Killed            time.Time `json:"killed,omitzero"`  // zero: not killed
	Gone              time.Time `json:"gone,omitzero"`    // zero: stays
	Changed           time.Time `json:"changed,omitzero"` // last change of a tag
}

// visible tells whether any query may show the image.
func (i *Image) visible(now time.Time) bool {
	return !now.Before(i.Appears) && !i.gone(now)
}

func (i *Image) gone(now time.Time) bool {
	return !i.Gone.IsZero() && !now.Before(i.Gone)
}

func (i *Image) killed(now time.Time) bool {
	return !i.Killed.IsZero() && !now.Before(i.Killed)
}

// status is the word for the image's state at the given time.
func (i *Image) status(now time.Time) string {
	switch {
	case i.gone(now):
		return "deleted"
	case i.killed(now):
		return "killed"
	case !now.Before(i.Active):
		return "active"
	case !now.Before(i.Saving):
		return "saving"
	default:
		return "queued"
	}
}

// updated is the latest change up to the given time.
func (i *Image) updated(now time.Time) time.Time {
	last := i.Created
	for _, at := range []time.Time{i.Saving, i.Active, i.Killed, i.Changed} {
		if at.After(last) && !at.After(now) {
			last = at
		}
	}
	return last
}

// holds tells whether the image takes up its backup.
func (i *Image) holds(now time.Time) bool {
	return !i.gone(now) && !i.killed(now)
}

// filled gives a seeded image what was left out.
func (i Image) filled(c *cloud, now time.Time) Image {
	i.ID, i.Type = orElse(i.ID, c.uuid()), orElse(i.Type, "private")
	i.Owner, i.Env = orElse(i.Owner, c.ProjectID), orElse(i.Env, "FusionCompute")
	i.DiskFormat, i.OSType = orElse(i.DiskFormat, "zvhd2"), orElse(i.OSType, "Linux")
	i.OSVersion = orElse(i.OSVersion, "Ubuntu 22.04 server 64bit")
	i.Platform = orElse(i.Platform, "Ubuntu")
	i.EnterpriseProject = orElse(i.EnterpriseProject, "0")
	i.MinDisk = max(i.MinDisk, 1)
	i.Tags = slices.Clone(i.Tags)
	for _, at := range []*time.Time{&i.Created, &i.Appears, &i.Saving, &i.Active} {
		if at.IsZero() {
			*at = now
		}
	}
	i.Created = i.Created.UTC().Truncate(time.Second)
	return i
}

// Job is one asynchronous task. Its state follows from the clock.
type Job struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Call    string    `json:"call"`
	Name    string    `json:"name"`
	ImageID string    `json:"image_id"`
	Begin   time.Time `json:"begin"`
	Running time.Time `json:"running"` // end of INIT
	End     time.Time `json:"end"`
	Code    string    `json:"code,omitempty"` // not empty: it fails with this
	Reason  string    `json:"reason,omitempty"`
}

func (j *Job) status(now time.Time) string {
	switch {
	case now.Before(j.Running):
		return "INIT"
	case now.Before(j.End):
		return "RUNNING"
	case j.Code != "":
		return "FAIL"
	default:
		return "SUCCESS"
	}
}

// percent is the share of the running time that is over, 0 to 1.
func (j *Job) percent(now time.Time) float64 {
	whole := j.End.Sub(j.Running)
	if whole <= 0 || !now.Before(j.End) {
		return 1
	}
	share := float64(now.Sub(j.Running)) / float64(whole)
	return float64(int(max(share, 0)*100)) / 100
}

// Server is one ECS.
type Server struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Status       string    `json:"status"` // ACTIVE, SHUTOFF or anything that forbids imaging
	SizeGB       int       `json:"size_gb"`
	VaultID      string    `json:"vault_id,omitempty"`       // the vault that protects it
	CSBS         bool      `json:"csbs,omitempty"`           // bound to CSBS
	DESS         bool      `json:"dess,omitempty"`           // has dedicated-storage disks
	DiskBusy     bool      `json:"disk_busy,omitempty"`      //
	NoSystemDisk bool      `json:"no_system_disk,omitempty"` //
	BackupUntil  time.Time `json:"backup_until,omitzero"`    // it is being backed up until then
}

// Vault is one CBR vault.
type Vault struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	ObjectType string `json:"object_type"` // server, disk, turbo
	Status     string `json:"status"`      // available, lock, frozen, deleting, error
	SizeGB     int    `json:"size_gb"`
	UsedGB     int    `json:"used_gb"`
	MaxServers int    `json:"max_servers"`
}

// Backup is one CBR or CSBS backup.
type Backup struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Service      string    `json:"service"`          // CBR (default) or CSBS
	Status       string    `json:"status,omitempty"` // "" follows the clock
	ResourceType string    `json:"resource_type"`
	ResourceID   string    `json:"resource_id"`
	ResourceName string    `json:"resource_name"`
	SizeGB       int       `json:"size_gb"`
	VaultID      string    `json:"vault_id,omitempty"`
	NoSystemDisk bool      `json:"no_system_disk,omitempty"`
	ImageID      string    `json:"image_id,omitempty"` // the image that was last made from it
	Created      time.Time `json:"created"`
	Available    time.Time `json:"available"`
}

func (b *Backup) status(now time.Time) string {
	switch {
	case b.Status != "":
		return b.Status
	case now.Before(b.Available):
		return "protecting"
	default:
		return "available"
	}
}

// filled gives a seeded backup what was left out.
func (b Backup) filled(c *cloud, now time.Time) Backup {
	b.ID, b.Service = orElse(b.ID, c.uuid()), orElse(b.Service, serviceCBR)
	b.ResourceType = orElse(b.ResourceType, resourceServer)
	b.ResourceID, b.ResourceName = orElse(b.ResourceID, c.uuid()), orElse(b.ResourceName, "server")
	b.Name = orElse(b.Name, "backup_"+b.ResourceName)
	b.SizeGB = max(b.SizeGB, 1)
	if b.Created.IsZero() {
		b.Created = now
	}
	if b.Available.IsZero() {
		b.Available = b.Created
	}
	return b
}
