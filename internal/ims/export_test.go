package ims

import "testing"

func TestExportAndCrossRegionCopy(t *testing.T) {
	t.Parallel()
	for safe, export := range map[bool]string{false: "/v1/cloudimages/i-1/file", true: "/v2.1/cloudimages/i-1/file"} {
		s := play(t,
			step{method: "POST", path: export, status: 200, reply: jobAnswer, body: `{"bucket_url":"b:f","file_format":"qcow2"}`},
			step{method: "POST", path: export, status: 200, reply: jobAnswer, body: `{"bucket_url":"b:f","is_quick_export":true}`},
			step{method: "POST", path: "/v1/cloudimages/i-1/cross_region_copy", status: 200, reply: jobAnswer,
				body: `{"name":"n","description":"d","region":"r","project_name":"p","agency_name":"a","vault_id":"v"}`},
		)
		cfg := keyConfig(s.URL)
		cfg.Profile, cfg.SafeMode = ProfileHuawei, safe
		c := dial(t, cfg)
		first, err1 := c.ExportImage(t.Context(), "i-1", ImageExport{BucketURL: "b:f", FileFormat: "qcow2"})
		second, err2 := c.ExportImage(t.Context(), "i-1", ImageExport{BucketURL: "b:f", Quick: true})
		third, err3 := c.CopyImageCrossRegion(t.Context(), "i-1", CrossRegionCopy{Name: "n", Description: "d", Region: "r", ProjectName: "p", AgencyName: "a", VaultID: "v"})
		if first+second+third != "j-1j-1j-1" || err1 != nil || err2 != nil || err3 != nil {
			t.Errorf("safe %t: %s %s %s, %v %v %v", safe, first, second, third, err1, err2, err3)
		}
	}
}
