package fakecloud

import (
	"strings"
	"testing"
)

const demoPatch = "/v2/cloudimages/" + DemoImage

func patched(op, path, value string) string {
	return `[{"op":"` + op + `","path":"` + path + `","value":"` + value + `"}]`
}

func replaced(path, value string) string { return patched("replace", path, value) }

// updates are the rules of 4.7.
var updates = []attempt{
	{name: "new name", path: demoPatch, body: replaced("/name", "n")},
	{name: "two changes", path: demoPatch, body: `[{"op":"replace","path":"/name","value":"n"},{"op":"add","path":"/max_ram","value":"1024"}]`},
	{name: "what is there is replaced", path: demoPatch, body: replaced("/hw_firmware_type", "uefi")},
	{name: "replace what is not there", path: demoPatch, body: replaced("/max_ram", "1024"), code: "IMG.0035"},
	{name: "add what is there", path: demoPatch, body: patched("add", "/min_ram", "1024"), code: "IMG.0035"},
	{name: "add what is not there", path: demoPatch, body: patched("add", "/__support_xen", "true")},
	{name: "remove what is there", path: demoPatch, body: patched("remove", "/__description", "")},
	{name: "remove what is not there", path: demoPatch, body: patched("remove", "/__support_arm", ""), code: "IMG.0035"},
	{name: "remove the name", path: demoPatch, body: patched("remove", "/name", ""), code: "IMG.0013"},
	{name: "unknown op", path: demoPatch, body: patched("set", "/name", "n"), code: "IMG.0001"},
	{name: "attribute that cannot be changed", path: demoPatch, body: replaced("/size", "1"), code: "IMG.0105"},
	{name: "no list", path: demoPatch, body: `{"op":"replace"}`, code: "IMG.0001"},
	{name: "empty list", path: demoPatch, body: `[]`, code: "IMG.0007"},
	{name: "nothing", path: demoPatch, body: ``, code: "IMG.0007"},
	{name: "number as a value", path: demoPatch, body: `[{"op":"replace","path":"/min_ram","value":1}]`, code: "IMG.0001"},
	{name: "long name", path: demoPatch, body: replaced("/name", strings.Repeat("n", 129)), code: "IMG.0002"},
	{name: "name with a slash", path: demoPatch, body: replaced("/name", "a/b"), code: "IMG.0003"},
	{name: "long description", path: demoPatch, body: replaced("/__description", strings.Repeat("d", 1025)), code: "IMG.0004"},
	{name: "description with <", path: demoPatch, body: replaced("/__description", "<"), code: "IMG.0054"},
	{name: "negative memory", path: demoPatch, body: replaced("/min_ram", "-1"), code: "IMG.0055"},
	{name: "unknown firmware", path: demoPatch, body: replaced("/hw_firmware_type", "efi"), code: "IMG.0141"},
	{name: "flag that is none", path: demoPatch, body: replaced("/__support_kvm", "yes"), code: "IMG.0001"},
	{name: "unknown image", path: "/v2/cloudimages/no", body: replaced("/name", "n"), code: "IMG.0027"},
	{name: "public image", path: "/v2/cloudimages/" + DemoPublicImage, body: replaced("/name", "n"), code: "IMG.0047"},
	{name: "shared image", path: "/v2/cloudimages/shared", body: replaced("/name", "n"), code: "IMG.0047"},
	{name: "image being made", path: "/v2/cloudimages/saving", body: replaced("/name", "n"), code: "IMG.0046"},
	{name: "whole image", path: "/v2/cloudimages/" + DemoWholeImage, body: replaced("/name", "n")},
	{name: "ISO image", path: "/v2/cloudimages/" + DemoISOImage, body: replaced("/name", "n")},
}

func TestUpdateRules(t *testing.T) {
	t.Parallel()
	for _, a := range updates {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.method = "PATCH"
			d := newDemo(t)
			if _, err := d.fake.Add(DemoCloud, oddWorld()); err != nil {
				t.Fatal(err)
			}
			a.run(d)
		})
	}
}

// TestUpdate: what was changed is shown, in the types that answers have, and
// found by its new name.
func TestUpdate(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	answer := d.call("PATCH", demoPatch, `[{"op":"replace","path":"/name","value":"renamed"},{"op":"add","path":"/max_ram","value":"0"},{"op":"replace","path":"/min_ram","value":"512"},{"op":"add","path":"/__support_arm","value":"false"}]`).ok()
	for name, want := range map[string]any{"name": "renamed", "max_ram": "0", "min_ram": 512.0, "__support_arm": "false", "__support_kvm": "true"} {
		if got := answer.at(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if got := d.ids("name=renamed"); got != DemoImage {
		t.Errorf("the new name finds %q", got)
	}
	if got := d.ids("name=base-2026-01"); got != "" {
		t.Errorf("the old name finds %q", got)
	}
	// One change that is refused undoes the others.
	d.call("PATCH", demoPatch, `[{"op":"replace","path":"/name","value":"again"},{"op":"replace","path":"/__support_xen","value":"true"}]`).want(400, "IMG.0035")
	if got := d.ids("name=renamed"); got != DemoImage {
		t.Errorf("a refused change left %q", got)
	}
}
