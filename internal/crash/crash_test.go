package crash_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/crash"
)

// TestTableNamesTests holds the table of crash points to the tests that there
// are, and to the points in the code.
func TestTableNamesTests(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := allTests(t)
	for _, name := range regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(string(table), -1) {
		if !tests[name[1]] {
			t.Errorf("the table names %s, which is no test", name[1])
		}
	}
	for _, p := range slices.Concat(crash.Points(), crash.BulkPoints(), crash.BackupPoints()) {
		if !strings.Contains(string(table), string(p)) {
			t.Errorf("the table does not name the point %s", p)
		}
	}
}

// allTests are the names of all test functions of the module.
func allTests(t *testing.T) map[string]bool {
	t.Helper()
	tests, pattern := map[string]bool{}, regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range pattern.FindAllStringSubmatch(string(text), -1) {
			tests[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// TestAtDoesNothing in a normal build, whatever the environment says.
func TestAtDoesNothing(t *testing.T) {
	for _, p := range crash.Points() {
		t.Setenv("CRASH_AT", string(p))
		crash.At(p)
	}
}
