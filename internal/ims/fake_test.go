package ims_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ims"
)

// creates are the calls that must never be sent twice without looking.
var creates = map[string]func(ctx context.Context, c *ims.Client) error{
	"CreateWholeImage": func(ctx context.Context, c *ims.Client) error {
		_, err := c.CreateWholeImage(ctx, ims.WholeImage{Name: "n", BackupID: fakecloud.DemoBackup, WholeImageType: "CBR"})
		return err
	},
	"CopyImage": func(ctx context.Context, c *ims.Client) error {
		_, err := c.CopyImage(ctx, fakecloud.DemoImage, ims.ImageCopy{Name: "n"})
		return err
	},
	"CreateImage": func(ctx context.Context, c *ims.Client) error {
		_, err := c.CreateImage(ctx, ims.NewImage{Name: "n", InstanceID: fakecloud.DemoStoppedServer})
		return err
	},
	"CreateDataImage": func(ctx context.Context, c *ims.Client) error {
		_, err := c.CreateDataImage(ctx, ims.DataFile{Name: "n", ImageURL: fakecloud.DemoDataFile, MinDisk: new(40)})
		return err
	},
	"ImportImage": func(ctx context.Context, c *ims.Client) error {
		_, err := c.ImportImage(ctx, ims.QuickImport{Name: "n", ImageURL: fakecloud.DemoRawFile, MinDisk: new(40), OSVersion: "Ubuntu 22.04 server 64bit"})
		return err
	},
	"CreateMetadata": func(ctx context.Context, c *ims.Client) error {
		_, err := c.CreateMetadata(ctx, ims.Metadata{Name: "n"})
		return err
	},
	"RegisterImage": func(ctx context.Context, c *ims.Client) error {
		_, err := c.RegisterImage(ctx, fakecloud.DemoQueuedImage, fakecloud.DemoFile)
		return err
	},
	"ExportVolume": func(ctx context.Context, c *ims.Client) error {
		_, err := c.ExportVolume(ctx, fakecloud.DemoVolume, ims.VolumeUpload{ImageName: "n"})
		return err
	},
	"ExportImage": func(ctx context.Context, c *ims.Client) error {
		_, err := c.ExportImage(ctx, fakecloud.DemoImage, ims.ImageExport{BucketURL: "images:new", FileFormat: "qcow2"})
		return err
	},
	"AddMembers": func(ctx context.Context, c *ims.Client) error {
		_, err := c.AddMembers(ctx, ims.Shares{Images: []string{fakecloud.DemoImage}, Projects: []string{fakecloud.DemoNeighbour}})
		return err
	},
}

// TestVerdictsOfTrouble holds what each kind of trouble does to each creating
// call against what the client says of it: whatever was done, or may have
// been, is accepted or uncertain.
func TestVerdictsOfTrouble(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]struct {
		status  int
		done    bool
		verdict ims.Verdict
	}{
		fakecloud.Pass:       {0, true, ims.Accepted},
		fakecloud.DropBefore: {0, false, ims.Uncertain}, fakecloud.DropAfter: {0, true, ims.Uncertain},
		fakecloud.StatusBefore: {500, false, ims.Uncertain}, fakecloud.StatusAfter: {504, true, ims.Uncertain},
		fakecloud.HangBefore: {0, false, ims.Uncertain}, fakecloud.Delay: {0, true, ims.Uncertain},
		fakecloud.BrokenBefore: {0, false, ims.Uncertain}, fakecloud.BrokenAfter: {0, true, ims.Uncertain},
		fakecloud.CutBefore: {0, false, ims.Uncertain}, fakecloud.CutAfter: {0, true, ims.Uncertain},
		fakecloud.HTMLBefore: {0, false, ims.Uncertain}, fakecloud.HTMLAfter: {0, true, ims.Uncertain},
		fakecloud.HugeBefore: {0, false, ims.Uncertain}, fakecloud.HugeAfter: {0, true, ims.Uncertain},
		fakecloud.TooMany: {0, false, ims.Throttled}, fakecloud.Busy: {0, false, ims.Throttled},
	} {
		for name, create := range creates {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				fake, client := dialFake(t)
				if err := fake.Order(fakecloud.DemoCloud, fakecloud.Fault{Call: name, Kind: kind, Status: c.status}); err != nil {
					t.Fatal(err)
				}
				limit := time.Minute
				if kind == fakecloud.HangBefore || kind == fakecloud.Delay {
					limit = 2 * time.Second // they never answer
				}
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				err := create(ctx, client)
				if got := ims.VerdictOf(err); got != c.verdict {
					t.Errorf("verdict %s of %v, want %s", got, err, c.verdict)
				}
				if done := len(fake.Truth(fakecloud.DemoCloud)) == 1; done != c.done {
					t.Errorf("done %t, want %t", done, c.done)
				}
			})
		}
	}
}

// dialFake is the demo cloud and a client of it.
func dialFake(t *testing.T) (*fakecloud.Fake, *ims.Client) {
	t.Helper()
	demo := fakecloud.Demo()
	fake, err := fakecloud.New(fakecloud.Options{Clouds: []fakecloud.CloudOptions{demo}, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake.Handler())
	t.Cleanup(server.Close)
	at := server.URL + "/" + fakecloud.DemoCloud
	client, err := ims.New(ims.Config{
		Cloud: demo.Name, Profile: ims.ProfileOTC, Region: demo.Region, ProjectID: demo.ProjectID,
		Endpoints:   ims.Endpoints{Image: at, CBR: at, BlockStorage: at, Identity: at},
		Credentials: ims.Credentials{AccessKey: ims.Secret(demo.AccessKey), SecretKey: ims.Secret(demo.SecretKey)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return fake, client
}
