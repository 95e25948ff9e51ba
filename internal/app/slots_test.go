package app

import (
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/cloud"
)

// TestSlotsOfOperations: what an operation names as its slot can be set in
// clouds.yaml and reaches the engine.
func TestSlotsOfOperations(t *testing.T) {
	t.Parallel()
	all := slots(cloud.Settings{CrossRegionConcurrent: 3})
	for _, op := range handlers.All() {
		if op.Slot != "" && all[op.Slot] != 3 {
			t.Errorf("%s needs %s, which no entry sets", op.Name, op.Slot)
		}
	}
	if off := slots(cloud.Settings{CrossRegionConcurrent: 3, LimitsOff: true}); len(off) > 0 {
		t.Errorf("without limits there are %v", off)
	}
}

// TestAskers: who may look for copies in a cloud is of the right profile, in
// another region, and allowed to copy there.
func TestAskers(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("clouds:\n")
	for name, c := range map[string]struct{ profile, region, allow string }{
		"one": {"huaweicloud", "eu-a", ""}, "two": {"huaweicloud", "eu-b", ""}, "three": {"huaweicloud", "eu-b", ""},
		"not-allowed": {"huaweicloud", "eu-c", "allow: [ copy-image ]"}, "otc": {"otc", "eu-d", ""},
	} {
		fmt.Fprintf(&text, "  %s:\n    profile: %s\n    region_name: %s\n    auth: { auth_url: https://iam.example.com/v3, project_id: %x, ak: a, sk: s }\n    imsworker: { %s }\n",
			name, c.profile, c.region, md5.Sum([]byte(name)), c.allow) //nolint:gosec // any 32 digits
	}
	file := filepath.Join(t.TempDir(), "clouds.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := cloud.Load(cloud.Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"one": 2, "two": 1, "not-allowed": 3, "otc": 3} {
		to, _ := set.Get(name)
		if got := askers(set, to); got != want {
			t.Errorf("%d clouds may look into %s, want %d", got, name, want)
		}
	}
}
