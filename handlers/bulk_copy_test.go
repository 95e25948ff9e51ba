package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// here is the way to the images' own project.
func here() []handlers.BulkTarget {
	return []handlers.BulkTarget{{BulkRoute: messages.BulkRoute{Way: messages.WayHere, Cloud: "demo", Region: "eu-de"}, Profile: ims.ProfileHuawei}}
}

func TestBulkNames(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	image := ims.Image{ID: "465076de-dc36-4aec-80f5-ef9d8009428f", Name: "web 1", Status: ims.ImageActive, CreatedAt: made}
	long := strings.Repeat("x", 200)
	for name, c := range map[string]struct{ template, target, want string }{
		"default":      {"", "", "web 1"},
		"template":     {"{{ .Image.Name }}-{{.Date}}-{{ .Image.Date }}", "", "web 1-20261122-20260102"},
		"target_first": {"{{ .Image.Name }}", "{{ .Target.Cloud }}.{{ .Target.Region }}", "demo.eu-de"},
		"id":           {"{{ .Image.ID }}", "", image.ID},
		"cut":          {long, "", strings.Repeat("x", 119) + "-465076de"},
		"unfit":        {"a/b", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			legs := handlers.ExpandImages([]ims.Image{image}, messages.BulkCopy{NameTemplate: c.template, Targets: []messages.BulkTarget{{Name: c.target}}}, here(), time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC))
			if leg := legs[0]; leg.Name != c.want || (c.want == "") != (leg.Refusal != nil) {
				t.Errorf("leg %+v, refusal %+v", leg, leg.Refusal)
			}
		})
	}
}

// TestBulkRefusals walks through what cannot go which way (API reference 2.13).
func TestBulkRefusals(t *testing.T) {
	t.Parallel()
	base := ims.Image{ID: "i", Name: "web", Status: ims.ImageActive, Type: "private"}
	for name, c := range map[string]struct {
		image               func(*ims.Image)
		here, across, share string // codes
	}{
		"plain":     {func(*ims.Image) {}, "", "", ""},
		"saving":    {func(i *ims.Image) { i.Status = ims.ImageSaving }, "", "", ""},
		"killed":    {func(i *ims.Image) { i.Status = ims.ImageKilled }, "IMG.0046", "IMG.0046", "IMG.0046"},
		"whole":     {func(i *ims.Image) { i.Whole = true }, "IMG.0130", "IMG.0184", "IMG.0130"},
		"iso":       {func(i *ims.Image) { i.VirtualEnv = "IsoImage" }, "IMG.0167", "IMG.0167", "IMG.0167"},
		"public":    {func(i *ims.Image) { i.Type = "gold" }, "IMG.0083", "IMG.0083", "IMG.0089"},
		"shared":    {func(i *ims.Image) { i.Type = "shared" }, "", "IMG.0106", "IMG.0047"},
		"encrypted": {func(i *ims.Image) { i.Encrypted = true }, "", "IMG.0143", "IMG.0197"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			image := base
			c.image(&image)
			for way, want := range map[string]string{messages.WayHere: c.here, messages.WayAcross: c.across, messages.WayShare: c.share} {
				to := here()
				to[0].Way = way
				leg := handlers.ExpandImages([]ims.Image{image}, messages.BulkCopy{Targets: []messages.BulkTarget{{}}}, to, time.Time{})[0]
				switch {
				case want == "" && leg.Refusal != nil:
					t.Errorf("%s: refused with %+v", way, leg.Refusal)
				case want != "" && (leg.Refusal == nil || leg.Refusal.Code != want || leg.Refusal.Remedy == "" || leg.Refusal.Reason == ""):
					t.Errorf("%s: %+v, want %s", way, leg.Refusal, want)
				}
			}
		})
	}
}

// TestBulkQuery chooses by tag, name and age.
func TestBulkQuery(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	image := ims.Image{Name: "web-01", CreatedAt: now, Tags: []ims.Tag{{Key: "a", Value: "1"}}}
	for pattern, want := range map[string]bool{"web-*": true, "web-??": true, "*": true, "*01": true, "w*b*1": true, "web": false, "web-?": false, "*02": false, "": true} {
		if got := handlers.Chooses(messages.BulkQuery{Name: pattern}, image); got != want {
			t.Errorf("%q chooses %t", pattern, got)
		}
	}
	before, after := now.Add(-time.Second), now.Add(time.Second)
	for name, c := range map[string]struct {
		q    messages.BulkQuery
		want bool
	}{
		"tag":         {messages.BulkQuery{Tag: &messages.Tag{Key: "a", Value: "1"}}, true},
		"other_value": {messages.BulkQuery{Tag: &messages.Tag{Key: "a", Value: "2"}}, false},
		"other_tag":   {messages.BulkQuery{Tag: &messages.Tag{Key: "b", Value: "1"}}, false},
		"newer":       {messages.BulkQuery{NewerThan: &before}, true},
		"older":       {messages.BulkQuery{NewerThan: &after}, false},
	} {
		if got := handlers.Chooses(c.q, image); got != c.want {
			t.Errorf("%s: chooses %t", name, got)
		}
	}
}
