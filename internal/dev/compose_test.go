package dev

import (
	"os"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// The clouds.yaml of the compose file is the one that the fake prints there.
func TestComposeCloudsFile(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../../deployments/compose/clouds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(string(file), "\n") // behind the comment
	if want := CloudsYAML("http://fake:8774", 60, fakecloud.Demo()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
