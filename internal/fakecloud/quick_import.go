package fakecloud

import "slices"

// quickRequest is the body of POST /v2/cloudimages/quickimport/action (API
// reference 2.5).
type quickRequest struct {
	Name              string `json:"name"`
	ImageURL          string `json:"image_url"`
	MinDisk           int    `json:"min_disk"`
	OSVersion         string `json:"os_version"`
	Type              string `json:"type"`
	OSType            string `json:"os_type"`
	Architecture      string `json:"architecture"`
	Firmware          string `json:"hw_firmware_type"`
	LicenseType       string `json:"license_type"`
	Description       string `json:"description"`
	EnterpriseProject string `json:"enterprise_project_id"`
	tagFields
}

func (r quickRequest) data() bool { return r.Type == "DataImage" }

// quickImport takes files that need no conversion.
func (c *cloud) quickImport(q *request) *answer {
	var body quickRequest
	if a := decodeBody(q.body, &body); a != nil {
		return a
	}
	tags, a := body.tags()
	if a == nil {
		a = firstRefusal(
			func() *answer { return c.checkName(body.Name) },
			func() *answer { return checkDescription(body.Description) },
			func() *answer { return checkQuick(body) },
			func() *answer { return checkMinDisk(body.MinDisk, 1, 1024) },
			func() *answer { return checkChip(body.Architecture, body.Firmware) },
		)
	}
	if a != nil {
		return a
	}
	file, a := c.readableFile(body.ImageURL, true)
	switch {
	case a != nil:
		return a
	case body.MinDisk < file.DiskGB:
		return refuse("IMG.0055", "The disk size must not be smaller than the disk in the file.")
	}
	if a := c.checkRoom(q, body.Name); a != nil {
		return a
	}
	return c.startQuick(q, body, file, tags)
}

func checkQuick(body quickRequest) *answer {
	switch {
	case !slices.Contains([]string{"", "ECS", "BMS", "DataImage"}, body.Type):
		return refuse("IMG.0157", "The type is incorrect.")
	case body.data():
		return checkOSType(body.OSType, "Linux", "Windows")
	case !slices.Contains([]string{"", "platform", "byol"}, body.LicenseType):
		return refuse("IMG.0001", "Invalid license_type.")
	}
	return checkOSVersion(body.OSVersion, "IMG.0159")
}

// startQuick begins the job, whose work is done by a sub job.
func (c *cloud) startQuick(q *request, body quickRequest, file *Object, tags []Tag) *answer {
	image := &Image{
		Name: body.Name, Description: body.Description, Tags: tags, DataOrigin: "file," + body.ImageURL,
		Env: envOf(body.Type), DiskFormat: "zvhd2", OSType: orElse(body.OSType, file.OSType), OSVersion: body.OSVersion,
		MinDisk: body.MinDisk, DataSize: int64(file.SizeGB) << 30, EnterpriseProject: orElse(body.EnterpriseProject, "0"),
	}
	jobType := jobImport
	if body.data() {
		jobType = jobImportData
	}
	job := c.startParts(q, jobType, image, part{jobBigFile, image})
	c.accept(q, Mutation{JobID: job.ID, ImageID: image.ID})
	return c.jobStarted(job)
}
