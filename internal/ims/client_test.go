package ims

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCreateWholeImage(t *testing.T) {
	t.Parallel()
	s := play(t, step{
		method: "POST", path: "/v1/cloudimages/wholeimages/action", status: 200, reply: `{"job_id":" 9a175ac792fa12d20193002100dd2762"}`,
		body: `{"name":"nightly & <web>","backup_id":"b-1","whole_image_type":"CBR","image_tags":[{"key":"op","value":""}],"min_ram":0}`,
		check: func(t *testing.T, r *http.Request) {
			if got := r.Header.Get("Content-Type"); got != "application/json;charset=UTF-8" {
				t.Errorf("content type %q", got)
			}
		},
	})
	zero := 0
	id, err := dial(t, keyConfig(s.URL)).CreateWholeImage(t.Context(), WholeImage{
		Name: "nightly & <web>", BackupID: "b-1", WholeImageType: "CBR", ImageTags: []Tag{{Key: "op"}}, MinRAM: &zero,
	})
	if err != nil || id != "9a175ac792fa12d20193002100dd2762" {
		t.Errorf("got %q, %v", id, err)
	}
}

// TestUnreadableAnswers: whatever cannot be read of a 200 may mean that the
// work was begun.
func TestUnreadableAnswers(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]string{
		"page": "<html>", "empty": "", "no id": "{}", "blank id": `{"job_id":" "}`, "null id": `{"job_id":null}`,
		"cut": `{"job_id":"a`, "no segment": `{"job_id":"a/../b"}`, "long id": `{"job_id":"` + strings.Repeat("a", maxID+1) + `"}`, "list": `[]`, "too long": strings.Repeat(" ", maxAnswer+1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, step{status: 200, reply: reply, header: map[string]string{"X-Request-Id": "r9"}})
			_, err := dial(t, keyConfig(s.URL)).CopyImage(t.Context(), "i", ImageCopy{Name: "n"})
			var e *Error
			if !errors.As(err, &e) || VerdictOf(err) != Uncertain || e.Status != 200 {
				t.Errorf("got %v, verdict %s", err, VerdictOf(err))
			}
		})
	}
}

func TestIDsStaySegments(t *testing.T) {
	t.Parallel()
	c := dial(t, keyConfig("http://127.0.0.1:1"))
	for _, id := range []string{"", "..", "a/b", "a?b", "a%2Fb", "ä", strings.Repeat("a", 300)} {
		_, err := c.CopyImage(t.Context(), id, ImageCopy{Name: "n"})
		if VerdictOf(err) != Refused || ReasonOf(err) != reasonInvalid || err == nil {
			t.Errorf("%q: got %v", id, err)
		}
		if _, err := c.Image(t.Context(), id); VerdictOf(err) != Refused {
			t.Errorf("image %q: got %v", id, err)
		}
	}
}

const runningJob = `{ "job_id": "j-1", "job_type": "imsCopyImageInRegionJob",
  "begin_time": "2026-01-02T03:04:20.859Z", "end_time": "", "status": "RUNNING", "error_code": null, "fail_reason": null,
  "entities": { "image_name": "base copy", "process_percent": 0.40, "current_task": "CopyImageInRegionTask:",
    "subJobId": "ff80", "image_id": "498cc67e-9a39-47a1-9aa5-64e0e13f6a7c" } }`

func TestJob(t *testing.T) {
	t.Parallel()
	percent := 0.4
	tests := map[string]struct {
		reply string
		want  Job
	}{
		"running": {runningJob, Job{
			ID: "j-1", Type: "imsCopyImageInRegionJob", Status: JobRunning, Begin: time.Date(2026, 1, 2, 3, 4, 20, 859e6, time.UTC),
			Percent: &percent, Task: "CopyImageInRegionTask:", ImageID: "498cc67e-9a39-47a1-9aa5-64e0e13f6a7c", ImageName: "base copy",
		}},
		"failed, old time": {`{"job_id":"j-1","job_type":"x","begin_time":"04-Jun-2015 18:11:06:586","status":"fail","error_code":"IMG.0134","fail_reason":"used"}`, Job{
			ID: "j-1", Type: "x", Status: JobFail, Begin: time.Date(2015, 6, 4, 18, 11, 6, 586e6, time.UTC), ErrorCode: "IMG.0134", FailReason: "used",
		}},
		"reasons inside": {`{"status":"FAILED","entities":{"process_percent":"0.4","addition_error_code":"Ecs.1","addition_error_msg":"deep"}}`, Job{
			ID: "j-1", Status: JobFail, ErrorCode: "Ecs.1", FailReason: "deep", Percent: &percent,
		}},
		"unknown status": {`{"status":"PAUSED","entities":{}}`, Job{ID: "j-1", Status: JobRunning}},
		"sub jobs and results": {`{"status":"success","entities":{"sub_jobs_result":[{"job_id":"s1","status":"SUCCESS","entities":{"image_id":"a","image_name":"one"}},
			{"job_id":"s2","status":"FAIL","error_code":"IMG.0014","entities":{}}],"results":[{"image_id":"a","status":"Success"}]}}`, Job{
			ID: "j-1", Status: JobSuccess,
			SubJobs: []SubJob{{ID: "s1", Status: JobSuccess, ImageID: "a", ImageName: "one"}, {ID: "s2", Status: JobFail, ErrorCode: "IMG.0014"}},
			Results: []MemberResult{{ImageID: "a", Status: "success"}},
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, step{method: "GET", path: "/v1/" + testProject + "/jobs/j-1", status: 200, reply: tt.reply})
			got, err := dial(t, keyConfig(s.URL)).Job(t.Context(), "j-1")
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%v\n got %+v\nwant %+v", err, got, tt.want)
			}
		})
	}
}

func TestJobImagesAreAUnion(t *testing.T) {
	t.Parallel()
	j := Job{ImageID: "a", SubJobs: []SubJob{{ImageID: "b"}, {ImageID: "a"}, {}, {ImageID: "c"}}}
	if got := j.Images(); !slices.Equal(got, []JobImage{{ID: "a"}, {ID: "b"}, {ID: "c"}}) {
		t.Errorf("got %v", got)
	}
}

// TestJobFallsBack: a gateway that does not know one query is asked by the
// other, from then on at once.
func TestJobFallsBack(t *testing.T) {
	t.Parallel()
	missing := step{method: "GET", path: "/v1/cloudimages/job/j", status: 404, reply: `{"error_code":"APIGW.0101","error_msg":"no API"}`}
	found := step{method: "GET", path: "/v1/" + testProject + "/jobs/j", status: 200, reply: `{"status":"RUNNING"}`}
	s := play(t, missing, found, found)
	cfg := keyConfig(s.URL)
	cfg.JobQuery = ShowJobProgress
	c := dial(t, cfg)
	for range 2 {
		if _, err := c.Job(t.Context(), "j"); err != nil {
			t.Error(err)
		}
	}
	if c.JobQuery() != ShowJob {
		t.Errorf("query is %s", c.JobQuery())
	}
}

// TestImageFlexibly decodes the types that trap other clients (API reference,
// section 7).
func TestImageFlexibly(t *testing.T) {
	t.Parallel()
	s := play(t, step{method: "GET", path: "/v2/cloudimages?id=i-1", status: 200, reply: `{"images":[{
		"id":"i-1","name":"n","status":"ACTIVE","created_at":"2026-01-02T03:04:06Z","updated_at":"2026-01-02T03:04:58.800931",
		"max_ram":2048,"size":5368709120,"virtual_size":null,"min_disk":"40","protected":"false","__lazyloading":true,
		"tags":["op=a=b","lone"],"__whole_image":true,"__isregistered":"True","__backup_id":"b-1","enterprise_project_id":0,
		"__system__cmkid":"k","__os_feature_list":"[]","surprise":{"a":[1]}}]}`})
	got, err := dial(t, keyConfig(s.URL)).Image(t.Context(), "i-1")
	want := Image{
		ID: "i-1", Name: "n", Status: ImageActive, CreatedAt: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC),
		UpdatedAt: time.Date(2026, 1, 2, 3, 4, 58, 800931000, time.UTC), Tags: []Tag{{"op", "a=b"}, {"lone", ""}},
		Whole: true, Registered: true, Encrypted: true, CMKID: "k", BackupID: "b-1", MinDisk: 40, Size: 5368709120, EnterpriseProjectID: "0",
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
	if v, ok := got.Tag("op"); v != "a=b" || !ok {
		t.Errorf("tag %q", v)
	}
}

// TestImageNotListed: the extended list hides images that are not registered,
// and may answer with another image.
func TestImageNotListed(t *testing.T) {
	t.Parallel()
	hidden := step{method: "GET", path: "/v2/cloudimages?id=i-1", status: 200, reply: `{"images":[{"id":"i-2","status":"active"}]}`}
	native := step{method: "GET", path: "/v2/images/i-1", status: 200, reply: `{"id":"i-1","status":"queued"}`}
	gone := step{method: "GET", path: "/v2/images/i-1", status: 404, reply: "<html>No image</html>"}
	s := play(t, hidden, native, hidden, gone)
	c := dial(t, keyConfig(s.URL))
	if got, err := c.Image(t.Context(), "i-1"); err != nil || got.Status != ImageQueued {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := c.Image(t.Context(), "i-1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestImagesPages(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 4, 4, 5, 999, time.FixedZone("", 3600))
	s := play(t,
		step{method: "GET", path: "/v2/images?created_at=gte%3A2026-01-02T03%3A04%3A05Z&limit=2&sort_dir=asc&sort_key=created_at&tag=op%3Dx", status: 200, reply: `{"images":[{"id":"a"},{"id":"b"}]}`},
		step{method: "GET", path: "/v2/images?created_at=gte%3A2026-01-02T03%3A04%3A05Z&limit=2&marker=b&sort_dir=asc&sort_key=created_at&tag=op%3Dx", status: 200, reply: `{"images":[{"id":"c"}]}`},
	)
	var ids []string
	for page, err := range dial(t, keyConfig(s.URL)).ImagePages(t.Context(), ImageFilter{Native: true, Limit: 2, Tag: "op=x", CreatedSince: at}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page {
			ids = append(ids, i.ID)
		}
	}
	if !slices.Equal(ids, []string{"a", "b", "c"}) {
		t.Errorf("got %v", ids)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	base := "/v2/" + testProject + "/images/i/tags"
	s := play(t,
		step{method: "GET", path: base, status: 200, reply: `{"tags":[{"key":"op","value":"x"}]}`},
		step{method: "POST", path: base + "/action", status: 204, body: `{"action":"create","tags":[{"key":"op","value":"y"}]}`},
		step{method: "DELETE", path: base + "/op", status: 204},
		step{method: "DELETE", path: base + "/op", status: 404, reply: `{"error":{"code":"IMG.0121","message":"no tag"}}`},
	)
	c := dial(t, keyConfig(s.URL))
	if tags, err := c.ImageTags(t.Context(), "i"); err != nil || !slices.Equal(tags, []Tag{{"op", "x"}}) {
		t.Errorf("got %v, %v", tags, err)
	}
	if err := c.AddImageTags(t.Context(), "i", Tag{"op", "y"}); err != nil {
		t.Error(err)
	}
	if err := c.DeleteImageTag(t.Context(), "i", "op"); err != nil {
		t.Error(err)
	}
	if err := c.DeleteImageTag(t.Context(), "i", "op"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestBackupAndVault(t *testing.T) {
	t.Parallel()
	s := play(t,
		step{method: "GET", path: "/v3/" + testProject + "/backups/b-1", status: 200, reply: `{"backup":{"id":"b-1","status":"available","resource_type":"OS::Nova::Server",
			"resource_id":"s-1","enterprise_project_id":0,"created_at":"2026-01-02T02:00:12.085+00:00","expired_at":null,
			"extend_info":{"contain_system_disk":true,"os_images_data":[{"image_id":"i-1"}]}}}`},
		step{method: "GET", path: "/v3/" + testProject + "/backups/b-2", status: 404, reply: `{"error_code":"BackupService.6217","error_msg":"none"}`},
		step{method: "GET", path: "/v3/" + testProject + "/vaults/v-1", status: 200, reply: `{"vault":{"id":"v-1","name":"v","resources":[{"id":"s-1","type":"OS::Nova::Server"}],
			"billing":{"status":"available","object_type":"server","protect_type":"backup","size":"100","used":4096}}}`},
	)
	c := dial(t, keyConfig(s.URL))
	b, err := c.Backup(t.Context(), "b-1")
	if err != nil || b.ResourceType != ServerBackup || b.ContainSystemDisk == nil || !*b.ContainSystemDisk || !slices.Equal(b.ImageIDs, []string{"i-1"}) ||
		!b.CreatedAt.Equal(time.Date(2026, 1, 2, 2, 0, 12, 85e6, time.UTC)) || !b.ExpiredAt.IsZero() {
		t.Errorf("got %+v, %v", b, err)
	}
	if _, err := c.Backup(t.Context(), "b-2"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	v, err := c.Vault(t.Context(), "v-1")
	if err != nil || v.Status != "available" || v.SizeGB != 100 || v.UsedMB != 4096 || !slices.Equal(v.Resources, []string{"s-1"}) {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"2026-01-02T03:04:05Z":          "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05.195Z":      "2026-01-02T03:04:05.195Z",
		"2026-01-02T03:04:05.800931":    "2026-01-02T03:04:05.800931Z",
		"2026-01-02T03:04:05.123456Z":   "2026-01-02T03:04:05.123456Z",
		"2019-05-10T07:59:12.085+00:00": "2019-05-10T07:59:12.085Z",
		"2019-05-10T07:59:12.085+0200":  "2019-05-10T05:59:12.085Z",
		"04-Jun-2015 18:11:06:586":      "2015-06-04T18:11:06.586Z",
		"9999-12-31T23:59:59-01:00":     "0001-01-01T00:00:00Z",
		"0000-01-01T00:00:00+01:00":     "0001-01-01T00:00:00Z",
		"":                              "0001-01-01T00:00:00Z",
		"yesterday":                     "0001-01-01T00:00:00Z",
	} {
		if got := parseTime(s).Format(time.RFC3339Nano); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
}
