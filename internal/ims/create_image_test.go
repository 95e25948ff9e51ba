package ims

import (
	"context"
	"testing"
)

const jobStarted = `{"job_id":" 9a175ac792fa12d20193002100dd2762"}`

// starts are the calls that make images of servers, disks and files, as they
// stand on the wire, with the path of the v2.1 twin.
var starts = map[string]struct {
	path, safe, body string
	start            func(context.Context, *Client) (string, error)
}{
	"server": {
		"/v2/cloudimages/action", "/v2.1/cloudimages/action", `{"name":"n","instance_id":"s","image_tags":[{"key":"op","value":"k"}]}`,
		func(ctx context.Context, c *Client) (string, error) {
			return c.CreateImage(ctx, NewImage{Name: "n", InstanceID: "s", ImageTags: []Tag{{"op", "k"}}})
		},
	},
	"file": {
		"/v2/cloudimages/action", "/v2.1/cloudimages/action",
		`{"name":"n","image_url":"b:f","min_disk":40,"os_version":"o","os_type":"Linux","is_config":true,"is_config_init":true,"cmk_id":"c","type":"ECS",` +
			`"is_quick_import":true,"architecture":"x86","hw_firmware_type":"bios","data_images":[{"name":"d","image_url":"b:d","min_disk":10,"is_quick_import":true,"tags":["op.k"]}],` +
			`"description":"d","tags":["op.k"],"enterprise_project_id":"0","max_ram":2,"min_ram":0}`,
		func(ctx context.Context, c *Client) (string, error) {
			return c.CreateImage(ctx, NewImage{
				Name: "n", ImageURL: "b:f", MinDisk: new(40), OSVersion: "o", OSType: "Linux", IsConfig: true, IsConfigInit: true, CMKID: "c", Type: "ECS",
				IsQuickImport: true, Architecture: "x86", HWFirmwareType: "bios", Description: "d", Tags: []string{"op.k"}, EnterpriseProjectID: "0", MaxRAM: new(2), MinRAM: new(0),
				DataImages: []DataImage{{Name: "d", ImageURL: "b:d", MinDisk: new(10), IsQuickImport: true, Tags: []string{"op.k"}}},
			})
		},
	},
	"volumes": {
		"/v2/cloudimages/action", "/v2.1/cloudimages/action", `{"data_images":[{"name":"d","volume_id":"v","description":"x","image_tags":[{"key":"op","value":"k"}]}]}`,
		func(ctx context.Context, c *Client) (string, error) {
			return c.CreateImage(ctx, NewImage{DataImages: []DataImage{{Name: "d", VolumeID: "v", Description: "x", ImageTags: []Tag{{"op", "k"}}}}})
		},
	},
	"data": {
		"/v1/cloudimages/dataimages/action", "/v2.1/cloudimages/dataimages/action",
		`{"name":"n","image_url":"b:f","min_disk":40,"os_type":"Linux","description":"d","cmk_id":"c","tags":["op.k"],"enterprise_project_id":"0"}`,
		func(ctx context.Context, c *Client) (string, error) {
			return c.CreateDataImage(ctx, DataFile{Name: "n", ImageURL: "b:f", MinDisk: new(40), OSType: "Linux", Description: "d", CMKID: "c", Tags: []string{"op.k"}, EnterpriseProjectID: "0"})
		},
	},
	"quick": {
		"/v2/cloudimages/quickimport/action", "/v2.1/cloudimages/quickimport/action",
		`{"name":"n","image_url":"b:f","min_disk":40,"os_version":"o","type":"ECS","architecture":"x86","hw_firmware_type":"uefi","license_type":"byol","description":"d","tags":["op.k"]}`,
		func(ctx context.Context, c *Client) (string, error) {
			return c.ImportImage(ctx, QuickImport{
				Name: "n", ImageURL: "b:f", MinDisk: new(40), OSVersion: "o", Type: "ECS", Architecture: "x86", HWFirmwareType: "uefi", LicenseType: "byol",
				Description: "d", Tags: []string{"op.k"},
			})
		},
	},
	"copy": {
		"/v1/cloudimages/i/copy", "/v2.1/cloudimages/i/copy", `{"name":"n"}`,
		func(ctx context.Context, c *Client) (string, error) {
			return c.CopyImage(ctx, "i", ImageCopy{Name: "n"})
		},
	},
}

func TestStarts(t *testing.T) {
	t.Parallel()
	for name, tt := range starts {
		for path, safe := range map[string]bool{tt.path: false, tt.safe: true} {
			t.Run(name+path, func(t *testing.T) {
				t.Parallel()
				s := play(t, step{method: "POST", path: path, body: tt.body, status: 200, reply: jobStarted})
				cfg := keyConfig(s.URL)
				cfg.SafeMode = safe
				if job, err := tt.start(t.Context(), dial(t, cfg)); err != nil || job != "9a175ac792fa12d20193002100dd2762" {
					t.Errorf("got %q, %v", job, err)
				}
			})
		}
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	s := play(t,
		step{method: "POST", path: "/v2/images", status: 201, reply: `{"id":"` + testImage + `","status":"queued"}`,
			body: `{"name":"n","__os_version":"o","visibility":"private","protected":true,"container_format":"bare","disk_format":"zvhd2","tags":["op=k"],"min_ram":0,"min_disk":40}`},
		step{method: "PUT", path: "/v1/cloudimages/" + testImage + "/upload", body: `{"image_url":"b:f"}`, status: 200, reply: jobStarted},
	)
	c := dial(t, keyConfig(s.URL))
	id, err := c.CreateMetadata(t.Context(), Metadata{
		Name: "n", OSVersion: "o", Visibility: "private", Protected: true, ContainerFormat: "bare", DiskFormat: "zvhd2", Tags: []string{"op=k"}, MinRAM: new(0), MinDisk: new(40),
	})
	if err != nil || id != testImage {
		t.Fatalf("got %q, %v", id, err)
	}
	if job, err := c.RegisterImage(t.Context(), id, "b:f"); err != nil || job == "" {
		t.Errorf("got %q, %v", job, err)
	}
}

// TestMetadataUnreadable: an answer without an id may still mean that the
// image was made.
func TestMetadataUnreadable(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{"", "<html>", "{}", `{"id":""}`} {
		s := play(t, step{status: 201, reply: reply})
		if _, err := dial(t, keyConfig(s.URL)).CreateMetadata(t.Context(), Metadata{}); VerdictOf(err) != Uncertain {
			t.Errorf("%q: got %v, verdict %s", reply, err, VerdictOf(err))
		}
	}
}
