package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

func built() *debug.BuildInfo {
	return &debug.BuildInfo{
		GoVersion: "go1.26.8", Path: "example.org/app/cmd/app", Main: debug.Module{Path: "example.org/app", Version: "v1.2.3"},
		Deps: []*debug.Module{
			{Path: "github.com/ThreeDotsLabs/watermill", Version: "v1.5.1", Sum: "h1:abc"},
			{Path: "example.org/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/fork", Version: "v2.0.0+incompatible"}},
		},
		Settings: []debug.BuildSetting{{Key: "CGO_ENABLED", Value: "0"}, {Key: "vcs.time", Value: "2026-11-22T04:00:00Z"}},
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	got := document(built(), []byte("binary"))
	var refs []string
	for _, c := range got.Components {
		refs = append(refs, c.PURL)
	}
	want := []string{"pkg:golang/std@1.26.8", "pkg:golang/github.com/threedotslabs/watermill@v1.5.1", "pkg:golang/example.org/fork@v2.0.0%2Bincompatible"}
	if !slices.Equal(refs, want) {
		t.Errorf("got %v, want %v", refs, want)
	}
	if got.Metadata.Timestamp != "2026-11-22T04:00:00Z" || got.Metadata.Component.Name != "app" || got.Metadata.Component.Version != "v1.2.3" {
		t.Errorf("got %+v", got.Metadata)
	}
	if form := regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`); !form.MatchString(got.SerialNumber) {
		t.Errorf("got %s", got.SerialNumber)
	}
	if other := document(built(), []byte("another")); other.SerialNumber == got.SerialNumber {
		t.Error("two binaries have one serial number")
	}
	if again := document(built(), []byte("binary")); !reflect.DeepEqual(again, got) {
		t.Error("one binary has two documents")
	}
}

// The test's own binary is one too.
func TestRun(t *testing.T) {
	t.Parallel()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run([]string{own}, &out); err != nil {
		t.Fatal(err)
	}
	var got bom
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Format != "CycloneDX" || len(got.Components) == 0 {
		t.Errorf("got %s, %v", out.String(), err)
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{"one Go binary is wanted": nil, "what the binary was built from": {text}} {
		if err := run(args, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %q", args, err, want)
		}
	}
}
