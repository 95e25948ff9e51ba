package ims

import (
	"reflect"
	"testing"
)

func TestQuotas(t *testing.T) {
	t.Parallel()
	s := play(t,
		step{method: "GET", path: "/v1/cloudimages/quota", status: 200, reply: `{"quotas":{"resources":[{"type":"image","used":12,"quota":50,"min":1,"max":1000},{"type":"image_member","used":"0","quota":-1}]}}`},
		step{status: 200, reply: `{"quotas":{}}`},
	)
	c := dial(t, keyConfig(s.URL))
	got, err := c.Quotas(t.Context())
	if want := []Quota{{"image", 12, 50, 1, 1000}, {"image_member", 0, -1, 0, 0}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := c.Quotas(t.Context()); err == nil {
		t.Error("an answer without quotas is taken")
	}
}

func TestOSVersions(t *testing.T) {
	t.Parallel()
	s := play(t,
		step{method: "GET", path: "/v1/cloudimages/os_version", status: 200, reply: `[{"platform":"Ubuntu","version_list":[{"os_version":"Ubuntu 22.04 server 64bit","os_bit":64,"os_type":"Linux"}]},{"platform":"Empty"}]`},
		step{status: 200, reply: `{}`},
	)
	c := dial(t, keyConfig(s.URL))
	got, err := c.OSVersions(t.Context())
	if want := []OSVersion{{"Ubuntu", "Ubuntu 22.04 server 64bit", "Linux", 64}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := c.OSVersions(t.Context()); err == nil {
		t.Error("an object is taken for the list")
	}
}

func TestEachVerdictIsExplained(t *testing.T) {
	t.Parallel()
	for v := Accepted; v <= Uncertain; v++ {
		if v.Does() == "" || v.String() == "unknown" {
			t.Errorf("verdict %d: %s, %q", v, v, v.Does())
		}
	}
	if Verdict(-1).Does() != "" || Verdict(99).Does() != "" {
		t.Error("a verdict that does not exist is explained")
	}
}
