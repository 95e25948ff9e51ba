package handlers

import (
	"errors"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

const volumeID = "16369c5d-384d-4e64-b37a-56d898769362"

func exportData() messages.ExportVolume {
	return messages.ExportVolume{VolumeID: volumeID, ImageName: "n"}
}

// inState answers for a volume of that state; "" is one that does not exist.
func inState(status string) func(string) (ims.Volume, error) {
	return func(id string) (ims.Volume, error) {
		if status == "" {
			return ims.Volume{}, notFound(id)
		}
		return ims.Volume{ID: id, Status: status}, nil
	}
}

func TestSubmitExport(t *testing.T) {
	t.Parallel()
	cloud := fakeCloud{exportVolume: func(id string, got ims.VolumeUpload) (string, error) {
		want := ims.VolumeUpload{ImageName: "n", DiskFormat: "qcow2", ContainerFormat: "bare", Force: true, OSType: "windows"}
		if id != volumeID || got != want {
			t.Errorf("asked for %s %+v, want %+v", id, got, want)
		}
		return "image-1", nil
	}}
	data := exportData()
	data.DiskFormat, data.ContainerFormat, data.Force, data.OSType = "qcow2", "bare", true, "windows"
	done, err := submitExport(t.Context(), cloud, data, Call{Key: key})
	if done != (Submission{ImageID: "image-1"}) || err != nil {
		t.Errorf("submission %+v, %v", done, err)
	}
	cloud.exportVolume = func(id string, _ ims.VolumeUpload) (string, error) {
		return "", ims.VolumeStateError(id, "backing-up")
	}
	if _, err := submitExport(t.Context(), cloud, data, Call{Key: key}); ims.VerdictOf(err) != ims.Park {
		t.Errorf("busy volume: %v has verdict %v", err, ims.VerdictOf(err))
	}
}

func TestAllExports(t *testing.T) {
	t.Parallel()
	ours := func(i *ims.Image) { i.DataOrigin = "volume," + volumeID }
	with := func(f func(*ims.Image)) func(*ims.Image) { return func(i *ims.Image) { ours(i); f(i) } }
	idle, busy := inState(ims.VolumeAvailable), inState(ims.VolumeUploading)
	underWay := "volume " + volumeID + " is uploading an image: " + ErrUnderWay.Error()
	tests := map[string]struct {
		cloud fakeCloud
		want  string
	}{
		"found":          {fakeCloud{listed: []ims.Image{row("a", nil), row("b", ours)}}, "b"},
		"queued":         {fakeCloud{listed: []ims.Image{row("a", with(func(i *ims.Image) { i.Registered, i.Status = false, ims.ImageQueued }))}}, "a"},
		"two":            {fakeCloud{listed: []ims.Image{row("a", with(func(i *ims.Image) { i.Status = ims.ImageSaving })), row("b", ours)}}, "b a"},
		"nothing":        {fakeCloud{volume: idle}, ""},
		"volume_gone":    {fakeCloud{volume: inState("")}, ""},
		"uploading":      {fakeCloud{volume: busy}, underWay},
		"marked":         {fakeCloud{listed: []ims.Image{row("a", with(marked(key)))}}, "a"},
		"others_marker":  {fakeCloud{volume: idle, listed: []ims.Image{row("a", with(marked(otherKey)))}}, ""},
		"killed":         {fakeCloud{volume: idle, listed: []ims.Image{row("a", with(func(i *ims.Image) { i.Status = ims.ImageKilled }))}}, ""},
		"other_volume":   {fakeCloud{volume: idle, listed: []ims.Image{row("a", func(i *ims.Image) { i.DataOrigin = "volume," + serverID })}}, ""},
		"other_name":     {fakeCloud{volume: idle, listed: []ims.Image{row("a", with(func(i *ims.Image) { i.Name = "m" }))}}, ""},
		"too_old":        {fakeCloud{volume: idle, listed: []ims.Image{row("a", with(func(i *ims.Image) { i.CreatedAt = sent.Add(-1) }))}}, ""},
		"excluded":       {fakeCloud{volume: idle, listed: []ims.Image{row("held", ours)}}, ""},
		"list_fails":     {fakeCloud{listErr: errors.New("reset")}, "list images: reset"},
		"volume_unknown": {fakeCloud{volume: func(string) (ims.Volume, error) { return ims.Volume{}, errors.New("reset") }}, "read volume " + volumeID + ": reset"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			images, err := allExports(t.Context(), test.cloud, exportData(), Search{Key: key, Since: sent, Exclude: []string{"held"}})
			expectFound(t, images, err, test.want)
		})
	}
}

func TestCheckVolume(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]struct{ plain, forced ims.Verdict }{
		"available": {ims.Accepted, ims.Accepted},
		"in-use":    {ims.Refused, ims.Accepted},
		"uploading": {ims.Park, ims.Park},
		"detaching": {ims.Park, ims.Park},
		"error":     {ims.Refused, ims.Refused},
		"":          {ims.Refused, ims.Refused},
	} {
		data := exportData()
		for forced, want := range map[bool]ims.Verdict{false: want.plain, true: want.forced} {
			data.Force = forced
			err := checkVolume(t.Context(), fakeCloud{volume: inState(state)}, data)
			if got := ims.VerdictOf(err); got != want {
				t.Errorf("volume %q, force %t: verdict %v of %v, want %v", state, forced, got, err, want)
			}
		}
	}
}

func TestExportEnded(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]bool{"uploading": false, "available": true, "in-use": true, "": true} {
		ended, err := exportEnded(t.Context(), fakeCloud{volume: inState(state)}, exportData())
		if ended != want || err != nil {
			t.Errorf("volume %q: ended %t, %v", state, ended, err)
		}
	}
}
