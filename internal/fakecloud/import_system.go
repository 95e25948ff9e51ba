package fakecloud

import "strings"

// mostDataFiles is how many data disks one import takes beside the system.
const mostDataFiles = 3

// systemFromFile imports a file of the object storage, and data disks beside
// it (API reference 2.3).
func (c *cloud) systemFromFile(q *request, body imageRequest) *answer {
	tags, a := c.checkImport(body)
	if a != nil {
		return a
	}
	file, a := c.readableFile(body.ImageURL, body.QuickImport)
	if a != nil {
		return a
	}
	parts, a := c.dataFiles(body, file)
	if a != nil {
		return a
	}
	names := []string{body.Name}
	for _, p := range parts {
		names = append(names, p.image.Name)
	}
	if a := c.checkRoom(q, names...); a != nil {
		return a
	}
	return c.importFile(q, body, file, imageOfFile(body, file, tags), parts)
}

// importFile starts the job. An OVA is unpacked into images that only sub jobs
// name.
func (c *cloud) importFile(q *request, body imageRequest, file *Object, image *Image, parts []part) *answer {
	var job *Job
	if file.Format == "ova" {
		parts = append([]part{{jobImport, image}}, append(parts, disksOfOVA(body, file)...)...)
		job = c.startParts(q, jobImportOVA, nil, parts...)
	} else {
		job = c.startParts(q, jobImport, image, parts...)
	}
	ids := imageIDs(parts)
	if file.Format != "ova" {
		ids = append([]string{image.ID}, ids...)
	}
	c.accept(q, Mutation{JobID: job.ID, ImageID: image.ID, ImageIDs: ids})
	return c.jobStarted(job)
}

// checkImport holds the body against the rules that need no file.
func (c *cloud) checkImport(body imageRequest) ([]Tag, *answer) {
	least := 1
	if c.Profile == ProfileHuawei {
		least = 40
	}
	missingOS := ""
	switch {
	case body.Type == "IsoImage":
		missingOS = "IMG.0166"
	case body.QuickImport:
		missingOS = "IMG.0159"
	}
	tags, a := c.checkSystem(body)
	if a != nil {
		return nil, a
	}
	return tags, firstRefusal(
		func() *answer { return checkMinDisk(body.MinDisk, least, 1024) },
		func() *answer { return checkType(body.Type, "ECS", "FusionCompute", "BMS", "Ironic", "IsoImage") },
		func() *answer { return checkOSVersion(body.OSVersion, missingOS) },
		func() *answer { return checkOSType(body.OSType, "Linux", "Windows", "Other") },
		func() *answer { return checkChip(body.Architecture, body.Firmware) },
		func() *answer { return checkBareMetal(body) },
		func() *answer { return checkFiles(body) },
	)
}

func checkBareMetal(body imageRequest) *answer {
	if body.CMK != "" && envOf(body.Type) == "Ironic" {
		return refuse("IMG.0118", "BMS images cannot be encrypted.")
	}
	return nil
}

func checkFiles(body imageRequest) *answer {
	seen := map[string]bool{body.ImageURL: true}
	for _, item := range body.DataImages {
		switch {
		case item.VolumeID != "":
			return refuse("IMG.0001", "volume_id and image_url cannot be used together.")
		case seen[item.ImageURL]:
			return refuse("IMG.0123", "The same file is used twice.")
		}
		seen[item.ImageURL] = true
	}
	if len(body.DataImages) > mostDataFiles {
		return refuse("IMG.0194", "Too many data disk files.")
	}
	return nil
}

// dataFiles are the images of the data disks beside the system.
func (c *cloud) dataFiles(body imageRequest, system *Object) ([]part, *answer) {
	var parts []part
	for _, item := range body.DataImages {
		tags, a := item.tags()
		if a == nil {
			a = firstRefusal(
				func() *answer { return c.checkOptionalName(item.Name) },
				func() *answer { return checkDescription(item.Description) },
				func() *answer { return checkMinDisk(item.MinDisk, 1, 2048) },
			)
		}
		if a != nil {
			return nil, a
		}
		file, a := c.readableFile(item.ImageURL, item.QuickImport)
		switch {
		case a != nil:
			return nil, a
		case file.OSType != system.OSType:
			return nil, refuse("IMG.0122", "The OS type of a data disk differs from that of the system disk.")
		}
		parts = append(parts, part{jobImportData, &Image{
			Name: orElse(item.Name, body.Name+"-data"), Description: item.Description, Tags: tags, DataOrigin: "file," + item.ImageURL,
			Env: "DataImage", DiskFormat: "zvhd2", OSType: file.OSType, MinDisk: item.MinDisk, DataSize: int64(file.SizeGB) << 30,
			EnterpriseProject: orElse(body.EnterpriseProject, "0"),
		}})
	}
	return parts, nil
}

func (c *cloud) checkOptionalName(name string) *answer {
	if name == "" {
		return nil
	}
	return c.checkName(name)
}

func imageOfFile(body imageRequest, file *Object, tags []Tag) *Image {
	i := systemImage(body, tags)
	i.Env, i.DataOrigin, i.MinDisk, i.DataSize = envOf(body.Type), "file,"+body.ImageURL, body.MinDisk, int64(file.SizeGB)<<30
	i.OSType = orElse(body.OSType, file.OSType)
	if i.Env == "IsoImage" {
		i.DiskFormat = "iso"
	}
	if strings.HasPrefix(i.OSVersion, "Windows") {
		i.OSType, i.Platform = "Windows", "Windows"
	}
	return i
}

// disksOfOVA are the data disks inside an OVA.
func disksOfOVA(body imageRequest, file *Object) []part {
	var parts []part
	for _, size := range file.Disks {
		parts = append(parts, part{jobImportData, &Image{
			Name: body.Name + "-data", DataOrigin: "file," + body.ImageURL, Env: "DataImage", DiskFormat: "zvhd2", OSType: file.OSType,
			MinDisk: size, DataSize: int64(size) << 30, EnterpriseProject: orElse(body.EnterpriseProject, "0"),
		}})
	}
	return parts
}
