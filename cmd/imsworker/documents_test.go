package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// documents are all pages for people, each by its path from the top.
func documents(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	for _, pattern := range []string{"README.md", "CHANGELOG.md", "docs/*.md", "deployments/README.md", "deployments/*/README.md", "internal/*/README.md"} {
		names, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d pages, %v", pattern, len(names), err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name) //nolint:gosec // pages of our own
			if err != nil {
				t.Fatal(err)
			}
			pages[filepath.ToSlash(strings.TrimPrefix(name, filepath.Join("../..")+string(filepath.Separator)))] = string(text)
		}
	}
	return pages
}

// TestLinks: every link of a document to another place of the repository leads
// to a file or folder that there is, and to a heading that stands in it.
func TestLinks(t *testing.T) {
	t.Parallel()
	pages := documents(t)
	blocks, link := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`"), regexp.MustCompile(`\]\(([^)\s]+)\)`)
	found := 0
	for page, text := range pages {
		for _, m := range link.FindAllStringSubmatch(blocks.ReplaceAllString(text, "x"), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			found++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = path.Join(path.Dir(page), file)
			}
			if _, err := os.Stat(filepath.Join("../..", target)); err != nil {
				t.Errorf("%s: %s leads nowhere", page, m[1])
			} else if anchor != "" && !anchors(pages[target])[anchor] {
				t.Errorf("%s: %s: %s has no such heading", page, m[1], target)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d links are found", found)
	}
}

// anchors are the headings of a page as links write them.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ +(.*)$`).FindAllStringSubmatch(text, -1) {
		all[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])] = true
	}
	return all
}

func TestAnchors(t *testing.T) {
	t.Parallel()
	got := anchors("# One\ntext # none\n### clouds.yaml\n## Two, and `three`: it's_4\n")
	for _, want := range []string{"one", "cloudsyaml", "two-and-three-its_4"} {
		if !got[want] {
			t.Errorf("no %s in %v", want, got)
		}
	}
	if len(got) != 3 {
		t.Errorf("got %v", got)
	}
}
