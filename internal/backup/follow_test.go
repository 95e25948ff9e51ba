package backup

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestFollowTellsHowItStands: that the rules in the file are not those that run
// holds until the file is right again, changed or as it was.
func TestFollowTellsHowItStands(t *testing.T) {
	t.Parallel()
	const rules, other, wrong = "rules:\n  - match: {}\n    skip: true\n", "rules:\n  - match: { kind: manual }\n    skip: true\n", "rules: ["
	file := filepath.Join(t.TempDir(), "rules.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	write(rules)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var told []bool
		var applied int
		done := make(chan struct{})
		go func() {
			defer close(done)
			Follow(ctx, file, func() Clouds { return Clouds{} }, func(*Rules) { applied++ }, func(refused error) { told = append(told, refused == nil) }, slog.New(slog.DiscardHandler))
		}()
		time.Sleep(followEvery / 2) // no write falls together with a look
		for _, text := range []string{rules, wrong, wrong, rules, wrong, other} {
			write(text)
			time.Sleep(followEvery)
		}
		cancel()
		<-done
		if !slices.Equal(told, []bool{false, true, false, true}) || applied != 1 {
			t.Errorf("told %v, applied %d times", told, applied)
		}
	})
}
