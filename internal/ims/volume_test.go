package ims

import (
	"errors"
	"testing"
	"time"
)

const (
	testVolume = "16369c5d-384d-4e64-b37a-56d898769362"
	testImage  = "c5333daa-fbc8-4d1d-bf79-b0567bb45d15"
	// uploadStarted is the vendor's sample: the id is the disk's, the time has
	// no zone, and a description is the text "None".
	uploadStarted = `{"os-volume_upload_image":{"status":"uploading","size":40,"id":"` + testVolume + `","image_id":"` + testImage + `",
	  "image_name":"n","container_format":"bare","disk_format":"zvhd2","display_description":"","updated_at":"2026-01-02T03:04:05.800931",
	  "volume_type":{"id":"8247b6ed-37f0-4c48-8ef1-f0027fb332bc","name":"SSD","description":"None","deleted":false,"is_public":true,"deleted_at":null}}}`
)

func TestExportVolume(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ask  VolumeUpload
		body string
	}{
		"least": {VolumeUpload{ImageName: "n"}, `{"os-volume_upload_image":{"image_name":"n","disk_format":"zvhd2"}}`},
		"full": {
			VolumeUpload{ImageName: "n", DiskFormat: "qcow2", ContainerFormat: "bare", Force: true, OSType: "windows"},
			`{"os-volume_upload_image":{"image_name":"n","disk_format":"qcow2","container_format":"bare","force":true,"__os_type":"windows"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, step{
				method: "POST", path: "/v2/" + testProject + "/volumes/" + testVolume + "/action", body: tt.body, status: 202, reply: uploadStarted,
			})
			image, err := dial(t, keyConfig(s.URL)).ExportVolume(t.Context(), testVolume, tt.ask)
			if err != nil || image != testImage {
				t.Errorf("got %q, %v", image, err)
			}
		})
	}
}

// TestExportVolumeUnreadable: an answer without the image's id may still mean
// that the work was begun.
func TestExportVolumeUnreadable(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]string{
		"empty": "", "page": "<html>", "no image": `{"os-volume_upload_image":{"id":"` + testVolume + `"}}`,
		"other volume": `{"os-volume_upload_image":{"id":"v-2","image_id":"i"}}`, "other shape": `{"image_id":"i"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, step{status: 202, reply: reply})
			_, err := dial(t, keyConfig(s.URL)).ExportVolume(t.Context(), testVolume, VolumeUpload{ImageName: "n"})
			if VerdictOf(err) != Uncertain {
				t.Errorf("got %v, verdict %s", err, VerdictOf(err))
			}
		})
	}
}

func TestVolume(t *testing.T) {
	t.Parallel()
	path := "/v2/" + testProject + "/volumes/" + testVolume
	s := play(t,
		step{method: "GET", path: path, status: 200, reply: `{"volume":{"id":"` + testVolume + `","name":"data","status":"In-Use","size":40,"updated_at":"2026-01-02T03:04:05.800931","bootable":"false","attachments":[{"server_id":"s-1"}]}}`},
		step{method: "GET", path: path, status: 404, reply: `{"itemNotFound":{"message":"Volume could not be found.","code":404}}`},
		step{method: "GET", path: path, status: 200, reply: `{"volume":{"id":"v-2"}}`},
	)
	c := dial(t, keyConfig(s.URL))
	got, err := c.Volume(t.Context(), testVolume)
	want := Volume{ID: testVolume, Name: "data", Status: VolumeInUse, SizeGB: 40, ServerID: "s-1", UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 800931e3, time.UTC)}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if _, err := c.Volume(t.Context(), testVolume); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown volume: %v", err)
	}
	if _, err := c.Volume(t.Context(), testVolume); err == nil {
		t.Error("the answer about another volume is taken")
	}
}

// TestVolumeStates holds what is done about a disk in each kind of state.
func TestVolumeStates(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]struct {
		verdict Verdict
		reason  string
	}{
		"uploading": {Park, reasonConflict}, "attaching": {Park, reasonConflict}, "creating": {Park, reasonConflict},
		"in-use": {Refused, reasonConstraint}, "ERROR": {Refused, reasonConstraint}, "deleting": {Refused, reasonNotFound},
	} {
		e := VolumeStateError("v", state)
		if e.Verdict() != want.verdict || e.Reason() != want.reason || e.Remedy() == "" {
			t.Errorf("%s: got %s, %s, want %s, %s", state, e.Verdict(), e.Reason(), want.verdict, want.reason)
		}
	}
	for _, m := range volumeStates {
		m.Code = "state"
		checkWords(t, m)
	}
}
