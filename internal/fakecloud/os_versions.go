package fakecloud

import "strings"

// versionView is one value of os_version as the list shows it.
type versionView struct {
	Platform string `json:"platform"`
	Key      string `json:"os_version_key"`
	Version  string `json:"os_version"`
	Bits     int    `json:"os_bit"`
	Type     string `json:"os_type"`
}

type platformView struct {
	Platform string        `json:"platform"`
	List     []versionView `json:"version_list"`
}

// listOSVersions is GET /v1/cloudimages/os_version: an array without a name
// around it.
func (c *cloud) listOSVersions(*request) *answer {
	platforms := []platformView{}
	at := map[string]int{}
	for _, version := range osVersions {
		name := platformOf(version)
		if _, known := at[name]; !known {
			at[name] = len(platforms)
			platforms = append(platforms, platformView{Platform: name})
		}
		p := &platforms[at[name]]
		p.List = append(p.List, versionView{Platform: name, Key: version, Version: version, Bits: 64, Type: osTypeOf(name)})
	}
	return ok(platforms)
}

// platformOf is the first word of a version, without what is in brackets.
func platformOf(version string) string {
	name, _, _ := strings.Cut(version, " ")
	name, _, _ = strings.Cut(name, "(")
	return name
}

func osTypeOf(platform string) string {
	if platform == "Windows" {
		return platform
	}
	return "Linux"
}
