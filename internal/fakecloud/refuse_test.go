package fakecloud

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// attempt is one call and what the API reference says about it. Status 0 is
// 400 with a code, 200 without.
type attempt struct {
	name   string
	method string // default POST
	path   string
	body   string
	status int
	code   string
}

const copyPath = "/v1/cloudimages/" + DemoImage + "/copy"

func copyOfImage(id string) string { return "/v1/cloudimages/" + id + "/copy" }

// tagList writes n pairs as image_tags.
func tagList(n int) string {
	var pairs []string
	for i := range n {
		pairs = append(pairs, fmt.Sprintf(`{"key":"k%d","value":"v"}`, i))
	}
	return "[" + strings.Join(pairs, ",") + "]"
}

func fromBackup(fields string) string {
	return `{"name":"n","backup_id":"` + DemoBackup + `","whole_image_type":"CBR"` + fields + `}`
}

func fromServer(fields string) string {
	return `{"name":"n","instance_id":"` + DemoServer + `"` + fields + `}`
}

func named(name string) string { return `{"name":"` + name + `"}` }

// bodies are the rules for every creating call (2.1, 4.4).
var bodies = []attempt{
	{name: "empty body", path: copyPath, body: "", code: "IMG.0007"},
	{name: "only a newline", path: copyPath, body: "\n", code: "IMG.0007"},
	{name: "not JSON", path: copyPath, body: "{", code: "IMG.0001"},
	{name: "not an object", path: copyPath, body: `["n"]`, code: "IMG.0001"},
	{name: "two objects", path: copyPath, body: `{"name":"n"}{}`, code: "IMG.0001"},
	{name: "wrong type", path: copyPath, body: `{"name":1}`, code: "IMG.0001"},
	{name: "body ends in a newline", path: copyPath, body: `{"name":"n"}` + "\n"},
	{name: "unknown field", path: copyPath, body: `{"name":"n","colour":"red"}`},
	{name: "null field", path: copyPath, body: `{"name":"n","description":null}`},

	{name: "no name", path: copyPath, body: `{}`, code: "IMG.0013"},
	{name: "name of 128", path: copyPath, body: named(strings.Repeat("n", 128))},
	{name: "name of 129", path: copyPath, body: named(strings.Repeat("n", 129)), code: "IMG.0002"},
	{name: "name with every allowed sign", path: copyPath, body: named("aZ 0-._x")},
	{name: "name with a space first", path: copyPath, body: named(" n"), code: "IMG.0003"},
	{name: "name with a space last", path: copyPath, body: named("n "), code: "IMG.0003"},
	{name: "name with a slash", path: copyPath, body: named("a/b"), code: "IMG.0003"},
	{name: "name with an umlaut", path: copyPath, body: named("büro"), code: "IMG.0003"},
	{name: "Chinese name", path: copyPath, body: named("镜像"), code: "IMG.0003"},

	{name: "description of 1024", path: copyPath, body: `{"name":"n","description":"` + strings.Repeat("d", 1024) + `"}`},
	{name: "description of 1025", path: copyPath, body: `{"name":"n","description":"` + strings.Repeat("d", 1025) + `"}`, code: "IMG.0004"},
	{name: "description with <", path: copyPath, body: `{"name":"n","description":"a<b"}`, code: "IMG.0054"},
	{name: "description with >", path: copyPath, body: `{"name":"n","description":"a>b"}`, code: "IMG.0054"},
	{name: "description with CR", path: copyPath, body: `{"name":"n","description":"a\rb"}`, code: "IMG.0054"},

	{name: "both tag fields", path: wholePath, body: fromBackup(`,"tags":["a.b"],"image_tags":[{"key":"a","value":"b"}]`), code: "IMG.0115"},
	{name: "ten tags", path: wholePath, body: fromBackup(`,"image_tags":` + tagList(10))},
	{name: "eleven tags", path: wholePath, body: fromBackup(`,"image_tags":` + tagList(11)), code: "IMG.0116"},
	{name: "tags with a dot in the value", path: wholePath, body: fromBackup(`,"tags":["a.b.c"]`)},
	{name: "tags without a dot", path: wholePath, body: fromBackup(`,"tags":["a"]`), code: "IMG.0115"},
	{name: "tag key of 36", path: wholePath, body: fromBackup(`,"image_tags":[{"key":"` + strings.Repeat("k", 36) + `","value":""}]`)},
	{name: "tag key of 37", path: wholePath, body: fromBackup(`,"image_tags":[{"key":"` + strings.Repeat("k", 37) + `","value":""}]`), code: "IMG.0115"},
	{name: "empty tag key", path: wholePath, body: fromBackup(`,"image_tags":[{"key":"","value":"v"}]`), code: "IMG.0115"},
	{name: "tag key with a dot", path: wholePath, body: fromBackup(`,"image_tags":[{"key":"a.b","value":"v"}]`), code: "IMG.0115"},
	{name: "tag key with spaces around", path: wholePath, body: fromBackup(`,"image_tags":[{"key":" a ","value":"v"}]`)},
	{name: "tag value of 43", path: wholePath, body: fromBackup(`,"image_tags":[{"key":"a","value":"` + strings.Repeat("v", 43) + `"}]`)},
	{name: "tag value of 44", path: wholePath, body: fromBackup(`,"image_tags":[{"key":"a","value":"` + strings.Repeat("v", 44) + `"}]`), code: "IMG.0115"},
	{name: "tag value with a dot", path: wholePath, body: fromBackup(`,"image_tags":[{"key":"a","value":"v.1"}]`)},
	{name: "tag value with a space", path: wholePath, body: fromBackup(`,"image_tags":[{"key":"a","value":"v 1"}]`), code: "IMG.0115"},
}

// wholes are the rules of 2.2.
var wholes = []attempt{
	{name: "from a CBR backup", path: wholePath, body: fromBackup("")},
	{name: "empty instance_id beside backup_id", path: wholePath, body: fromBackup(`,"instance_id":""`)},
	{name: "instance_id and backup_id", path: wholePath, body: fromBackup(`,"instance_id":"` + DemoServer + `"`), code: "IMG.0001"},
	{name: "neither", path: wholePath, body: `{"name":"n"}`, code: "IMG.0012"},
	{name: "unknown server", path: wholePath, body: `{"name":"n","instance_id":"no"}`, code: "IMG.0005"},
	{name: "unknown CBR backup", path: wholePath, body: `{"name":"n","backup_id":"no","whole_image_type":"CBR"}`, code: "IMG.0020"},
	{name: "unknown CSBS backup", path: wholePath, body: `{"name":"n","backup_id":"no"}`, code: "IMG.0127"},
	{name: "CBR backup as CSBS", path: wholePath, body: `{"name":"n","backup_id":"` + DemoBackup + `"}`, code: "IMG.0198"},
	{name: "CSBS backup as CBR", path: wholePath, body: `{"name":"n","backup_id":"` + DemoCSBSBackup + `","whole_image_type":"CBR"}`, code: "IMG.0198"},
	{name: "whole_image_type outside the enum", path: wholePath, body: `{"name":"n","backup_id":"` + DemoBackup + `","whole_image_type":"EVS"}`, code: "IMG.0198"},
	{name: "from a CSBS backup", path: wholePath, body: `{"name":"n","backup_id":"` + DemoCSBSBackup + `"}`},
	{name: "used CBR backup", path: wholePath, body: `{"name":"n","backup_id":"` + DemoWholeBackup + `","whole_image_type":"CBR"}`, code: "IMG.0134"},
	{name: "used CSBS backup", path: wholePath, body: `{"name":"n","backup_id":"csbs-used"}`, code: "IMG.0029"},
	{name: "backup still protecting", path: wholePath, body: `{"name":"n","backup_id":"protecting","whole_image_type":"CBR"}`, code: "IMG.0032"},
	{name: "backup in error", path: wholePath, body: `{"name":"n","backup_id":"error","whole_image_type":"CBR"}`, code: "IMG.0132"},
	{name: "backup of a volume", path: wholePath, body: `{"name":"n","backup_id":"volume","whole_image_type":"CBR"}`, code: "IMG.0033"},
	{name: "backup without system disk", path: wholePath, body: `{"name":"n","backup_id":"no-disk","whole_image_type":"CBR"}`, code: "IMG.0195"},
	{name: "negative memory", path: wholePath, body: fromBackup(`,"min_ram":-1`), code: "IMG.0055"},
	{name: "memory as text", path: wholePath, body: fromBackup(`,"max_ram":"1024"`), code: "IMG.0001"},

	{name: "from a server", path: wholePath, body: fromServer("")},
	{name: "from a server into a vault", path: wholePath, body: fromServer(`,"vault_id":"` + DemoVault + `"`)},
	{name: "protected server without vault", path: wholePath, body: `{"name":"n","instance_id":"` + DemoVaultServer + `"}`, code: "IMG.0184"},
	{name: "unknown vault", path: wholePath, body: fromServer(`,"vault_id":"no"`), code: "IMG.0184"},
	{name: "server in another vault", path: wholePath, body: `{"name":"n","instance_id":"` + DemoVaultServer + `","vault_id":"other"}`, code: "IMG.0183"},
	{name: "vault without room", path: wholePath, body: fromServer(`,"vault_id":"full"`), code: "IMG.0182"},
	{name: "vault with too many servers", path: wholePath, body: fromServer(`,"vault_id":"crowded"`), code: "IMG.0185"},
	{name: "vault for disks", path: wholePath, body: fromServer(`,"vault_id":"disks"`), code: "IMG.0193"},
	{name: "frozen vault", path: wholePath, body: fromServer(`,"vault_id":"frozen"`), code: "IMG.0188"},
	{name: "server bound to CSBS into a vault", path: wholePath, body: `{"name":"n","instance_id":"csbs","vault_id":"` + DemoVault + `"}`, code: "IMG.0186"},
	{name: "server in a state that forbids it", path: wholePath, body: `{"name":"n","instance_id":"resizing"}`, code: "IMG.0126"},
	{name: "stopped server", path: wholePath, body: `{"name":"n","instance_id":"stopped"}`},
	{name: "server with DESS disks", path: wholePath, body: `{"name":"n","instance_id":"dess"}`, code: "IMG.0153"},
	{name: "server with a busy disk", path: wholePath, body: `{"name":"n","instance_id":"busy"}`, code: "IMG.0139"},
}

// copies are the rules of 2.7 and 2.13.
var copies = []attempt{
	{name: "tags are ignored", path: copyPath, body: `{"name":"n","image_tags":"whatever"}`},
	{name: "unknown image", path: copyOfImage("no"), body: named("n"), code: "IMG.0027"},
	{name: "whole image", path: copyOfImage(DemoWholeImage), body: named("n"), code: "IMG.0130"},
	{name: "ISO image", path: copyOfImage(DemoISOImage), body: named("n"), code: "IMG.0167"},
	{name: "public image", path: copyOfImage(DemoPublicImage), body: named("n"), code: "IMG.0083"},
	{name: "encrypted image", path: copyOfImage(DemoEncryptedImage), body: named("n")},
	{name: "encrypted image with another key", path: copyOfImage(DemoEncryptedImage), body: `{"name":"n","cmk_id":"other"}`},
	{name: "encrypted image with its key", path: copyOfImage(DemoEncryptedImage), body: `{"name":"n","cmk_id":"` + DemoKey + `"}`, code: "IMG.0096"},
	{name: "shared image not accepted", path: copyOfImage("shared-pending"), body: named("n"), code: "IMG.0196"},
	{name: "shared image", path: copyOfImage("shared"), body: named("n")},
	{name: "shared encrypted image", path: copyOfImage("shared-encrypted"), body: named("n"), code: "IMG.0197"},
	{name: "image not active", path: copyOfImage("saving"), body: named("n"), code: "IMG.0046"},
	{name: "path of the other cloud", path: "/v2.1/cloudimages/" + DemoImage + "/copy", body: named("n"), status: 404, code: "APIGW.0101"},
}

// queries are the rules of 3 and 4.
var queries = []attempt{
	{name: "unknown job", method: "GET", path: "/v1/" + DemoProjectID + "/jobs/9a175ac792fa12d20193002100dd2762", code: "IMG.0023"},
	{name: "job of another project", method: "GET", path: "/v1/ffffffffffffffffffffffffffffffff/jobs/x", status: 403, code: "IMG.0030"},
	{name: "progress is not offered", method: "GET", path: "/v1/cloudimages/job/9a175ac792fa12d20193002100dd2762", status: 404, code: "APIGW.0101"},
	{name: "unknown image in the list", method: "GET", path: "/v2/cloudimages?id=no"},
	{name: "unknown image natively", method: "GET", path: "/v2/images/no", status: 404, code: "<nil>"},
	{name: "bad time", method: "GET", path: "/v2/cloudimages?created_at=gte:yesterday", code: "IMG.0001"},
	{name: "bad operator", method: "GET", path: "/v2/cloudimages?created_at=since:2026-01-02T03:04:05Z", code: "IMG.0001"},
	{name: "bad limit", method: "GET", path: "/v2/cloudimages?limit=many", code: "IMG.0001"},
	{name: "bad sort key", method: "GET", path: "/v2/cloudimages?sort_key=colour", code: "IMG.0001"},
	{name: "bad sort direction", method: "GET", path: "/v2/cloudimages?sort_dir=up", code: "IMG.0001"},
	{name: "unknown marker", method: "GET", path: "/v2/cloudimages?marker=no", code: "IMG.0027"},
	{name: "eleventh tag", path: "/v2/" + DemoProjectID + "/images/ten-tags/tags", body: `{"tag":{"key":"new","value":"v"}}`, code: "IMG.0116"},
	{name: "known key of ten", path: "/v2/" + DemoProjectID + "/images/ten-tags/tags", body: `{"tag":{"key":"k1","value":"w"}}`, status: 204},
	{name: "bad tag", path: "/v2/" + DemoProjectID + "/images/" + DemoImage + "/tags", body: `{"tag":{"key":"a b","value":""}}`, code: "IMG.0115"},
	{name: "tag of a public image", path: "/v2/" + DemoProjectID + "/images/" + DemoPublicImage + "/tags", body: `{"tag":{"key":"a","value":""}}`, code: "IMG.0047"},
	{name: "delete a tag that is not there", method: "DELETE", path: "/v2/" + DemoProjectID + "/images/" + DemoImage + "/tags/no", status: 404, code: "IMG.0121"},
	{name: "delete tags that are not there", path: "/v2/" + DemoProjectID + "/images/" + DemoImage + "/tags/action", body: `{"action":"delete","tags":[{"key":"no"}]}`, status: 204},
	{name: "unknown batch action", path: "/v2/" + DemoProjectID + "/images/" + DemoImage + "/tags/action", body: `{"action":"CREATE","tags":[{"key":"a"}]}`, code: "IMG.0001"},
	{name: "delete a protected image", method: "DELETE", path: "/v2/images/protected", code: "IMG.0091"},
	{name: "delete a public image", method: "DELETE", path: "/v2/images/" + DemoPublicImage, code: "IMG.0094"},
	{name: "delete an image being made", method: "DELETE", path: "/v2/images/saving", code: "IMG.0090"},
	{name: "delete an image of another tenant", method: "DELETE", path: "/v2/images/shared", code: "IMG.0092"},
	{name: "unknown backup", method: "GET", path: "/v3/" + DemoProjectID + "/backups/no", status: 404, code: "BackupService.6217"},
	{name: "CSBS backup in CBR", method: "GET", path: "/v3/" + DemoProjectID + "/backups/" + DemoCSBSBackup, status: 404, code: "BackupService.6217"},
	{name: "too long a page of backups", method: "GET", path: "/v3/" + DemoProjectID + "/backups?limit=1001", status: 400, code: "BackupService.9900"},
	{name: "wrong method", method: "PUT", path: copyPath, body: "{}", status: 404, code: "APIGW.0101"},
}

// oddWorld is what the rules need besides the demo's things.
func oddWorld() World {
	at := time.Now().Add(time.Hour)
	return World{
		Servers: []Server{
			{ID: "csbs", CSBS: true}, {ID: "resizing", Status: "RESIZE"}, {ID: "stopped", Status: "SHUTOFF"}, {ID: "dess", DESS: true}, {ID: "busy", DiskBusy: true},
			{ID: "neighbour", VaultID: "crowded"},
		},
		Vaults: []Vault{
			{ID: "other", SizeGB: 1000}, {ID: "full", SizeGB: 100, UsedGB: 90}, {ID: "crowded", SizeGB: 1000, MaxServers: 1},
			{ID: "disks", SizeGB: 1000, ObjectType: "disk"}, {ID: "frozen", SizeGB: 1000, Status: "frozen"},
		},
		Backups: []Backup{
			{ID: "csbs-used", Service: "CSBS", ImageID: DemoImage}, {ID: "protecting", Available: at}, {ID: "error", Status: "error"},
			{ID: "volume", ResourceType: "OS::Cinder::Volume"}, {ID: "no-disk", NoSystemDisk: true},
		},
		Images: []Image{
			{ID: "shared-pending", Type: "shared", Owner: publicOwner, MemberStatus: "pending"},
			{ID: "shared", Type: "shared", Owner: publicOwner, MemberStatus: "accepted"},
			{ID: "shared-encrypted", Type: "shared", Owner: publicOwner, MemberStatus: "accepted", CMK: "k"},
			{ID: "saving", Active: at}, {ID: "protected", Protected: true},
			{ID: "ten-tags", Tags: tenTags()},
		},
	}
}

func tenTags() []Tag {
	var tags []Tag
	for i := range 10 {
		tags = append(tags, Tag{Key: fmt.Sprintf("k%d", i), Value: "v"})
	}
	return tags
}

func (a attempt) run(d *demo) {
	method := a.method
	if method == "" {
		method = http.MethodPost
	}
	status := a.status
	if status == 0 && a.code != "" {
		status = http.StatusBadRequest
	}
	if status == 0 {
		status = http.StatusOK
	}
	before := len(d.fake.Truth(DemoCloud))
	d.call(method, a.path, a.body).want(status, a.code)
	changed := method != http.MethodGet && status < 300
	if got := len(d.fake.Truth(DemoCloud)) - before; (got == 1) != changed {
		d.t.Errorf("%d accepted changes after %d", got, status)
	}
}

// TestRefusesWhatTheAPIRefuses runs every rule in both signing variants.
func TestRefusesWhatTheAPIRefuses(t *testing.T) {
	t.Parallel()
	signers := map[string]func(*http.Request, string, keys, time.Time){"A": signA, "B": signB}
	for variant, sign := range signers {
		for _, group := range [][]attempt{bodies, wholes, copies, queries} {
			for _, a := range group {
				t.Run(variant+"/"+a.name, func(t *testing.T) {
					t.Parallel()
					d := newDemo(t)
					d.sign = sign
					if _, err := d.fake.Add(DemoCloud, oddWorld()); err != nil {
						t.Fatal(err)
					}
					a.run(d)
				})
			}
		}
	}
}

func TestHuaweiProfileAllowsMore(t *testing.T) {
	t.Parallel()
	d := newDemo(t, huawei)
	d.post(copyPath, named("镜像")).ok()
	job := d.post("/v2.1/cloudimages/"+DemoImage+"/copy", named("n")).ok().text("job_id")
	d.get("/v1/cloudimages/job/" + job).ok()
}

func TestOneImageABackup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, fixed(time.Second, 10*time.Second))
		job := d.whole(DemoBackup)
		d.post(wholePath, wholeBody(DemoBackup)).want(400, "IMG.0134")
		time.Sleep(11 * time.Second)
		d.post(wholePath, wholeBody(DemoBackup)).want(400, "IMG.0134")
		image := d.job(job).text("entities", "image_id")
		backup := "/v3/" + DemoProjectID + "/backups/" + DemoBackup
		if got := d.get(backup).text("backup", "extend_info", "os_images_data", 0, "image_id"); got != image {
			t.Errorf("backup names %q, want %q", got, image)
		}
		d.call(http.MethodDelete, "/v2/images/"+image, "").want(204, "")
		if got := d.get(backup).length("backup", "extend_info", "os_images_data"); got != 0 {
			t.Errorf("backup still names %d images", got)
		}
		d.whole(DemoBackup)
	})
}

func TestOneImageABackupAtOnce(t *testing.T) {
	t.Parallel()
	d := newDemo(t, switched(func(s *Switches) { s.RatesOff = true }))
	codes := make(chan int, 50)
	for range cap(codes) {
		go func() { codes <- d.post(wholePath, wholeBody(DemoBackup)).status }()
	}
	accepted := 0
	for range cap(codes) {
		if <-codes == http.StatusOK {
			accepted++
		}
	}
	if truth := d.fake.Truth(DemoCloud); accepted != 1 || len(truth) != 1 {
		t.Errorf("%d accepted, truth %v", accepted, truth)
	}
}

func TestSwitchedRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Switches)
		a      attempt
	}{
		"quota":       {func(s *Switches) { s.Quota = 4 }, attempt{path: copyPath, body: named("n"), code: "IMG.0015"}},
		"names":       {func(s *Switches) { s.UniqueNames = true }, attempt{path: copyPath, body: named("base-2026-01"), code: "IMG.0009"}},
		"no CSBS":     {func(s *Switches) { s.CSBSGone = true }, attempt{path: wholePath, body: `{"name":"n","backup_id":"` + DemoCSBSBackup + `"}`, code: "IMG.0190"}},
		"vault":       {func(s *Switches) { s.CSBSGone = true }, attempt{path: wholePath, body: fromServer(""), code: "IMG.0184"}},
		"unknown job": {func(s *Switches) { s.UnknownJob404 = true }, attempt{method: "GET", path: "/v1/" + DemoProjectID + "/jobs/x", status: 404, code: "IMG.0023"}},
		"progress":    {func(s *Switches) { s.JobProgress = "on" }, attempt{method: "GET", path: "/v1/cloudimages/job/x", code: "IMG.0023"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.a.run(newDemo(t, switched(c.change)))
		})
	}
}
