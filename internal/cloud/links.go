package cloud

import (
	"os"
	"path/filepath"
	"strings"
)

// maxLinks ends the following of links that lead in a circle.
const maxLinks = 40

// wayTo lists the file as it was given and every link on the way to the one
// that is really read, each with what it leads to. Replacing any of them can
// change what is read.
func wayTo(file string) []string {
	way := []string{filepath.Clean(file)}
	for range maxLinks {
		link, rest, found := firstLink(way[len(way)-1])
		if !found {
			break
		}
		target, err := os.Readlink(link)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(link), target)
		}
		way = append(way, link, filepath.Join(target, rest))
	}
	return way
}

// firstLink is the first link among the directories of a path and the path
// itself, and what of the path lies below that link.
func firstLink(path string) (link, rest string, found bool) {
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != filepath.Separator {
			continue
		}
		if info, err := os.Lstat(path[:i]); err == nil && info.Mode()&os.ModeSymlink != 0 {
			return path[:i], strings.TrimPrefix(path[i:], string(filepath.Separator)), true
		}
	}
	return "", "", false
}
