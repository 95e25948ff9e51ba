package fakecloud

import "time"

// wholeFromServer makes a backup of the server first and the image from it;
// the server is busy until the job ends.
func (c *cloud) wholeFromServer(q *request, body wholeRequest, tags []Tag) *answer {
	server := c.servers[body.InstanceID]
	if a := firstRefusal(
		func() *answer { return checkServer(server, q.now) },
		func() *answer { return c.checkProtection(server, body.VaultID) },
		func() *answer { return c.checkRoom(q, body.Name) },
	); a != nil {
		return a
	}
	vault := c.vaults[body.VaultID]
	backup := c.backUp(server, vault, body.Name)
	image := wholeImage(body, tags, backup)
	job := c.start(q, jobWholeByInstance, image)
	c.finishBackup(backup, job, image)
	c.occupy(server, vault, job)
	c.accept(q, Mutation{JobID: job.ID, ImageID: image.ID, BackupID: backup.ID})
	return c.jobStarted(job)
}

func checkServer(s *Server, now time.Time) *answer {
	switch {
	case s == nil:
		return refuse("IMG.0005", "The ECS does not exist.")
	case now.Before(s.BackupUntil):
		return refuse("IMG.0136", "The server is being backed up.")
	case now.Before(s.ImagingUntil):
		return refuse("IMG.0010", "Another task is running on the server.")
	case s.Status != "ACTIVE" && s.Status != "SHUTOFF":
		return refuse("IMG.0126", "The server status does not allow creating a whole image.")
	case s.NoSystemDisk:
		return refuse("IMG.0119", "The server has no system disk.")
	case s.DESS:
		return refuse("IMG.0153", "The server has DESS or DSS disks.")
	case s.DiskBusy:
		return refuse("IMG.0139", "A disk of the server is being used by another task.")
	}
	return nil
}

// checkProtection holds server and vault together. Without a vault the server
// must be one that CSBS can take.
func (c *cloud) checkProtection(s *Server, vaultID string) *answer {
	if vaultID == "" && s.VaultID == "" && !c.switches.CSBSGone {
		return nil
	}
	vault := c.vaults[vaultID]
	switch {
	case vault == nil:
		return refuse("IMG.0184", "The vault does not exist or cannot be read.")
	case s.CSBS:
		return refuse("IMG.0186", "The server is bound to CSBS.")
	case s.VaultID != "" && s.VaultID != vault.ID:
		return refuse("IMG.0183", "The server is in another vault.")
	case vault.ObjectType != "server":
		return refuse("IMG.0193", "The vault is not a server backup vault.")
	case vault.Status != "available":
		return refuse("IMG.0188", "The vault is unavailable.")
	case vault.UsedGB+s.SizeGB > vault.SizeGB:
		return refuse("IMG.0182", "The vault capacity is insufficient.")
	case s.VaultID == "" && vault.MaxServers > 0 && c.serversIn(vault.ID) >= vault.MaxServers:
		return refuse("IMG.0185", "The vault has its maximum number of servers.")
	}
	return nil
}

func (c *cloud) serversIn(vaultID string) int {
	n := 0
	for _, s := range c.servers {
		if s.VaultID == vaultID {
			n++
		}
	}
	return n
}

// backUp makes the implicit backup.
func (c *cloud) backUp(s *Server, vault *Vault, name string) *Backup {
	b := &Backup{ID: c.uuid(), Name: "autobk_" + name, Service: serviceCSBS, ResourceType: resourceServer,
		ResourceID: s.ID, ResourceName: s.Name, SizeGB: s.SizeGB}
	if vault != nil {
		b.Service, b.VaultID = serviceCBR, vault.ID
	}
	return b
}

// finishBackup gives the backup its moments: it is available when the image
// begins to be saved.
func (c *cloud) finishBackup(b *Backup, job *Job, image *Image) {
	b.Created, b.Available, b.ImageID = job.Running, image.Saving, image.ID
	c.saveBackup(b)
}

// occupy binds server and vault and keeps others off the server meanwhile.
func (c *cloud) occupy(s *Server, vault *Vault, job *Job) {
	s.BackupUntil = job.End.Add(time.Nanosecond)
	if vault != nil {
		s.VaultID = vault.ID
		vault.UsedGB += s.SizeGB
		c.saveVault(vault)
	}
	c.saveServer(s)
}
