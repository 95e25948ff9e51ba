package fakecloud

// copyRequest is the body of POST /v1/cloudimages/{image_id}/copy (API
// reference 2.7). It has no tags; whoever sends some is not told.
type copyRequest struct {
	Name              string `json:"name"`
	Description       string `json:"description"`
	CMK               string `json:"cmk_id"`
	EnterpriseProject string `json:"enterprise_project_id"`
}

// copyImage copies an image within the region.
func (c *cloud) copyImage(q *request) *answer {
	var body copyRequest
	if a := decodeBody(q.body, &body); a != nil {
		return a
	}
	source := c.images[q.vars["image"]]
	if a := firstRefusal(
		func() *answer { return c.checkName(body.Name) },
		func() *answer { return checkDescription(body.Description) },
		func() *answer { return checkCopySource(source, q) },
		func() *answer { return checkKey(source, body.CMK) },
		func() *answer { return c.checkRoom(q, body.Name) },
	); a != nil {
		return a
	}
	image := c.copyOf(source, body)
	job := c.start(q, jobCopy, image)
	c.accept(q, Mutation{JobID: job.ID, ImageID: image.ID})
	return c.jobStarted(job)
}

// checkCopySource refuses the kinds of the API reference's section 2.13.
func checkCopySource(source *Image, q *request) *answer {
	switch {
	case source == nil || !source.visible(q.now):
		return refuse("IMG.0027", "The image does not exist.")
	case source.Whole:
		return refuse("IMG.0130", "Whole images cannot be exported or copied.")
	case source.Env == "IsoImage":
		return refuse("IMG.0167", "The operation is not supported for ISO images.")
	case source.Type == "gold":
		return refuse("IMG.0083", "The image is a public image.")
	case source.Type == "shared" && source.memberStatus(q.now) != "accepted":
		return refuse("IMG.0196", "The shared image has not been accepted.")
	case source.Type == "shared" && source.CMK != "":
		return refuse("IMG.0197", "Shared encrypted images cannot be copied.")
	case source.status(q.now) != "active":
		return refuse("IMG.0046", "The image is unavailable.")
	}
	return nil
}

func checkKey(source *Image, key string) *answer {
	if key != "" && key == source.CMK {
		return refuse("IMG.0096", "The new key must differ from the key of the image.")
	}
	return nil
}

// copyOf is the new image; an encrypted source stays encrypted.
func (c *cloud) copyOf(source *Image, body copyRequest) *Image {
	return &Image{
		Name: body.Name, Description: body.Description,
		OriginalID: source.ID, DataOrigin: "image," + c.Region + "," + source.ID, CMK: orElse(body.CMK, source.CMK),
		Env: source.Env, DiskFormat: source.DiskFormat, OSType: source.OSType, OSVersion: source.OSVersion, Platform: source.Platform,
		MinDisk: source.MinDisk, MinRAM: source.MinRAM, MaxRAM: source.MaxRAM, Size: source.Size, DataSize: source.DataSize,
		EnterpriseProject: orElse(body.EnterpriseProject, "0"),
	}
}
