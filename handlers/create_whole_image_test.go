package handlers

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

func ofBackupData() messages.CreateWholeImage {
	return messages.CreateWholeImage{Name: "n", BackupID: backupID, WholeImageType: "CBR"}
}

func ofServerData() messages.CreateWholeImage {
	return messages.CreateWholeImage{Name: "n", InstanceID: serverID}
}

func TestSubmitWholeImage(t *testing.T) {
	t.Parallel()
	ram := int64(1024)
	tests := map[string]struct {
		data messages.CreateWholeImage
		want ims.WholeImage
	}{
		"backup": {
			data: messages.CreateWholeImage{
				Name: "n", BackupID: backupID, WholeImageType: "CBR", Description: "d", EnterpriseProjectID: "0", MinRAM: &ram,
				ImageTags: []messages.Tag{{Key: "team", Value: "web"}},
			},
			want: ims.WholeImage{
				Name: "n", BackupID: backupID, WholeImageType: "CBR", Description: "d", EnterpriseProjectID: "0", MinRAM: number(&ram),
				ImageTags: []ims.Tag{{Key: "team", Value: "web"}, {Key: "ims-request", Value: key}},
			},
		},
		"server_with_old_tags": {
			data: messages.CreateWholeImage{Name: "n", InstanceID: serverID, VaultID: sourceID, Tags: []string{"team.web"}},
			want: ims.WholeImage{Name: "n", InstanceID: serverID, VaultID: sourceID, Tags: []string{"team.web", "ims-request." + key}},
		},
		"no_tags": {
			data: ofServerData(),
			want: ims.WholeImage{Name: "n", InstanceID: serverID, ImageTags: []ims.Tag{{Key: "ims-request", Value: key}}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := fakeCloud{createWholeImage: func(got ims.WholeImage) (string, error) {
				if !reflect.DeepEqual(got, test.want) {
					t.Errorf("asked for %+v, want %+v", got, test.want)
				}
				return "job-1", nil
			}}
			done, err := submitWholeImage(t.Context(), cloud, test.data, Call{Key: key})
			if done != (Submission{JobID: "job-1"}) || err != nil {
				t.Errorf("submission %+v, %v", done, err)
			}
		})
	}
}

func TestSubmitWholeImageRefused(t *testing.T) {
	t.Parallel()
	cloud := fakeCloud{createWholeImage: func(ims.WholeImage) (string, error) {
		return "", &ims.Error{Call: "CreateWholeImage", Status: 400, Code: "IMG.0136"}
	}}
	_, err := submitWholeImage(t.Context(), cloud, ofServerData(), Call{Key: key})
	if ims.VerdictOf(err) != ims.Park || !strings.Contains(err.Error(), serverID) {
		t.Errorf("error %v has verdict %v", err, ims.VerdictOf(err))
	}
}

func TestAllWholeImages(t *testing.T) {
	t.Parallel()
	fits := func(i *ims.Image) { i.BackupID = backupID }
	hidden := func(i *ims.Image) { marked(key)(i); i.Registered, i.Status = false, ims.ImageSaving }
	withStatus := func(s string, f func(*ims.Image)) func(*ims.Image) {
		return func(i *ims.Image) { f(i); i.Status = s }
	}
	server := func(resource string) func(string) (ims.Backup, error) {
		return func(string) (ims.Backup, error) { return ims.Backup{ID: backupID, ResourceID: resource}, nil }
	}
	noImages := func(string) (ims.Backup, error) { return ims.Backup{ID: backupID}, nil }
	const none = ""
	tests := map[string]struct {
		data  messages.CreateWholeImage
		cloud fakeCloud
		want  string
	}{
		"by_tag":             {ofServerData(), fakeCloud{listed: []ims.Image{row("a", nil), row("b", marked(key))}}, "b"},
		"all_of_two":         {ofServerData(), fakeCloud{listed: []ims.Image{row("b", marked(key)), row("a", marked(key))}}, "a b"},
		"active_first":       {ofServerData(), fakeCloud{listed: []ims.Image{row("a", hidden), row("b", marked(key))}}, "b a"},
		"marker_beats_rest":  {ofBackupData(), fakeCloud{listed: []ims.Image{row("a", fits), row("b", hidden)}}, "b"},
		"not_registered":     {ofServerData(), fakeCloud{listed: []ims.Image{row("a", hidden)}}, "a"},
		"killed":             {ofServerData(), fakeCloud{listed: []ims.Image{row("a", withStatus(ims.ImageKilled, marked(key)))}}, none},
		"excluded":           {ofServerData(), fakeCloud{listed: []ims.Image{row("held", marked(key))}}, none},
		"foreign_marker":     {ofBackupData(), fakeCloud{listed: []ims.Image{row("a", func(i *ims.Image) { fits(i); marked(otherKey)(i) })}, backup: noImages}, none},
		"by_backup":          {ofBackupData(), fakeCloud{listed: []ims.Image{row("a", fits)}}, "a"},
		"by_backup_saving":   {ofBackupData(), fakeCloud{listed: []ims.Image{row("a", withStatus(ims.ImageSaving, fits))}, backup: noImages}, none},
		"by_backup_old":      {ofBackupData(), fakeCloud{listed: []ims.Image{row("a", func(i *ims.Image) { fits(i); i.CreatedAt = sent.Add(-time.Hour) })}, backup: noImages}, none},
		"by_backup_renamed":  {ofBackupData(), fakeCloud{listed: []ims.Image{row("a", func(i *ims.Image) { fits(i); i.Name = "m" })}, backup: noImages}, none},
		"other_backup":       {ofBackupData(), fakeCloud{listed: []ims.Image{row("a", func(i *ims.Image) { i.BackupID = serverID })}, backup: noImages}, none},
		"backup_of_server":   {ofServerData(), fakeCloud{listed: []ims.Image{row("a", fits)}, backup: server(serverID)}, "a"},
		"backup_of_other":    {ofServerData(), fakeCloud{listed: []ims.Image{row("a", fits)}, backup: server(sourceID)}, none},
		"backup_of_nobody":   {ofServerData(), fakeCloud{listed: []ims.Image{row("a", fits)}, backup: func(id string) (ims.Backup, error) { return ims.Backup{}, notFound(id) }}, none},
		"nothing":            {ofServerData(), fakeCloud{}, none},
		"list_out_of_order":  {ofServerData(), fakeCloud{listErr: errors.New("reset")}, "list images: reset"},
		"backup_unreachable": {ofBackupData(), fakeCloud{backup: func(string) (ims.Backup, error) { return ims.Backup{}, errors.New("reset") }}, "read backup " + backupID + ": reset"},
		"backup_gone":        {ofBackupData(), fakeCloud{backup: func(id string) (ims.Backup, error) { return ims.Backup{}, notFound(id) }}, none},
		"named_by_cbr": {ofBackupData(), fakeCloud{
			backup: func(string) (ims.Backup, error) {
				return ims.Backup{ID: backupID, ImageIDs: []string{"gone", "z"}}, nil
			},
			image: func(id string) (ims.Image, error) {
				if id == "gone" {
					return ims.Image{}, notFound(id)
				}
				return row(id, hidden), nil
			},
		}, "z"},
		"named_by_cbr_foreign": {ofBackupData(), fakeCloud{
			backup: func(string) (ims.Backup, error) { return ims.Backup{ID: backupID, ImageIDs: []string{"z"}}, nil },
			image:  func(id string) (ims.Image, error) { return row(id, marked(otherKey)), nil },
		}, none},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := allWholeImages(t.Context(), test.cloud, test.data, Search{Key: key, Since: sent, Exclude: []string{"held"}})
			expectFound(t, found, err, test.want)
		})
	}
}

func TestCheckBackup(t *testing.T) {
	t.Parallel()
	no := false
	ready := ims.Backup{ID: backupID, Status: "available", ResourceType: ims.ServerBackup}
	change := func(f func(*ims.Backup)) ims.Backup {
		b := ready
		f(&b)
		return b
	}
	tests := map[string]struct {
		backup ims.Backup
		want   ims.Verdict
	}{
		"ready":          {ready, ims.Accepted},
		"protecting":     {change(func(b *ims.Backup) { b.Status = "protecting" }), ims.Park},
		"unknown_state":  {change(func(b *ims.Backup) { b.Status = "polishing" }), ims.Park},
		"broken":         {change(func(b *ims.Backup) { b.Status = "error" }), ims.Refused},
		"of_a_disk":      {change(func(b *ims.Backup) { b.ResourceType = "OS::Cinder::Volume" }), ims.Refused},
		"no_system_disk": {change(func(b *ims.Backup) { b.ContainSystemDisk = &no }), ims.Refused},
		"used":           {change(func(b *ims.Backup) { b.ImageIDs = []string{"a"} }), ims.Already},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := fakeCloud{backup: func(string) (ims.Backup, error) { return test.backup, nil }}
			err := checkBackup(t.Context(), cloud, ofBackupData())
			if got := ims.VerdictOf(err); got != test.want {
				t.Errorf("verdict %v of %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestCheckBackupNotAsked(t *testing.T) {
	t.Parallel()
	csbs := ofBackupData()
	csbs.WholeImageType = ""
	for _, data := range []messages.CreateWholeImage{csbs, ofServerData()} {
		if err := checkBackup(t.Context(), fakeCloud{}, data); err != nil {
			t.Error(err)
		}
	}
}

func TestCheckBackupUnknown(t *testing.T) {
	t.Parallel()
	cloud := fakeCloud{backup: func(id string) (ims.Backup, error) { return ims.Backup{}, notFound(id) }}
	err := checkBackup(t.Context(), cloud, ofBackupData())
	if ims.VerdictOf(err) != ims.Refused || ims.ReasonOf(err) != string(messages.ReasonNotFound) {
		t.Errorf("verdict %v, reason %s of %v", ims.VerdictOf(err), ims.ReasonOf(err), err)
	}
}

func TestDeleteMarkerTag(t *testing.T) {
	t.Parallel()
	for want, answer := range map[string]error{"": nil, "again": notFound("tag"), "remove marker of image a: reset": errors.New("reset")} {
		cloud := fakeCloud{deleteImageTag: func(imageID, tag string) error {
			if imageID != "a" || tag != messages.MarkerKey {
				t.Errorf("deleted %s of %s", tag, imageID)
			}
			return answer
		}}
		err := deleteMarkerTag(t.Context(), cloud, "a")
		if wantErr := strings.Contains(want, "reset"); (err != nil) != wantErr || wantErr && err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestWholeImagePolicy(t *testing.T) {
	t.Parallel()
	if got, want := wholeImagePolicy(ofBackupData()), (Policy{2 * time.Hour, 5 * time.Minute, true}); got != want {
		t.Errorf("backup: %+v, want %+v", got, want)
	}
	if got, want := wholeImagePolicy(ofServerData()), (Policy{24 * time.Hour, time.Hour, false}); got != want {
		t.Errorf("server: %+v, want %+v", got, want)
	}
}
