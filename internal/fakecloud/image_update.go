package fakecloud

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// patch is one change of PATCH /v2/cloudimages/{image_id} (API reference 4.7).
// Values are texts, those of numbers and flags too.
type patch struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value string `json:"value"`
}

// updateImage changes all that is asked for, or nothing.
func (c *cloud) updateImage(q *request) *answer {
	var patches []patch
	if a := decodeList(q.body, &patches); a != nil {
		return a
	}
	image, a := c.ownImage(q)
	if a == nil && image.status(q.now) != "active" {
		a = refuse("IMG.0046", "The image is unavailable.")
	}
	if a != nil {
		return a
	}
	next := *image
	next.Support = maps.Clone(image.Support)
	for _, p := range patches {
		if a := c.applyPatch(&next, p); a != nil {
			return a
		}
	}
	next.Changed = q.now
	c.addImage(&next)
	c.accept(q, Mutation{ImageID: next.ID})
	return ok(c.view(&next, q.now))
}

// decodeList reads a body that has to be a JSON array with something in it.
func decodeList(body []byte, into any) *answer {
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0, bytes.Equal(body, []byte("[]")):
		return refuse("IMG.0007", "The request body cannot be left blank.")
	case body[0] != '[':
		return refuse("IMG.0001", "Failed to parse the request body: a list is wanted.")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return refuse("IMG.0001", "Failed to parse the request body: "+err.Error())
	}
	return nil
}

// applyPatch makes one change. Only what is there can be replaced or removed,
// and only what is not there added.
func (c *cloud) applyPatch(i *Image, p patch) *answer {
	attribute, known := changeable[p.Path]
	if !known {
		return refuse("IMG.0105", "The attribute "+p.Path+" cannot be changed.")
	}
	_, there := attribute.get(i)
	switch {
	case !slices.Contains([]string{"add", "replace", "remove"}, p.Op):
		return refuse("IMG.0001", "Invalid op.")
	case there != (p.Op != "add"):
		return refuse("IMG.0035", "Image attribute conflict: "+p.Path)
	case p.Op == "remove":
		p.Value = ""
	}
	return attribute.set(c, i, p.Value, p.Op != "remove")
}

// changed is an attribute that can be changed. set is told whether the
// attribute stays.
type changed struct {
	get func(*Image) (string, bool)
	set func(c *cloud, i *Image, value string, stays bool) *answer
}

// changeable are the attributes by path.
var changeable = map[string]changed{
	"/name": {
		func(i *Image) (string, bool) { return i.Name, i.Name != "" },
		func(c *cloud, i *Image, value string, _ bool) *answer { i.Name = value; return c.checkName(value) },
	},
	"/__description": {
		func(i *Image) (string, bool) { return i.Description, i.Description != "" },
		func(_ *cloud, i *Image, value string, _ bool) *answer {
			i.Description = value
			return checkDescription(value)
		},
	},
	"/min_ram": {
		func(i *Image) (string, bool) { return strconv.Itoa(i.MinRAM), true },
		func(_ *cloud, i *Image, value string, _ bool) *answer { return setRAM(&i.MinRAM, value) },
	},
	"/max_ram": {
		func(i *Image) (string, bool) { return strconv.Itoa(i.MaxRAM), i.hasMaxRAM() },
		func(_ *cloud, i *Image, value string, stays bool) *answer {
			i.MaxRAMSet = stays
			return setRAM(&i.MaxRAM, value)
		},
	},
	"/enterprise_project_id": {
		func(i *Image) (string, bool) { return i.EnterpriseProject, true },
		func(_ *cloud, i *Image, value string, _ bool) *answer {
			i.EnterpriseProject = orElse(value, "0")
			return nil
		},
	},
	"/hw_firmware_type": {
		func(i *Image) (string, bool) { return i.firmware(), true },
		func(_ *cloud, i *Image, value string, _ bool) *answer { return i.setFirmware(value) },
	},
	"/__support_kvm":       support("__support_kvm"),
	"/__support_xen":       support("__support_xen"),
	"/__support_fc_inject": support("__support_fc_inject"),
	"/__support_arm":       support("__support_arm"),
}

func setRAM(at *int, value string) *answer {
	mb, err := strconv.Atoi(orElse(value, "0"))
	if err != nil || mb < 0 {
		return refuse("IMG.0055", "Invalid memory or disk size.")
	}
	*at = mb
	return nil
}

// hasMaxRAM tells an attribute of 0 from one that is not there.
func (i *Image) hasMaxRAM() bool { return i.MaxRAM > 0 || i.MaxRAMSet || i.Whole }

func (i *Image) firmware() string { return orElse(i.Firmware, "bios") }

func (i *Image) setFirmware(value string) *answer {
	if value != "bios" && value != "uefi" {
		return refuse("IMG.0141", "hw_firmware_type must be bios or uefi.")
	}
	i.Firmware = value
	return nil
}

// support is a flag that is there only when it was set.
func support(name string) changed {
	return changed{
		func(i *Image) (string, bool) { return i.support(name), i.support(name) != "" },
		func(_ *cloud, i *Image, value string, stays bool) *answer {
			if stays && value != "true" && value != "false" {
				return refuse("IMG.0001", name+" must be true or false.")
			}
			if i.Support == nil {
				i.Support = map[string]string{}
			}
			i.Support[name] = value
			return nil
		},
	}
}

// support is a flag's text; every image supports KVM unless it says otherwise.
func (i *Image) support(name string) string {
	value, told := i.Support[name]
	if !told && name == "__support_kvm" {
		return "true"
	}
	return value
}
