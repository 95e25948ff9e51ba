package fakecloud

import (
	"slices"
	"time"
)

// imageRequest is the body of POST /v2/cloudimages/action (API reference 2.3).
type imageRequest struct {
	Name              string     `json:"name"`
	InstanceID        string     `json:"instance_id"`
	VolumeID          string     `json:"volume_id"`
	ImageURL          string     `json:"image_url"`
	MinDisk           int        `json:"min_disk"`
	OSVersion         string     `json:"os_version"`
	OSType            string     `json:"os_type"`
	IsConfig          bool       `json:"is_config"`
	IsConfigInit      bool       `json:"is_config_init"`
	CMK               string     `json:"cmk_id"`
	Type              string     `json:"type"`
	QuickImport       bool       `json:"is_quick_import"`
	Architecture      string     `json:"architecture"`
	Firmware          string     `json:"hw_firmware_type"`
	DataImages        []dataItem `json:"data_images"`
	Description       string     `json:"description"`
	EnterpriseProject string     `json:"enterprise_project_id"`
	MaxRAM            int        `json:"max_ram"`
	MinRAM            int        `json:"min_ram"`
	tagFields
}

// dataItem is one entry of data_images: of a volume, or of a file beside the
// system's.
type dataItem struct {
	Name        string `json:"name"`
	VolumeID    string `json:"volume_id"`
	ImageURL    string `json:"image_url"`
	MinDisk     int    `json:"min_disk"`
	QuickImport bool   `json:"is_quick_import"`
	Description string `json:"description"`
	tagFields
}

// createImage has four uses; which of them follows from the fields.
func (c *cloud) createImage(q *request) *answer {
	var body imageRequest
	if a := decodeBody(q.body, &body); a != nil {
		return a
	}
	given := 0
	for _, field := range []string{body.InstanceID, body.VolumeID, body.ImageURL} {
		if field != "" {
			given++
		}
	}
	switch {
	case given > 1, given == 1 && body.ImageURL == "" && len(body.DataImages) > 0:
		return refuse("IMG.0001", "instance_id, volume_id, image_url and data_images cannot be used together.")
	case body.InstanceID != "":
		return c.systemFromServer(q, body)
	case body.VolumeID != "":
		return c.systemFromVolume(q, body)
	case body.ImageURL != "":
		return c.systemFromFile(q, body)
	case len(body.DataImages) > 0:
		return c.dataFromVolumes(q, body)
	default:
		return refuse("IMG.0012", "The ECS ID cannot be left blank.")
	}
}

// checkSystem holds the body against the rules that need no state.
func (c *cloud) checkSystem(body imageRequest) ([]Tag, *answer) {
	if a := c.checkNew(body.Name, body.Description, body.MinRAM, body.MaxRAM); a != nil {
		return nil, a
	}
	return body.tags()
}

// systemImage is what the three kinds of system images have in common.
func systemImage(body imageRequest, tags []Tag) *Image {
	return &Image{
		Name: body.Name, Description: body.Description, Tags: tags, CMK: body.CMK,
		Env: "FusionCompute", DiskFormat: "zvhd2", OSType: "Linux", OSVersion: orElse(body.OSVersion, "Ubuntu 22.04 server 64bit"), Platform: "Ubuntu",
		MinRAM: body.MinRAM, MaxRAM: body.MaxRAM, EnterpriseProject: orElse(body.EnterpriseProject, "0"),
	}
}

func (c *cloud) systemFromServer(q *request, body imageRequest) *answer {
	tags, a := c.checkSystem(body)
	server := c.servers[body.InstanceID]
	if a == nil {
		a = firstRefusal(
			func() *answer { return checkImageable(server, q.now) },
			func() *answer { return c.checkRoom(q, body.Name) },
		)
	}
	if a != nil {
		return a
	}
	image := systemImage(body, tags)
	image.DataOrigin, image.MinDisk, image.DataSize = "instance,"+server.ID, server.SizeGB, int64(server.SizeGB)<<30
	job := c.start(q, jobSystemByServer, image)
	server.ImagingUntil = job.End
	c.saveServer(server)
	c.accept(q, Mutation{JobID: job.ID, ImageID: image.ID})
	return c.jobStarted(job)
}

// mostSystemGB is the largest system disk of which an image is made.
const mostSystemGB = 1024

// checkImageable refuses servers of which no system image can be made.
func checkImageable(s *Server, now time.Time) *answer {
	switch {
	case s == nil:
		return refuse("IMG.0005", "The ECS does not exist.")
	case s.BMS:
		return refuse("IMG.0063", "Images cannot be created from servers of this type.")
	case now.Before(s.BackupUntil), now.Before(s.ImagingUntil):
		return refuse("IMG.0010", "Another task is running on the server.")
	case s.Status != "SHUTOFF":
		return refuse("IMG.0008", "The server is not stopped. Stop the server first.")
	case s.NoSystemDisk:
		return refuse("IMG.0119", "The server has no system disk.")
	case s.DiskForbidden:
		return refuse("IMG.0006", "The system disk of the server cannot be used to create an image.")
	case s.DiskBusy:
		return refuse("IMG.0110", "The system disk is unavailable.")
	case s.SizeGB > mostSystemGB:
		return refuse("IMG.0111", "The system disk is larger than allowed.")
	}
	return nil
}

func (c *cloud) systemFromVolume(q *request, body imageRequest) *answer {
	tags, a := c.checkSystem(body)
	volume := c.volumes[body.VolumeID]
	if a == nil {
		a = firstRefusal(
			func() *answer { return checkOSVersion(body.OSVersion, "IMG.0056") },
			func() *answer { return checkType(body.Type, "ECS", "FusionCompute", "BMS", "Ironic") },
			func() *answer { return checkDisk(volume, q.now) },
			func() *answer { return c.checkRoom(q, body.Name) },
		)
	}
	if a != nil {
		return a
	}
	image := systemImage(body, tags)
	image.DataOrigin, image.MinDisk, image.DataSize = "volume,"+volume.ID, volume.SizeGB, int64(volume.SizeGB)<<30
	image.Env = envOf(body.Type)
	job := c.start(q, jobSystemByVolume, image)
	c.read(volume, image, job)
	c.accept(q, Mutation{JobID: job.ID, ImageID: image.ID, VolumeID: volume.ID})
	return c.jobStarted(job)
}

// checkDisk refuses disks of which no image can be made now.
func checkDisk(v *Volume, now time.Time) *answer {
	switch {
	case v == nil:
		return refuse("IMG.0120", "The data disk ID is unavailable.")
	case v.Locked, !slices.Contains([]string{"available", "in-use"}, v.status(now)):
		return refuse("IMG.0022", "The disk status does not allow creating an image.")
	}
	return nil
}

// read keeps others off a disk until the job ends.
func (c *cloud) read(v *Volume, i *Image, job *Job) {
	v.ImageID, v.Upload = i.ID, job.End
	c.saveVolume(v)
}

// dataFromVolumes makes one data image a volume, each in a sub job; the outer
// name, description and tags are ignored.
func (c *cloud) dataFromVolumes(q *request, body imageRequest) *answer {
	var parts []part
	names := make([]string, 0, len(body.DataImages))
	for _, item := range body.DataImages {
		image, a := c.dataOfVolume(item, body, q.now)
		if a != nil {
			return a
		}
		parts, names = append(parts, part{jobPartOfVolume, image}), append(names, item.Name)
	}
	if a := firstRefusal(
		func() *answer { return c.checkOneServer(body.DataImages) },
		func() *answer { return c.checkRoom(q, names...) },
	); a != nil {
		return a
	}
	job := c.startParts(q, jobDataByVolumes, nil, parts...)
	for n, item := range body.DataImages {
		c.read(c.volumes[item.VolumeID], parts[n].image, job)
	}
	c.accept(q, Mutation{JobID: job.ID, ImageID: parts[0].image.ID, ImageIDs: imageIDs(parts), VolumeID: body.DataImages[0].VolumeID})
	return c.jobStarted(job)
}

func (c *cloud) dataOfVolume(item dataItem, body imageRequest, now time.Time) (*Image, *answer) {
	v := c.volumes[item.VolumeID]
	tags, a := item.tags()
	if a == nil {
		a = firstRefusal(
			func() *answer { return c.checkName(item.Name) },
			func() *answer { return checkDescription(item.Description) },
			func() *answer { return checkDisk(v, now) },
		)
	}
	if a != nil {
		return nil, a
	}
	return &Image{
		Name: item.Name, Description: item.Description, Tags: tags, DataOrigin: "volume," + v.ID,
		Env: "DataImage", DiskFormat: "zvhd2", OSType: "Linux", MinDisk: v.SizeGB, DataSize: int64(v.SizeGB) << 30,
		EnterpriseProject: orElse(body.EnterpriseProject, "0"),
	}, nil
}

// checkOneServer wants all disks of one request to be attached to one server,
// each once.
func (c *cloud) checkOneServer(items []dataItem) *answer {
	seen := map[string]bool{}
	for _, item := range items {
		if seen[item.VolumeID] {
			return refuse("IMG.0120", "The data disk ID is used twice.")
		}
		seen[item.VolumeID] = true
		if c.volumes[item.VolumeID].ServerID != c.volumes[items[0].VolumeID].ServerID {
			return refuse("IMG.0140", "The disks belong to different servers.")
		}
	}
	return nil
}

func imageIDs(parts []part) []string {
	var ids []string
	for _, p := range parts {
		ids = append(ids, p.image.ID)
	}
	return ids
}
