package fakecloud

import "time"

// wholeRequest is the body of POST /v1/cloudimages/wholeimages/action (API
// reference 2.2).
type wholeRequest struct {
	Name              string `json:"name"`
	InstanceID        string `json:"instance_id"` // the vendor's SDK sends it empty beside backup_id
	BackupID          string `json:"backup_id"`
	WholeImageType    string `json:"whole_image_type"`
	VaultID           string `json:"vault_id"`
	Description       string `json:"description"`
	EnterpriseProject string `json:"enterprise_project_id"`
	MaxRAM            int    `json:"max_ram"`
	MinRAM            int    `json:"min_ram"`
	tagFields
}

// createWholeImage makes a full-ECS image from a server or from a backup;
// which of them follows from the fields.
func (c *cloud) createWholeImage(q *request) *answer {
	var body wholeRequest
	if a := decodeBody(q.body, &body); a != nil {
		return a
	}
	tags, a := c.checkWhole(body)
	if a != nil {
		return a
	}
	switch {
	case body.InstanceID != "" && body.BackupID != "":
		return refuse("IMG.0001", "instance_id and backup_id cannot be used together.")
	case body.InstanceID != "":
		return c.wholeFromServer(q, body, tags)
	case body.BackupID != "":
		return c.wholeFromBackup(q, body, tags)
	default:
		return refuse("IMG.0012", "The ECS ID cannot be left blank.")
	}
}

// checkWhole holds the body against the rules that need no state.
func (c *cloud) checkWhole(body wholeRequest) ([]Tag, *answer) {
	if a := c.checkNew(body.Name, body.Description, body.MinRAM, body.MaxRAM); a != nil {
		return nil, a
	}
	return body.tags()
}

// checkNew holds what the images of servers, disks and files have in common.
func (c *cloud) checkNew(name, description string, minRAM, maxRAM int) *answer {
	return firstRefusal(
		func() *answer { return c.checkName(name) },
		func() *answer { return checkDescription(description) },
		func() *answer { return checkRAM(minRAM, maxRAM) },
	)
}

func checkRAM(least, most int) *answer {
	if least < 0 || most < 0 {
		return refuse("IMG.0055", "Invalid memory or disk size.")
	}
	return nil
}

// wholeImage is what images from servers and from backups have in common.
func wholeImage(body wholeRequest, tags []Tag, backup *Backup) *Image {
	return &Image{
		Name: body.Name, Description: body.Description, Tags: tags, Whole: true,
		BackupID: backup.ID, DataOrigin: "server_backup," + backup.ID,
		Env: "FusionCompute", DiskFormat: "zvhd2", OSType: "Linux", OSVersion: "Ubuntu 22.04 server 64bit", Platform: "Ubuntu",
		MinDisk: backup.SizeGB, MinRAM: body.MinRAM, MaxRAM: body.MaxRAM, DataSize: int64(backup.SizeGB) << 30,
		EnterpriseProject: orElse(body.EnterpriseProject, "0"),
	}
}

// wholeFromBackup makes the only image that a backup can have.
func (c *cloud) wholeFromBackup(q *request, body wholeRequest, tags []Tag) *answer {
	backup, a := c.findSource(body)
	if a == nil {
		a = firstRefusal(
			func() *answer { return checkBackup(backup, q.now) },
			func() *answer { return c.checkUnused(backup, q.now) },
			func() *answer { return c.checkRoom(q, body.Name) },
		)
	}
	if a != nil {
		return a
	}
	image := wholeImage(body, tags, backup)
	job := c.start(q, jobWholeByBackup, image)
	backup.ImageID = image.ID
	c.saveBackup(backup)
	c.accept(q, Mutation{JobID: job.ID, ImageID: image.ID, BackupID: backup.ID})
	return c.jobStarted(job)
}

// findSource finds the backup in the service that whole_image_type names.
func (c *cloud) findSource(body wholeRequest) (*Backup, *answer) {
	service := orElse(body.WholeImageType, serviceCSBS)
	backup := c.backups[body.BackupID]
	switch {
	case service != serviceCBR && service != serviceCSBS:
		return nil, refuse("IMG.0198", "The backup ID does not fit the backup type or does not exist.")
	case service == serviceCSBS && c.switches.CSBSGone:
		return nil, refuse("IMG.0190", "Whole images can only be created from CBR backups.")
	case backup == nil && service == serviceCBR:
		return nil, refuse("IMG.0020", "The backup does not exist.")
	case backup == nil:
		return nil, refuse("IMG.0127", "The CSBS backup does not exist.")
	case backup.Service != service:
		return nil, refuse("IMG.0198", "The backup ID does not fit the backup type or does not exist.")
	}
	return backup, nil
}

// checkBackup refuses backups that no whole image can be made from.
func checkBackup(b *Backup, now time.Time) *answer {
	status := b.status(now)
	switch {
	case b.ResourceType != resourceServer:
		return refuse("IMG.0033", "The backup is not a server backup.")
	case status == "protecting" || status == "waiting_protect":
		return refuse("IMG.0032", "The backup is unavailable.")
	case status != "available":
		return refuse("IMG.0132", "The backup status does not allow creating a whole image.")
	case b.NoSystemDisk:
		return refuse("IMG.0195", "The backup does not contain a system disk.")
	}
	return nil
}

// checkUnused is the rule of one image a backup, also while the first job runs.
func (c *cloud) checkUnused(b *Backup, now time.Time) *answer {
	image := c.images[b.ImageID]
	switch {
	case !b.Spent && (image == nil || !image.holds(now)):
		return nil
	case b.Service == serviceCBR:
		return refuse("IMG.0134", "The backup has been registered as an image.")
	default:
		return refuse("IMG.0029", "An image has been created from the backup.")
	}
}
