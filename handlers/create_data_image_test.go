package handlers

import (
	"reflect"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// TestSubmitDataImage has both calls; entries have the marker in their own
// form of tags, and as tags where they have none.
func TestSubmitDataImage(t *testing.T) {
	t.Parallel()
	size := int64(40)
	cloud := fakeCloud{
		createDataImage: func(got ims.DataFile) (string, error) {
			want := ims.DataFile{Name: "n", ImageURL: "b:f", MinDisk: new(40), OSType: "Linux", Description: "d", CMKID: "k", EnterpriseProjectID: "0", ImageTags: []ims.Tag{marker}}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("asked for\n%+v, want\n%+v", got, want)
			}
			return "job-file", nil
		},
		createImage: func(got ims.NewImage) (string, error) {
			want := ims.NewImage{EnterpriseProjectID: "0", DataImages: []ims.DataImage{
				{Name: "a", VolumeID: volumeID, Tags: []string{"ims-request." + key}},
				{Name: "b", VolumeID: serverID, Description: "d", Tags: []string{"team.web", "ims-request." + key}},
				{Name: "c", VolumeID: sourceID, ImageTags: []ims.Tag{ownOther, marker}},
			}}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("asked for\n%+v, want\n%+v", got, want)
			}
			return "job-volumes", nil
		},
	}
	for want, data := range map[string]messages.CreateDataImage{
		"job-file": {Name: "n", ImageURL: "b:f", MinDisk: &size, OSType: "Linux", Description: "d", CmkID: "k", EnterpriseProjectID: "0"},
		"job-volumes": {EnterpriseProjectID: "0", DataImages: []messages.DataVolume{
			{Name: "a", VolumeID: volumeID}, {Name: "b", VolumeID: serverID, Description: "d", Tags: []string{"team.web"}},
			{Name: "c", VolumeID: sourceID, ImageTags: []messages.Tag{ownTag}},
		}},
	} {
		if done, err := submitDataImage(t.Context(), cloud, data, Call{Key: key}); done != (Submission{JobID: want}) || err != nil {
			t.Errorf("submission %+v, %v, want %s", done, err, want)
		}
	}
}

func TestAllDataImages(t *testing.T) {
	t.Parallel()
	of := func(id, origin string) ims.Image {
		return row(id, func(i *ims.Image) { marked(key)(i); i.DataOrigin = origin })
	}
	cloud := fakeCloud{listed: []ims.Image{of("a", "file,b:f"), of("b", "volume,"+volumeID), of("c", "volume,"+serverID), of("d", "volume,"+sourceID)}}
	volumes := []messages.DataVolume{{VolumeID: volumeID}, {VolumeID: serverID}}
	for want, data := range map[string]messages.CreateDataImage{"a": {ImageURL: "b:f"}, "b c": {DataImages: volumes}} {
		images, err := allDataImages(t.Context(), cloud, data, Search{Key: key, Since: sent})
		expectFound(t, images, err, want)
	}
}

// TestBucketFor: what a call takes from follows from the call, not from the
// operation.
func TestBucketFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ operation, data, made, want string }{
		{"create-data-image", `{"image_url":"b:f"}`, "", "copy"},
		{"create-data-image", `{"data_images":[{"volume_id":"v"}]}`, "", "system"},
		{"register-image", `{"image_url":"b:f"}`, "", "update"},
		{"register-image", `{"image_url":"b:f"}`, "i", "copy"},
		{"register-image", `{"image_url":"b:f","image_id":"i"}`, "", "copy"},
		{"register-image", `5`, "", "copy"},
		{"copy-image", `{}`, "i", "copy"},
	} {
		operation, _ := Lookup(tt.operation)
		if got := operation.BucketFor([]byte(tt.data), tt.made); got != tt.want {
			t.Errorf("%s %s, image %q: %s, want %s", tt.operation, tt.data, tt.made, got, tt.want)
		}
	}
}
