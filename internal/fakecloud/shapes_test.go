package fakecloud

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// kindOf names the JSON type of a value, of lists with that of their first.
func kindOf(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		return "[" + kindOf(v[0]) + "]"
	case map[string]any:
		return "object"
	}
	return fmt.Sprintf("%T", value)
}

// shape writes down which of the wanted members an answer has, and their types.
func shape(value any, path string) string {
	for step := range strings.SplitSeq(path, ".") {
		if list, is := value.([]any); is {
			if len(list) == 0 {
				return "nothing"
			}
			value = list[0]
		}
		object, _ := value.(map[string]any)
		member, there := object[step]
		if !there {
			return "absent"
		}
		value = member
	}
	return kindOf(value)
}

// TestShapes calls everything of the reference's sections 2, 3 and 4 once and
// holds statuses, members and their types, the traps of section 7 among them.
func TestShapes(t *testing.T) {
	t.Parallel()
	const project = "/v1/" + DemoProjectID
	const image = "/v2/" + DemoProjectID + "/images/" + DemoImage
	job := map[string]string{"job_id": "string"}
	row := map[string]string{
		"images.id": "string", "images.status": "string", "images.min_disk": "number", "images.min_ram": "number", "images.max_ram": "absent",
		"images.protected": "bool", "images.size": "number", "images.virtual_size": "null", "images.tags": "[string]", "images.__isregistered": "string",
		"images.__imagetype": "string", "images.__image_size": "string", "images.created_at": "string", "images.owner": "string",
		"images.__backup_id": "absent", "images.__system__cmkid": "absent", "images.__support_kvm": "string",
	}
	first := func(more map[string]string, prefix string) map[string]string {
		inner := map[string]string{}
		for name, kind := range more {
			inner[strings.Replace(name, "images.", prefix, 1)] = kind
		}
		return inner
	}
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		want               map[string]string
		huawei             bool // only there
	}{
		"whole of a server":   {"POST", "/v1/cloudimages/wholeimages/action", `{"name":"n","instance_id":"` + DemoVaultServer + `","vault_id":"` + DemoVault + `"}`, 200, job, false},
		"whole of a backup":   {"POST", "/v1/cloudimages/wholeimages/action", `{"instance_id":"","name":"n","backup_id":"` + DemoBackup + `","whole_image_type":"CBR"}` + "\n", 200, job, false},
		"system of a server":  {"POST", "/v2/cloudimages/action", `{"name":"n","instance_id":"` + DemoStoppedServer + `"}`, 200, job, false},
		"system of a file":    {"POST", "/v2/cloudimages/action", `{"name":"n","image_url":"` + DemoFile + `","min_disk":40}`, 200, job, false},
		"data of volumes":     {"POST", "/v2/cloudimages/action", `{"data_images":[{"name":"n","volume_id":"` + DemoDataVolume + `"}]}`, 200, job, false},
		"data of a file":      {"POST", "/v1/cloudimages/dataimages/action", `{"name":"n","image_url":"` + DemoDataFile + `","min_disk":40}`, 200, job, false},
		"quick import":        {"POST", "/v2/cloudimages/quickimport/action", `{"name":"n","image_url":"` + DemoQuickFile + `","min_disk":1000,"os_version":"Ubuntu 22.04 server 64bit"}`, 200, job, false},
		"metadata":            {"POST", "/v2/images", `{"name":"n","__os_version":"Ubuntu 22.04 server 64bit","min_disk":40}`, 201, map[string]string{"id": "string", "status": "string", "min_disk": "number"}, false},
		"register":            {"PUT", "/v1/cloudimages/" + DemoQueuedImage + "/upload", `{"image_url":"` + DemoFile + `"}`, 200, job, false},
		"copy":                {"POST", "/v1/cloudimages/" + DemoImage + "/copy", `{"name":"n"}`, 200, job, false},
		"copy, safe":          {"POST", "/v2.1/cloudimages/" + DemoImage + "/copy", `{"name":"n"}`, 200, job, true},
		"export":              {"POST", "/v1/cloudimages/" + DemoImage + "/file", `{"bucket_url":"images:new.qcow2","file_format":"qcow2"}`, 200, job, false},
		"share":               {"POST", "/v1/cloudimages/members", `{"images":["` + DemoImage + `"],"projects":["` + DemoNeighbour + `"]}`, 200, job, false},
		"unshare":             {"DELETE", "/v1/cloudimages/members", `{"images":["` + DemoImage + `"],"projects":["` + DemoNeighbour + `"]}`, 200, job, false},
		"volume":              {"POST", "/v2/" + DemoProjectID + "/volumes/" + DemoVolume + "/action", `{"os-volume_upload_image":{"image_name":"n","disk_format":"zvhd2"}}`, 202, map[string]string{"os-volume_upload_image.image_id": "string", "os-volume_upload_image.id": "string", "os-volume_upload_image.size": "number", "os-volume_upload_image.updated_at": "string", "os-volume_upload_image.volume_type.description": "string"}, false},
		"list":                {"GET", "/v2/cloudimages?id=" + DemoImage, "", 200, row, false},
		"native list":         {"GET", "/v2/images?limit=1", "", 200, map[string]string{"images": "[object]", "first": "string", "schema": "string", "next": "string"}, false},
		"native get":          {"GET", "/v2/images/" + DemoImage, "", 200, first(row, ""), false},
		"native get, unknown": {"GET", "/v2/images/" + DemoServer, "", 404, map[string]string{"message": "string", "code": "string", "title": "string"}, false},
		"update":              {"PATCH", "/v2/cloudimages/" + DemoImage, `[{"op":"replace","path":"/name","value":"m"}]`, 200, first(row, ""), false},
		"update of ram":       {"PATCH", "/v2/cloudimages/" + DemoImage, `[{"op":"add","path":"/max_ram","value":"4096"}]`, 200, map[string]string{"max_ram": "string"}, false},
		"delete":              {"DELETE", "/v2/images/" + DemoImage, `{"delete_backup":false}`, 204, nil, false},
		"quota":               {"GET", "/v1/cloudimages/quota", "", 200, map[string]string{"quotas.resources.type": "string", "quotas.resources.used": "number", "quotas.resources.quota": "number"}, false},
		"os versions":         {"GET", "/v1/cloudimages/os_version", "", 200, nil, false},
		"add tag":             {"POST", image + "/tags", `{"tag":{"key":"a","value":"b"}}`, 204, nil, false},
		"batch of tags":       {"POST", image + "/tags/action", `{"action":"create","tags":[{"key":"a","value":"b"}]}`, 204, nil, false},
		"delete no tag":       {"DELETE", image + "/tags/none", "", 404, map[string]string{"error.code": "string"}, false},
		"tags":                {"GET", image + "/tags", "", 200, map[string]string{"tags.key": "string", "tags.value": "string"}, false},
		"tags of the project": {"GET", "/v2/" + DemoProjectID + "/images/tags", "", 200, map[string]string{"tags.key": "string", "tags.values": "[string]"}, false},
		"by tag":              {"POST", "/v2/" + DemoProjectID + "/images/resource_instances/action", `{"action":"filter","limit":"10","offset":"0","tags":[]}`, 200, map[string]string{"total_count": "number", "resources": "[object]", "resources.resource_detail": "object"}, false},
		"old tag":             {"PUT", "/v1/cloudimages/tags", `{"image_id":"` + DemoImage + `","tag":"a.b"}`, 204, nil, false},
		"old tags":            {"GET", "/v1/cloudimages/tags", "", 200, map[string]string{"tags": "[string]"}, false},
		"native tag":          {"PUT", "/v2/images/" + DemoImage + "/tags/a%3Db", "", 204, nil, false},
		"native tag, none":    {"DELETE", "/v2/images/" + DemoImage + "/tags/a%3Db", "", 404, map[string]string{"error.code": "string"}, false},
		"members":             {"GET", "/v2/images/" + DemoImage + "/members", "", 200, map[string]string{"members": "[]"}, false},
		"backup":              {"GET", "/v3/" + DemoProjectID + "/backups/" + DemoBackup, "", 200, map[string]string{"backup.status": "string", "backup.extend_info.os_images_data": "[]", "backup.created_at": "string"}, false},
		"vault":               {"GET", "/v3/" + DemoProjectID + "/vaults/" + DemoVault, "", 200, map[string]string{"vault.id": "string"}, false},
		"disk":                {"GET", "/v2/" + DemoProjectID + "/volumes/" + DemoVolume, "", 200, map[string]string{"volume.status": "string"}, false},
		"unknown job":         {"GET", project + "/jobs/0123456789abcdef0123456789abcdef", "", 400, map[string]string{"error.code": "string", "error.message": "string"}, false},
	} {
		for profile, change := range map[string][]func(*Options){ProfileOTC: nil, ProfileHuawei: {huawei}} {
			t.Run(name+", "+profile, func(t *testing.T) {
				t.Parallel()
				got := newDemo(t, change...).call(c.method, c.path, c.body)
				status := c.status
				if c.huawei && profile != ProfileHuawei {
					status = 404 // the gateway knows no such path
				}
				if got.status != status {
					t.Fatalf("status %d %s, want %d", got.status, got.raw, status)
				}
				if status != c.status {
					return
				}
				for _, member := range slices.Sorted(maps.Keys(c.want)) {
					if kind := shape(any(got.json), member); kind != c.want[member] {
						t.Errorf("%s is %s, want %s: %.300s", member, kind, c.want[member], got.raw)
					}
				}
			})
		}
	}
}

// TestShapesOfJobs follows one job through both queries.
func TestShapesOfJobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, huawei, fixed(time.Second, 10*time.Second))
		id := d.copy(named("n"))
		show, progress := "/v1/"+DemoProjectID+"/jobs/"+id, "/v1/cloudimages/job/"+id
		hold := func(path string, want map[string]string) {
			t.Helper()
			got := d.get(path).ok()
			for _, member := range slices.Sorted(maps.Keys(want)) {
				if kind := shape(any(got.json), member); kind != want[member] {
					t.Errorf("%s of %s is %s, want %s: %s", member, path, kind, want[member], got.raw)
				}
			}
		}
		always := map[string]string{"job_id": "string", "job_type": "string", "status": "string", "begin_time": "string", "end_time": "string", "error_code": "null", "fail_reason": "null", "entities": "object"}
		hold(show, always)
		time.Sleep(6 * time.Second)
		hold(show, map[string]string{"entities.image_name": "string", "entities.process_percent": "number", "entities.current_task": "string"})
		hold(progress, map[string]string{"entities.image_name": "string", "entities.process_percent": "number", "entities.image_id": "string"})
		time.Sleep(10 * time.Second)
		hold(show, always)
		hold(show, map[string]string{"entities.image_id": "string", "entities.image_name": "string"})
		hold(progress, map[string]string{"entities.process_percent": "number", "entities.current_task": "string"})
	})
}
