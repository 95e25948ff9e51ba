package engine

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestAnOutageIsOneLine: what cannot be done for anything that waits is said
// once a minute, with how often it happened; what fails otherwise, and
// elsewhere, has lines of its own.
func TestAnOutageIsOneLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	g := newIdle()
	g.Log = slog.New(slog.NewTextHandler(&out, nil))
	begun := time.Now()
	said := func(s step, cloud string, times int, after time.Duration) string {
		out.Reset()
		for n := range times {
			e := &entry{key: fmt.Sprint("key-", n), account: newAccount(cloud, nil), operation: "copy-image"}
			g.repeatsStep(result{task: task{entry: e, step: s}, err: errors.New("the broker is not connected")}, begun.Add(after))
		}
		return out.String()
	}
	for name, got := range map[string][2]string{
		"the first of many":    {said(foretellStep, "demo", 100, 0), "key=key-0 "},
		"the same soon after":  {said(foretellStep, "demo", 10, 59*time.Second), ""},
		"another kind of step": {said(pollStep, "demo", 2, 59*time.Second), "step=poll"},
		"at another cloud":     {said(foretellStep, "else", 2, 59*time.Second), "cloud=else"},
		"a minute later":       {said(foretellStep, "demo", 1, time.Minute), "since_last_line=109"},
		"after a long time":    {said(foretellStep, "demo", 1, 3*time.Hour), "step=foretell"},
	} {
		if !strings.Contains(got[0], got[1]) || strings.Count(got[0], "\n") != min(1, len(got[1])) {
			t.Errorf("%s: %q, want a line with %q", name, got[0], got[1])
		}
	}
	if len(g.repeats) != 1 {
		t.Errorf("%d kinds are remembered for hours", len(g.repeats))
	}
}
