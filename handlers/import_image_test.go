package handlers

import (
	"reflect"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

func TestSubmitImport(t *testing.T) {
	t.Parallel()
	size := int64(40)
	cloud := fakeCloud{importImage: func(got ims.QuickImport) (string, error) {
		want := ims.QuickImport{
			Name: "n", ImageURL: "b:f", MinDisk: new(40), OSVersion: "o", Type: "ECS", OSType: "Linux", Architecture: "arm", HWFirmwareType: "uefi", LicenseType: "byol",
			Description: "d", EnterpriseProjectID: "0", Tags: []string{"team.web", "ims-request." + key},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("asked for\n%+v, want\n%+v", got, want)
		}
		return "job-1", nil
	}}
	done, err := submitImport(t.Context(), cloud, messages.ImportImage{
		Name: "n", ImageURL: "b:f", MinDisk: &size, OSVersion: "o", Type: "ECS", OSType: "Linux", Architecture: "arm", HWFirmwareType: "uefi", LicenseType: "byol",
		Description: "d", EnterpriseProjectID: "0", Tags: []string{"team.web"},
	}, Call{Key: key})
	if done != (Submission{JobID: "job-1"}) || err != nil {
		t.Errorf("submission %+v, %v", done, err)
	}
}
