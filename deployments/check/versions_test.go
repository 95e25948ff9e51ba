package check

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// pinned is what the expression finds in a file, its first group.
func pinned(t *testing.T, file, expression string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(expression).FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s has no %s", file, expression)
	}
	return string(found[1])
}

// Versions that stand in several files are the same: a new Go or a new broker is tried where it is shipped, too.
func TestVersionsAgree(t *testing.T) {
	t.Parallel()
	const module = "../../go.mod"
	language := pinned(t, module, `(?m)^go (\d+\.\d+)`)
	if image := pinned(t, "../Dockerfile", `golang:([\d.]+)-`); !strings.HasPrefix(image, language+".") {
		t.Errorf("the image is built with Go %s, the module wants %s", image, language)
	}
	server := pinned(t, module, `nats-server/v2 v([\d.]+)`)
	if image := pinned(t, composeFile, `nats:([\d.]+)-`); image != server {
		t.Errorf("the compose file has the broker %s, the tests have %s", image, server)
	}
}
