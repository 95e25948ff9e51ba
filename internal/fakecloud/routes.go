package fakecloud

import (
	"net/http"
	"slices"
	"strings"
)

const serviceIAM = "iam"

// access is what a route wants to know of its caller.
type access int

const (
	accessProject access = iota // a caller with a project
	accessAccount               // any caller
	accessOpen                  // nobody in particular
)

// route is one call of an API. Its limit names a rate ("" is none); a route
// may exist only on some clouds.
type route struct {
	method  string
	pattern []string
	call    string
	limit   string
	service string
	access  access
	across  bool // it sees or changes things of other clouds
	exists  func(*cloud) bool
	do      func(*cloud, *request) *answer
}

// routes is the only list of calls.
var routes = []*route{
	{method: http.MethodPost, pattern: segments("v1/cloudimages/wholeimages/action"), call: "CreateWholeImage", limit: "whole", do: (*cloud).createWholeImage},
	{method: http.MethodPost, pattern: segments("v1/cloudimages/{image}/copy"), call: "CopyImage", limit: "copy", do: (*cloud).copyImage},
	{method: http.MethodPost, pattern: segments("v2.1/cloudimages/{image}/copy"), call: "CopyImage", limit: "copy", exists: onHuawei, do: (*cloud).copyImage},

	{method: http.MethodPost, pattern: segments("v2/cloudimages/action"), call: "CreateImage", limit: "system", do: (*cloud).createImage},
	{method: http.MethodPost, pattern: segments("v2.1/cloudimages/action"), call: "CreateImage", limit: "system", exists: onHuawei, do: (*cloud).createImage},
	{method: http.MethodPost, pattern: segments("v1/cloudimages/dataimages/action"), call: "CreateDataImage", limit: "data", do: (*cloud).createDataImage},
	{method: http.MethodPost, pattern: segments("v2.1/cloudimages/dataimages/action"), call: "CreateDataImage", limit: "data", exists: onHuawei, do: (*cloud).createDataImage},
	{method: http.MethodPost, pattern: segments("v2/cloudimages/quickimport/action"), call: "ImportImage", limit: "quick_import", do: (*cloud).quickImport},
	{method: http.MethodPost, pattern: segments("v2.1/cloudimages/quickimport/action"), call: "ImportImage", limit: "quick_import", exists: onHuawei, do: (*cloud).quickImport},
	{method: http.MethodPost, pattern: segments("v2/images"), call: "CreateMetadata", limit: "update", do: (*cloud).createMetadata},
	{method: http.MethodPut, pattern: segments("v1/cloudimages/{image}/upload"), call: "RegisterImage", limit: "register", do: (*cloud).registerImage},

	{method: http.MethodGet, pattern: segments("v1/{pid}/jobs/{job}"), call: "ShowJob", limit: "show_job", do: (*cloud).showJob},
	{method: http.MethodGet, pattern: segments("v1/cloudimages/job/{job}"), call: "ShowJobProgress", limit: "show_progress", exists: hasProgress, do: (*cloud).showJobProgress},

	{method: http.MethodGet, pattern: segments("v2/cloudimages"), call: "ListImages", limit: "list", do: (*cloud).listImages},
	{method: http.MethodGet, pattern: segments("v2/images"), call: "ListNativeImages", limit: "list", do: (*cloud).listNative},
	{method: http.MethodGet, pattern: segments("v2/images/{image}"), call: "GetImage", limit: "get_image", do: (*cloud).getImage},
	{method: http.MethodDelete, pattern: segments("v2/images/{image}"), call: "DeleteImage", limit: "update", across: true, do: (*cloud).deleteImage},
	{method: http.MethodPost, pattern: segments("v1/cloudimages/{image}/cross_region_copy"), call: "CopyImageCrossRegion", limit: "cross_region", across: true, exists: onHuawei, do: (*cloud).copyAcross},
	{method: http.MethodPost, pattern: segments("v1/cloudimages/{image}/file"), call: "ExportImage", limit: "export", do: (*cloud).exportImage},
	{method: http.MethodPost, pattern: segments("v2.1/cloudimages/{image}/file"), call: "ExportImage", limit: "export", exists: onHuawei, do: (*cloud).exportImage},
	{method: http.MethodPost, pattern: segments("v1/cloudimages/members"), call: "AddMembers", limit: "members", across: true, do: (*cloud).addMembers},
	{method: http.MethodDelete, pattern: segments("v1/cloudimages/members"), call: "DeleteMembers", limit: "members", across: true, do: (*cloud).deleteMembers},
	{method: http.MethodPut, pattern: segments("v1/cloudimages/members"), call: "AnswerMembers", limit: "members", across: true, do: (*cloud).answerMembers},
	{method: http.MethodPost, pattern: segments("v2/images/{image}/members"), call: "AddMember", limit: "members", across: true, do: (*cloud).addMember},
	{method: http.MethodPut, pattern: segments("v2/images/{image}/members/{member}"), call: "AnswerMember", limit: "members", across: true, do: (*cloud).answerMember},
	{method: http.MethodDelete, pattern: segments("v2/images/{image}/members/{member}"), call: "DeleteMember", limit: "members", across: true, do: (*cloud).deleteMember},
	{method: http.MethodGet, pattern: segments("v2/images/{image}/members"), call: "ListMembers", limit: "get_image", do: (*cloud).listMembers},
	{method: http.MethodGet, pattern: segments("v2/images/{image}/members/{member}"), call: "ShowMember", limit: "get_image", do: (*cloud).showMember},
	{method: http.MethodGet, pattern: segments("v1/{pid}/cloudimages/{image}/members"), call: "ListMembers", limit: "get_image", exists: onHuawei, do: (*cloud).listAllMembers},

	{method: http.MethodPatch, pattern: segments("v2/cloudimages/{image}"), call: "UpdateImage", limit: "update", do: (*cloud).updateImage},
	{method: http.MethodGet, pattern: segments("v1/cloudimages/os_version"), call: "ListOSVersions", limit: "quota", do: (*cloud).listOSVersions},
	{method: http.MethodGet, pattern: segments("v1/cloudimages/quota"), call: "ShowQuota", limit: "quota", do: (*cloud).showQuota},

	{method: http.MethodPost, pattern: segments("v2/{pid}/images/resource_instances/action"), call: "FindImagesByTags", limit: "tags", do: (*cloud).findImagesByTags},
	{method: http.MethodGet, pattern: segments("v2/{pid}/images/tags"), call: "ListProjectTags", limit: "tags", do: (*cloud).listProjectTags},
	{method: http.MethodPut, pattern: segments("v1/cloudimages/tags"), call: "SetOldTag", limit: "update", do: (*cloud).setOldTag},
	{method: http.MethodGet, pattern: segments("v1/cloudimages/tags"), call: "ListOldTags", limit: "update", do: (*cloud).listOldTags},
	{method: http.MethodPut, pattern: segments("v2/images/{image}/tags/{tag}"), call: "SetNativeTag", limit: "update", do: (*cloud).setNativeTag},
	{method: http.MethodDelete, pattern: segments("v2/images/{image}/tags/{tag}"), call: "DeleteNativeTag", limit: "show_progress", do: (*cloud).deleteNativeTag},
	{method: http.MethodPost, pattern: segments("v2/{pid}/images/{image}/tags"), call: "AddImageTag", limit: "tags", do: (*cloud).addImageTag},
	{method: http.MethodGet, pattern: segments("v2/{pid}/images/{image}/tags"), call: "ListImageTags", limit: "tags", do: (*cloud).listImageTags},
	{method: http.MethodPost, pattern: segments("v2/{pid}/images/{image}/tags/action"), call: "BatchImageTags", limit: "tags", do: (*cloud).batchImageTags},
	{method: http.MethodDelete, pattern: segments("v2/{pid}/images/{image}/tags/{key}"), call: "DeleteImageTag", limit: "tags", do: (*cloud).deleteImageTag},

	{method: http.MethodGet, pattern: segments("v3/{pid}/backups"), call: "ListBackups", limit: "cbr", do: (*cloud).listBackups},
	{method: http.MethodGet, pattern: segments("v3/{pid}/backups/{backup}"), call: "ShowBackup", limit: "cbr", do: (*cloud).showBackup},
	{method: http.MethodGet, pattern: segments("v3/{pid}/operation-logs"), call: "ListTasks", limit: "cbr", do: (*cloud).listTasks},
	{method: http.MethodGet, pattern: segments("v3/{pid}/vaults/{vault}"), call: "ShowVault", limit: "cbr", do: (*cloud).showVault},

	{method: http.MethodPost, pattern: segments("v2/{pid}/volumes/{volume}/action"), call: "ExportVolume", limit: "evs", do: (*cloud).exportVolume},
	{method: http.MethodPost, pattern: segments("v3/{pid}/volumes/{volume}/action"), call: "ExportVolume", limit: "evs", do: (*cloud).exportVolume},
	{method: http.MethodGet, pattern: segments("v2/{pid}/volumes/{volume}"), call: "ShowVolume", limit: "evs", do: (*cloud).showVolume},
	{method: http.MethodGet, pattern: segments("v3/{pid}/volumes/{volume}"), call: "ShowVolume", limit: "evs", do: (*cloud).showVolume},

	{method: http.MethodGet, pattern: segments("smn/{pem}"), call: "ShowSMNCert", access: accessOpen, do: (*cloud).showSMNCert},
	{method: http.MethodGet, pattern: segments("smn/subscriptions/confirm"), call: "ConfirmSMN", access: accessOpen, do: (*cloud).confirmSMN},

	{method: http.MethodPost, pattern: segments("v3/auth/tokens"), call: "CreateToken", limit: "iam", service: serviceIAM, access: accessOpen, do: (*cloud).createToken},
	{method: http.MethodGet, pattern: segments("v3/projects"), call: "ListProjects", limit: "iam", service: serviceIAM, access: accessAccount, do: (*cloud).listProjects},
}

func segments(pattern string) []string { return strings.Split(pattern, "/") }

func onHuawei(c *cloud) bool { return c.Profile == ProfileHuawei }

// match finds the route of a path below the cloud's prefix; nil where the
// cloud has no such call.
func match(c *cloud, method, path string) (*route, map[string]string) {
	parts := segments(path)
	for _, r := range routes {
		if r.method != method || len(r.pattern) != len(parts) || !r.fits(parts) {
			continue
		}
		if r.exists != nil && !r.exists(c) {
			return nil, nil
		}
		return r, r.vars(parts)
	}
	return nil, nil
}

func (r *route) fits(parts []string) bool {
	for n, want := range r.pattern {
		if isVar(want) && parts[n] != "" {
			continue
		}
		if want != parts[n] {
			return false
		}
	}
	return true
}

func (r *route) vars(parts []string) map[string]string {
	vars := make(map[string]string, 2)
	for n, name := range r.pattern {
		if isVar(name) {
			vars[strings.Trim(name, "{}")] = parts[n]
		}
	}
	return vars
}

func isVar(segment string) bool { return strings.HasPrefix(segment, "{") }

// callNames lists the names that the call log and orders use.
func callNames() []string {
	var names []string
	for _, r := range routes {
		names = append(names, r.call)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func knownCall(name string) bool {
	return name == "*" || slices.Contains(callNames(), name)
}
