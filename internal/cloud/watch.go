package cloud

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	settle    = 200 * time.Millisecond // a change is several events
	settleMax = 2 * time.Second        // where the events do not end: others write beside the file
	lookAgain = time.Minute            // for file systems that tell nothing
)

// Watch reads the files again when they change, in whatever way: written in
// place, renamed over, or by the swap of a symlink as Kubernetes does it; also
// when reload says so. A reading that differs is given to apply, which may
// refuse it. Whatever is bad or refused leaves the running configuration alone
// and is logged; after each reading stands is told whether what is in the files
// is what runs (nil), or why not. Watch returns nil when ctx ends, or an error
// if the file system cannot be watched.
func Watch(ctx context.Context, o Options, current *Set, reload <-chan struct{}, apply func(*Set) error, stands func(refused error), log *slog.Logger) error {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch clouds.yaml: %w", err)
	}
	defer func() { _ = events.Close() }()
	w := &watcher{options: o, current: current, apply: apply, stands: stands, log: log, events: events}
	if err := w.watchDirs(); err != nil {
		return err
	}
	w.run(ctx, reload)
	return nil
}

type watcher struct {
	options Options
	current *Set
	refused string // what was logged last, so that it is told once
	apply   func(*Set) error
	stands  func(refused error)
	log     *slog.Logger
	events  *fsnotify.Watcher
	matters map[string]bool // names whose events are looked after
}

// watchDirs watches the directories of all files, and of the links that lead
// to them: a file that is replaced is another file, its directory stays. What
// else happens in these directories is of no concern.
func (w *watcher) watchDirs() error {
	w.matters = map[string]bool{}
	for _, name := range secureNames {
		w.matters[name] = true
	}
	for _, file := range w.current.files {
		for i, path := range wayTo(file) {
			dir := filepath.Dir(path)
			w.matters[filepath.Base(path)], w.matters[filepath.Base(dir)] = true, true
			if err := w.events.Add(dir); err != nil && i == 0 { // of the others one may be gone again
				return fmt.Errorf("watch %s: %w", dir, err)
			}
		}
	}
	return nil
}

func (w *watcher) run(ctx context.Context, reload <-chan struct{}) {
	quiet := time.NewTimer(settle) // the file may have changed since it was read
	defer quiet.Stop()
	var latest time.Time // to look after events, zero if there were none
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-reload:
			if !open {
				reload = nil
				continue
			}
			w.refused = "" // who asks gets an answer
			w.look(ctx, true)
		case event, open := <-w.events.Events:
			if !open {
				return
			}
			if !w.matters[filepath.Base(event.Name)] {
				continue
			}
			if latest.IsZero() {
				latest = time.Now().Add(settleMax)
			}
			quiet.Reset(min(settle, time.Until(latest)))
		case err := <-w.events.Errors:
			w.log.WarnContext(ctx, "watching clouds.yaml", "error", err)
		case <-quiet.C:
			w.look(ctx, false)
			_ = w.watchDirs() // one may have been made anew
			latest = time.Time{}
			quiet.Reset(lookAgain)
		}
	}
}

func (w *watcher) look(ctx context.Context, asked bool) {
	next, err := Load(w.options)
	switch {
	case err != nil:
		w.refuse(ctx, "clouds.yaml is not used", err)
	case next.digest == w.current.digest:
		w.refused = ""
		w.stands(nil)
		if asked {
			w.log.InfoContext(ctx, "clouds.yaml has not changed")
		}
	default:
		w.take(ctx, next)
	}
}

func (w *watcher) take(ctx context.Context, next *Set) {
	if err := w.apply(next); err != nil {
		w.refuse(ctx, "the change of clouds.yaml is refused", err)
		return
	}
	w.current, w.refused = next, ""
	w.stands(nil)
	w.log.InfoContext(ctx, "clouds.yaml read again", "clouds", next.Names())
	if err := w.watchDirs(); err != nil {
		w.log.WarnContext(ctx, "watching clouds.yaml", "error", err)
	}
}

func (w *watcher) refuse(ctx context.Context, why string, err error) {
	w.stands(err)
	if err.Error() == w.refused {
		return
	}
	w.refused = err.Error()
	w.log.ErrorContext(ctx, "the running configuration stays", "why", why, "error", err)
}
