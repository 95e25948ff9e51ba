package cloud

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Problem is one mistake in a file, in words for whoever wrote it.
type Problem struct {
	File    string
	Line    int    // 0: the whole file
	Cloud   string // the entry's name, empty outside of entries
	Key     string // path of the key below the entry, such as imsworker.limits.copy
	Message string // what is wrong and what is wanted; never a secret
}

// String tells place, cloud, key and mistake in one line.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Cloud != "" {
		b.WriteString(": cloud " + p.Cloud)
	}
	if p.Key != "" {
		b.WriteString(": " + p.Key)
	}
	return b.String() + ": " + p.Message
}

// Problems are all mistakes of one reading. It is the error of Load.
type Problems []Problem

// Error tells every mistake in a line of its own.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// err is nil where there is no problem; the order is that of the files.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line)
	})
	return p
}

// unknown says that a word is not one of those allowed, with the nearest.
func unknown(what, word string, allowed []string) string {
	if len(allowed) == 0 {
		return fmt.Sprintf("unknown %s %q", what, word)
	}
	if near := nearest(word, allowed); near != "" {
		return fmt.Sprintf("unknown %s %q, did you mean %q?", what, word, near)
	}
	return fmt.Sprintf("unknown %s %q, known are %s", what, word, strings.Join(allowed, ", "))
}

// nearest is the allowed word that is most like the given one, if any is.
func nearest(word string, allowed []string) string {
	best, least := "", 1+max(2, len(word)/3)
	for _, a := range allowed {
		if len(word) > 2 && strings.HasPrefix(a, strings.ToLower(word)) {
			return a
		}
		if d := levenshtein.Distance(strings.ToLower(word), a, nil); d < least {
			best, least = a, d
		}
	}
	return best
}
