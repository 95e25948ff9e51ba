package fakecloud

// dataRequest is the body of POST /v1/cloudimages/dataimages/action (API
// reference 2.4).
type dataRequest struct {
	Name              string `json:"name"`
	ImageURL          string `json:"image_url"`
	MinDisk           int    `json:"min_disk"`
	OSType            string `json:"os_type"`
	Description       string `json:"description"`
	CMK               string `json:"cmk_id"`
	EnterpriseProject string `json:"enterprise_project_id"`
	tagFields
}

// createDataImage imports a data disk from the object storage.
func (c *cloud) createDataImage(q *request) *answer {
	var body dataRequest
	if a := decodeBody(q.body, &body); a != nil {
		return a
	}
	least := 1 // seen on Open Telekom Cloud, though 40 is documented
	if c.Profile == ProfileHuawei {
		least = 40
	}
	tags, a := body.tags()
	if a == nil {
		a = firstRefusal(
			func() *answer { return c.checkName(body.Name) },
			func() *answer { return checkDescription(body.Description) },
			func() *answer { return checkMinDisk(body.MinDisk, least, 2048) },
			func() *answer { return checkOSType(body.OSType, "Linux", "Windows") },
		)
	}
	if a != nil {
		return a
	}
	file, a := c.readableFile(body.ImageURL, false)
	if a == nil {
		a = c.checkRoom(q, body.Name)
	}
	if a != nil {
		return a
	}
	image := &Image{
		Name: body.Name, Description: body.Description, Tags: tags, CMK: body.CMK, DataOrigin: "file," + body.ImageURL,
		Env: "DataImage", DiskFormat: "zvhd2", OSType: orElse(body.OSType, "Linux"), MinDisk: body.MinDisk, DataSize: int64(file.SizeGB) << 30,
		EnterpriseProject: orElse(body.EnterpriseProject, "0"),
	}
	job := c.start(q, jobImportData, image)
	c.accept(q, Mutation{JobID: job.ID, ImageID: image.ID})
	return c.jobStarted(job)
}
