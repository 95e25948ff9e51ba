package fakecloud

import (
	"path/filepath"
	"testing"
)

// TestFindFile holds what the image service says of a file that it is to read.
func TestFindFile(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	seed := World{
		Buckets: []Bucket{{Name: "far", Region: "eu-nl"}, {Name: "cold", Class: "WARM"}, {Name: "foreign", Denied: true}},
		Objects: []Object{
			{Bucket: "images", Key: "a/base.qcow2"}, {Bucket: "images", Key: "empty", SizeGB: -1}, {Bucket: "images", Key: "locked", Unreadable: true},
			{Bucket: "far", Key: "f"}, {Bucket: "cold", Key: "f"}, {Bucket: "foreign", Key: "f"},
		},
	}
	if _, err := d.fake.Add(DemoCloud, seed); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"images:a/base.qcow2": "", "images": "IMG.0017", "obs://images/f": "IMG.0017", "images:a:b": "IMG.0017", "images:/f": "IMG.0017",
		":f": "IMG.0068", "Images:f": "IMG.0109", "images:": "IMG.0073", "images:a b": "IMG.0175",
		"no-such-bucket:f": "IMG.0069", "cold:f": "IMG.0069", "foreign:f": "IMG.0069", "far:f": "IMG.0058",
		"images:no": "IMG.0057", "images:empty": "IMG.0057", "images:locked": "IMG.0057",
	} {
		got := ""
		if _, a := d.fake.clouds[DemoCloud].findFile(address); a != nil {
			got = a.code()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

// TestObjectsStay: buckets and objects outlive a restart, with what was left
// out filled in.
func TestObjectsStay(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "fake.state")
	keep := func(o *Options) { o.StateFile = file }
	first := newDemo(t, keep)
	ids, err := first.fake.Add(DemoCloud, World{Objects: []Object{{Bucket: "mine", Key: "f", Format: "raw", Bitmap: true}}})
	if err != nil || ids[0] != "mine:f" {
		t.Fatalf("ids %v, %v", ids, err)
	}
	c := newDemo(t, keep).fake.clouds[DemoCloud]
	if o := c.objects["mine:f"]; o == nil || !o.Bitmap || o.SizeGB != 1 || o.DiskGB != 1 || o.OSType != "Linux" {
		t.Errorf("object %+v", o)
	}
	if b := c.buckets["mine"]; b == nil || b.Region != c.Region || b.Class != classStandard {
		t.Errorf("bucket %+v", b)
	}
}
