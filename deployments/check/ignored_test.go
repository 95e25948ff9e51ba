package check

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// What README and the READMEs here have somebody make in a clone holds credentials, or is large: it gets neither into a commit nor
// into the context of the image.
func TestWhatIsMadeIsLeftOut(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"../../.gitignore", "../../.dockerignore"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for _, made := range []string{"/clouds.yaml", "/secure.yaml", "/deployments/nats/secrets/", "/data/", "/bin/"} {
			if !slices.Contains(lines, made) {
				t.Errorf("%s does not name %s", file, made)
			}
		}
	}
}
