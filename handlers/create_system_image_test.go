package handlers

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

var (
	marker   = ims.Tag{Key: "ims-request", Value: key}
	ownTag   = messages.Tag{Key: "team", Value: "web"}
	ownOther = ims.Tag{Key: "team", Value: "web"}
)

// TestSubmitSystemImage has the call of each use: every field in its place,
// the marker among the tags of the image and of each data disk, in the form
// that these use.
func TestSubmitSystemImage(t *testing.T) {
	t.Parallel()
	size := int64(40)
	for name, tt := range map[string]struct {
		data messages.CreateSystemImage
		want ims.NewImage
	}{
		"server": {
			messages.CreateSystemImage{Name: "n", InstanceID: serverID, Description: "d", ImageTags: []messages.Tag{ownTag}, EnterpriseProjectID: "0", MaxRAM: &size, MinRAM: &size},
			ims.NewImage{Name: "n", InstanceID: serverID, Description: "d", ImageTags: []ims.Tag{ownOther, marker}, EnterpriseProjectID: "0", MaxRAM: new(40), MinRAM: new(40)},
		},
		"volume": {
			messages.CreateSystemImage{Name: "n", VolumeID: volumeID, OSVersion: "o", Type: "ECS", Tags: []string{"team.web"}},
			ims.NewImage{Name: "n", VolumeID: volumeID, OSVersion: "o", Type: "ECS", Tags: []string{"team.web", "ims-request." + key}},
		},
		"file": {
			messages.CreateSystemImage{
				Name: "n", ImageURL: "b:f", MinDisk: &size, OSType: "Linux", IsConfig: true, IsConfigInit: true, CmkID: "k", IsQuickImport: true,
				Architecture: "x86", HWFirmwareType: "bios", DataImages: []messages.DataFile{
					{ImageURL: "b:d", MinDisk: &size}, {Name: "e", ImageURL: "b:e", IsQuickImport: true, Description: "x", ImageTags: []messages.Tag{ownTag}},
				},
			},
			ims.NewImage{
				Name: "n", ImageURL: "b:f", MinDisk: new(40), OSType: "Linux", IsConfig: true, IsConfigInit: true, CMKID: "k", IsQuickImport: true,
				Architecture: "x86", HWFirmwareType: "bios", ImageTags: []ims.Tag{marker}, DataImages: []ims.DataImage{
					{ImageURL: "b:d", MinDisk: new(40), Tags: []string{"ims-request." + key}},
					{Name: "e", ImageURL: "b:e", IsQuickImport: true, Description: "x", ImageTags: []ims.Tag{ownOther, marker}},
				},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := fakeCloud{createImage: func(got ims.NewImage) (string, error) {
				if !reflect.DeepEqual(got, tt.want) {
					t.Errorf("asked for\n%+v, want\n%+v", got, tt.want)
				}
				return "job-1", nil
			}}
			done, err := submitSystemImage(t.Context(), cloud, tt.data, Call{Key: key})
			if done != (Submission{JobID: "job-1"}) || err != nil {
				t.Errorf("submission %+v, %v", done, err)
			}
		})
	}
}

func TestSubmitSystemImageRefused(t *testing.T) {
	t.Parallel()
	cloud := fakeCloud{createImage: func(ims.NewImage) (string, error) {
		return "", &ims.Error{Call: "CreateImage", Status: 400, Code: "IMG.0010"}
	}}
	if _, err := submitSystemImage(t.Context(), cloud, messages.CreateSystemImage{InstanceID: serverID}, Call{Key: key}); ims.VerdictOf(err) != ims.Park {
		t.Errorf("%v has verdict %v", err, ims.VerdictOf(err))
	}
}

func TestSystemImagePolicy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		data     messages.CreateSystemImage
		resubmit bool
	}{
		{messages.CreateSystemImage{InstanceID: serverID}, false},
		{messages.CreateSystemImage{VolumeID: volumeID}, true},
		{messages.CreateSystemImage{ImageURL: "b:f"}, true},
	} {
		if p := systemImagePolicy(tt.data); p.Resubmit != tt.resubmit || p.Deadline != time.Hour || p.Horizon != 20*time.Minute {
			t.Errorf("%+v: %+v", tt.data, p)
		}
	}
}

// TestAllSystemImages takes what carries the marker and stems from the
// request's source, whatever its state.
func TestAllSystemImages(t *testing.T) {
	t.Parallel()
	server := messages.CreateSystemImage{Name: "n", InstanceID: serverID}
	file := messages.CreateSystemImage{Name: "n", ImageURL: "b:f", DataImages: []messages.DataFile{{ImageURL: "b:d"}}}
	of := func(origin string, more ...func(*ims.Image)) func(*ims.Image) {
		return func(i *ims.Image) {
			marked(key)(i)
			i.DataOrigin = origin
			for _, f := range more {
				f(i)
			}
		}
	}
	queued := func(i *ims.Image) { i.Registered, i.Status = false, ims.ImageQueued }
	for name, tt := range map[string]struct {
		data  messages.CreateSystemImage
		cloud fakeCloud
		want  string
	}{
		"server":         {server, fakeCloud{listed: []ims.Image{row("a", of("instance,"+serverID))}}, "a"},
		"origin_untold":  {server, fakeCloud{listed: []ims.Image{row("a", of(""))}}, "a"},
		"not_registered": {server, fakeCloud{listed: []ims.Image{row("a", of("instance,"+serverID, queued))}}, "a"},
		"other_server":   {server, fakeCloud{listed: []ims.Image{row("a", of("instance,"+sourceID))}}, ""},
		"a_copy":         {server, fakeCloud{listed: []ims.Image{row("a", of("image,eu-de,"+sourceID))}}, ""},
		"no_marker":      {server, fakeCloud{listed: []ims.Image{row("a", func(i *ims.Image) { i.DataOrigin = "instance," + serverID })}}, ""},
		"other_marker":   {server, fakeCloud{listed: []ims.Image{row("a", marked(otherKey))}}, ""},
		"killed":         {server, fakeCloud{listed: []ims.Image{row("a", of("", func(i *ims.Image) { i.Status = ims.ImageKilled }))}}, ""},
		"excluded":       {server, fakeCloud{listed: []ims.Image{row("held", of(""))}}, ""},
		"volume":         {messages.CreateSystemImage{VolumeID: volumeID}, fakeCloud{listed: []ims.Image{row("a", of("volume,"+volumeID))}}, "a"},
		"file_and_disk":  {file, fakeCloud{listed: []ims.Image{row("a", of("file,b:d", queued)), row("b", of("file,b:f"))}}, "b a"},
		"other_file":     {file, fakeCloud{listed: []ims.Image{row("a", of("file,b:x"))}}, ""},
		"list_fails":     {server, fakeCloud{listErr: errors.New("reset")}, "list images: reset"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			images, err := allSystemImages(t.Context(), tt.cloud, tt.data, Search{Key: key, Since: sent, Exclude: []string{"held"}})
			expectFound(t, images, err, tt.want)
		})
	}
}

// attached answers for volumes: state and server by id.
func attached(volumes map[string][2]string) fakeCloud {
	return fakeCloud{volume: func(id string) (ims.Volume, error) {
		v, found := volumes[id]
		if !found {
			return ims.Volume{}, notFound(id)
		}
		return ims.Volume{ID: id, Status: v[0], ServerID: v[1]}, nil
	}}
}

func TestChecksOfVolumes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		volumes map[string][2]string
		ids     []string
		rules   []string
		verdict ims.Verdict
	}{
		"none":          {nil, nil, nil, ims.Accepted},
		"in_use":        {map[string][2]string{"a": {"in-use", "s"}, "b": {"in-use", "s"}}, []string{"a", "b"}, nil, ims.Accepted},
		"available":     {map[string][2]string{"a": {"available", ""}}, []string{"a"}, nil, ims.Accepted},
		"busy":          {map[string][2]string{"a": {"uploading", "s"}}, []string{"a"}, []string{"volume-readable"}, ims.Park},
		"broken":        {map[string][2]string{"a": {"error", "s"}}, []string{"a"}, []string{"volume-readable"}, ims.Refused},
		"unknown":       {nil, []string{"a"}, []string{"volume-readable", "volumes-of-one-server"}, ims.Refused},
		"of_two":        {map[string][2]string{"a": {"in-use", "s"}, "b": {"in-use", "r"}}, []string{"a", "b"}, []string{"volumes-of-one-server"}, ims.Refused},
		"both_mistakes": {map[string][2]string{"a": {"attaching", "s"}, "b": {"in-use", "r"}}, []string{"a", "b"}, []string{"volume-readable", "volumes-of-one-server"}, ims.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var data messages.CreateDataImage
			for _, id := range tt.ids {
				data.DataImages = append(data.DataImages, messages.DataVolume{VolumeID: id})
			}
			err := ask(context.Background(), dataImageChecks(), dataImager(attached(tt.volumes)), data)
			var rules []string
			if broken, ok := errors.AsType[Refusals](err); ok {
				for _, r := range broken {
					rules = append(rules, r.Rule)
				}
			}
			if !slices.Equal(rules, tt.rules) || ims.VerdictOf(err) != tt.verdict {
				t.Errorf("broken %v, verdict %v (%v), want %v, %v", rules, ims.VerdictOf(err), err, tt.rules, tt.verdict)
			}
		})
	}
	if err := checkSystemVolume(t.Context(), fakeCloud{}, messages.CreateSystemImage{InstanceID: serverID}); err != nil {
		t.Errorf("a server's image: %v", err)
	}
}
