package backup

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"time"
)

// followEvery is how soon a changed file is noticed. It is read whole, so that
// no way of changing it is missed.
const followEvery = 2 * time.Second

// Follow reads the rules again when their file has changed, until ctx ends. A
// file that is wrong leaves the running rules alone; what is wrong with it is
// logged once. stands is told of each change whether what is in the file is what
// runs (nil), or why not.
func Follow(ctx context.Context, file string, clouds func() Clouds, apply func(*Rules), stands func(refused error), log *slog.Logger) {
	last, _ := os.ReadFile(file) // just loaded; what cannot be read now is told below
	refused := ""
	for sleep(ctx, followEvery) {
		text, err := os.ReadFile(file)
		if err == nil && bytes.Equal(text, last) {
			if refused != "" { // somebody took the change back
				refused = ""
				stands(nil)
			}
			continue
		}
		var rules *Rules
		if err == nil {
			rules, err = Parse(file, text, clouds())
		}
		switch {
		case err == nil:
			apply(rules)
			last, refused = text, ""
			stands(nil)
			log.InfoContext(ctx, "backup rules read again", "file", file, "rules", rules.Len())
		case err.Error() != refused:
			refused = err.Error()
			stands(err)
			log.ErrorContext(ctx, "the running backup rules stay", "file", file, "error", err)
		}
	}
}
