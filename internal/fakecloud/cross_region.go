package fakecloud

import (
	"slices"
	"time"
)

const (
	jobCrossRegion = "imsCrossRegionCopyImageJob"
	// mostCrossGB and mostCrossCopies are limits of copies to other regions
	// (API reference 2.8).
	mostCrossGB     = 128
	mostCrossCopies = 5
)

// crossRequest is the body of POST /v1/cloudimages/{image_id}/cross_region_copy
// (API reference 2.8).
type crossRequest struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Region      string `json:"region"`
	ProjectName string `json:"project_name"`
	AgencyName  string `json:"agency_name"`
	VaultID     string `json:"vault_id"`
}

// copyAcross copies an image into another region's account of this fake. The
// job lives here, the image there.
func (c *cloud) copyAcross(q *request) *answer {
	var body crossRequest
	if a := decodeBody(q.body, &body); a != nil {
		return a
	}
	source := c.images[q.vars["image"]]
	to, a := c.destination(body)
	if a == nil {
		a = firstRefusal(
			func() *answer { return c.checkName(body.Name) },
			func() *answer { return checkDescription(body.Description) },
			func() *answer { return c.checkCrossSource(source, q.now) },
			func() *answer { return c.checkAgency(body.AgencyName) },
			func() *answer { return to.checkReplica(source, body.VaultID, q.now) },
			func() *answer { return c.checkCrossRoom(q.now) },
			func() *answer { return to.checkRoom(q, body.Name) },
		)
	}
	if a != nil {
		return a
	}
	outcome := c.nextOutcome(q.route.call)
	job := &Job{ID: c.newJobID(), Type: jobCrossRegion, Call: q.route.call, Name: body.Name, Begin: q.now}
	c.plan(job, outcome)
	job.ImageID = to.bear(job, c.replica(source, body, to, q.now), outcome)
	c.saveJob(job)
	c.accept(q, Mutation{JobID: job.ID, ImageID: job.ImageID})
	return c.jobStarted(job)
}

// destination is the account that the body names.
func (c *cloud) destination(body crossRequest) (*cloud, *answer) {
	if body.Region == c.Region {
		return nil, refuse("IMG.0142", "The source and destination regions must be different.")
	}
	var there []*cloud
	for _, name := range c.fake.names {
		if other := c.fake.clouds[name]; other.Region == body.Region {
			there = append(there, other)
		}
	}
	switch n := slices.IndexFunc(there, func(o *cloud) bool { return o.ProjectName == body.ProjectName }); {
	case len(there) == 0:
		return nil, refuse("IMG.0147", "The region name is incorrect.")
	case n >= 0:
		return there[n], nil
	case body.ProjectName == "":
		return nil, refuse("IMG.0104", "Specify a project of the region.")
	default:
		return nil, refuse("IMG.0145", "The project name is incorrect.")
	}
}

// checkCrossSource refuses the kinds of the API reference's sections 2.8 and
// 2.13.
func (c *cloud) checkCrossSource(i *Image, now time.Time) *answer {
	switch {
	case i == nil || !i.visible(now):
		return refuse("IMG.0027", "The image does not exist.")
	case i.Type == "gold":
		return refuse("IMG.0083", "The image is a public image.")
	case i.Owner != c.ProjectID:
		return refuse("IMG.0106", "The image belongs to another tenant.")
	case i.Env == "IsoImage":
		return refuse("IMG.0167", "The operation is not supported for ISO images.")
	case i.CMK != "":
		return refuse("IMG.0143", "Encrypted images cannot be copied across regions.")
	case i.Whole && !c.shareableBackup(i):
		return refuse("IMG.0105", "Only whole images created from CBR backups can be copied across regions.")
	case i.DataSize > mostCrossGB<<30:
		return refuse("IMG.0146", "The image is too large to be copied across regions.")
	case i.status(now) != "active":
		return refuse("IMG.0046", "The image is unavailable.")
	case now.Before(i.OneZoneUntil):
		return refuse("IMG.0152", "The whole image is still available in one AZ only.")
	}
	return nil
}

func (c *cloud) checkAgency(name string) *answer {
	switch {
	case name == "":
		return refuse("IMG.0179", "The agency token is invalid.")
	case c.switches.Agencies != nil && !slices.Contains(c.switches.Agencies, name):
		return refuse("IMG.0151", "The agency has no permissions in the destination project.")
	}
	return nil
}

// checkReplica: whole images need a vault in the destination, and go there
// once.
func (c *cloud) checkReplica(source *Image, vaultID string, now time.Time) *answer {
	if !source.Whole {
		return nil
	}
	vault := c.vaults[vaultID]
	if vault != nil && vault.NoReplicas {
		return refuse("IMG.0189", "The destination vault does not support replication.")
	}
	if a := c.checkVaultRoom(vault, source.MinDisk); a != nil {
		return a
	}
	for _, i := range c.images {
		if i.Whole && i.OriginalID == source.ID && i.holds(now) {
			return refuse("IMG.0150", "The backup already exists in the destination region.")
		}
	}
	return nil
}

// checkCrossRoom counts the copies to other regions that are under way.
func (c *cloud) checkCrossRoom(now time.Time) *answer {
	running := 0
	for _, job := range c.jobs {
		if job.Type == jobCrossRegion && now.Before(job.End) {
			running++
		}
	}
	if running >= mostCrossCopies {
		return refuse("IMG.0149", "Too many images are being copied across regions.")
	}
	return nil
}

// replica is the new image, with a backup of its own in the destination if it
// is a whole one.
func (c *cloud) replica(source *Image, body crossRequest, to *cloud, now time.Time) *Image {
	image := c.copyOf(source, copyRequest{Name: body.Name, Description: body.Description})
	if source.Whole {
		backup := Backup{ID: to.uuid(), Name: "replica_" + body.Name, VaultID: body.VaultID, SizeGB: source.MinDisk}.filled(to, now)
		image.Whole, image.BackupID = true, to.saveBackup(&backup)
	}
	return image
}
