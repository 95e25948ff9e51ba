package fakecloud

import "time"

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

	Forgotten time.Time `json:"forgotten,omitzero"` // no query knows it from then on

	Parts []Part `json:"parts,omitempty"` // its sub jobs; they begin and end with it

	Members bool           `json:"members,omitempty"` // it shares, or takes away
	Results []MemberResult `json:"results,omitempty"`
}

// Part is one sub job: it makes one image.
type Part struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	ImageID string `json:"image_id"`
}

func (j *Job) forgotten(now time.Time) bool {
	return !j.Forgotten.IsZero() && !now.Before(j.Forgotten)
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
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Status        string    `json:"status"` // ACTIVE, SHUTOFF or anything that forbids imaging
	SizeGB        int       `json:"size_gb"`
	VaultID       string    `json:"vault_id,omitempty"` // the vault that protects it
	CSBS          bool      `json:"csbs,omitempty"`     // bound to CSBS
	DESS          bool      `json:"dess,omitempty"`     // has dedicated-storage disks
	DiskBusy      bool      `json:"disk_busy,omitempty"`
	DiskForbidden bool      `json:"disk_forbidden,omitempty"` // its system disk may not become an image
	BMS           bool      `json:"bms,omitempty"`            // a bare-metal server
	NoSystemDisk  bool      `json:"no_system_disk,omitempty"`
	BackupUntil   time.Time `json:"backup_until,omitzero"`  // it is being backed up until then
	ImagingUntil  time.Time `json:"imaging_until,omitzero"` // a system image is being made of it until then
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
	NoReplicas bool   `json:"no_replicas,omitempty"` // it takes no backups of other regions
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
	Spent        bool      `json:"spent,omitempty"`    // used up for ever
	Shared       bool      `json:"shared,omitempty"`   // another account has shared it
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
