package fakecloud

import (
	"slices"
	"time"
)

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
	Native            bool      `json:"native,omitempty"` // made without data by POST /v2/images
	Protected         bool      `json:"protected,omitempty"`
	MinDisk           int       `json:"min_disk"`
	MinRAM            int       `json:"min_ram"`
	MaxRAM            int       `json:"max_ram"`
	Size              int64     `json:"size"`
	DataSize          int64     `json:"data_size"`
	EnterpriseProject string    `json:"enterprise_project_id"`
	Tags              []Tag     `json:"tags,omitempty"`
	JobID             string    `json:"job_id,omitempty"`
	Created           time.Time `json:"created"` // as shown
	Appears           time.Time `json:"appears"` // first moment in which it can be seen
	Saving            time.Time `json:"saving"`
	Active            time.Time `json:"active"`
	Killed            time.Time `json:"killed,omitzero"`  // zero: not killed
	Gone              time.Time `json:"gone,omitzero"`    // zero: stays
	Changed           time.Time `json:"changed,omitzero"` // last change of a tag

	Members    []Member `json:"members,omitempty"`     // of a shared one: who sees it alone
	KeyGranted bool     `json:"key_granted,omitempty"` // encrypted with an own key that recipients may use

	FileOnly     bool      `json:"file_only,omitempty"`     // made from a file that may not be given away again
	OneZoneUntil time.Time `json:"one_zone_until,omitzero"` // a whole one, tied to one availability zone until then

	// What only updates set.

	MaxRAMSet bool              `json:"max_ram_set,omitempty"` // it is shown also if it is 0
	Firmware  string            `json:"firmware,omitempty"`    // "" is bios
	Support   map[string]string `json:"support,omitempty"`     // flags such as __support_xen
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
