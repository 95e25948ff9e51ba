package fakecloud

import (
	"encoding/json"
	"testing"
)

// TestOSVersions: the list is an array without a name around it, and holds what
// imports take.
func TestOSVersions(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	var platforms []platformView
	if err := json.Unmarshal([]byte(d.get("/v1/cloudimages/os_version").ok().raw), &platforms); err != nil {
		t.Fatal(err)
	}
	versions := 0
	for _, p := range platforms {
		for _, v := range p.List {
			versions++
			if a := checkOSVersion(v.Version, ""); a != nil || v.Platform != p.Platform || v.Bits != 64 {
				t.Errorf("%+v", v)
			}
		}
	}
	if versions != len(osVersions) || len(platforms) < 5 {
		t.Errorf("%d versions of %d platforms", versions, len(platforms))
	}
}
