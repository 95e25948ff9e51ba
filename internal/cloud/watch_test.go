package cloud

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const patience = time.Minute

// watched is a running Watch with what it applied and logged.
type watched struct {
	t       *testing.T
	file    string
	applied chan *Set
	reload  chan struct{}

	mu      sync.Mutex
	refuse  error
	refused bool
	log     bytes.Buffer
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *watched) apply(s *Set) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse != nil {
		return w.refuse
	}
	w.applied <- s
	return nil
}

func watch(t *testing.T, file string) *watched {
	t.Helper()
	set, err := Load(Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	w := watchSince(t, file, set)
	w.reload <- struct{}{} // from here on it watches
	return w
}

// watchSince begins to watch a while after set was read.
func watchSince(t *testing.T, file string, set *Set) *watched {
	t.Helper()
	o := Options{File: file}
	w := &watched{t: t, file: file, applied: make(chan *Set, 10), reload: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Watch(ctx, o, set, w.reload, w.apply, w.stands, slog.New(slog.NewTextHandler(w, nil))) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

// expect waits for a reading in which the demo cloud has that region.
func (w *watched) expect(region string) {
	w.t.Helper()
	select {
	case set := <-w.applied:
		if c, _ := set.Get("demo"); c.Region != region {
			w.t.Errorf("region %s, want %s", c.Region, region)
		}
	case <-time.After(patience):
		w.t.Errorf("%s was not read", region)
	}
}

// expectAtLast waits for a region, whatever is read before it.
func (w *watched) expectAtLast(region string) {
	w.t.Helper()
	for late := time.After(patience); ; {
		select {
		case set := <-w.applied:
			if c, _ := set.Get("demo"); c.Region == region {
				return
			}
		case <-late:
			w.t.Errorf("%s was not read", region)
			return
		}
	}
}

// stands notes how the last reading was taken.
func (w *watched) stands(refused error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused = refused != nil
}

// expectRefused waits until the files are known to be refused, or not.
func (w *watched) expectRefused(want bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		w.mu.Lock()
		refused := w.refused
		w.mu.Unlock()
		if refused == want {
			return
		}
	}
	w.t.Errorf("refused is not %v", want)
}

// logs waits until a text stands in the log.
func (w *watched) logs(text string) {
	w.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		w.mu.Lock()
		found := strings.Contains(w.log.String(), text)
		w.mu.Unlock()
		if found {
			return
		}
	}
	w.t.Errorf("%q was not logged", text)
}

func demo(region string) string {
	return "clouds: { demo: { profile: otc, region_name: " + region + ", auth: { ak: a, sk: b }, imsworker: {} } }\n"
}

func put(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestWatchedTooLate: a change between the first reading and the first watching
// is noticed too.
func TestWatchedTooLate(t *testing.T) {
	t.Parallel()
	file := write(t, map[string]string{"clouds.yaml": demo("eu-de")})
	set, err := Load(Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	put(t, file, demo("eu-nl"))
	watchSince(t, file, set).expect("eu-nl")
}

// TestWatchAmidNoise: others who keep writing beside the file do not put the
// reading off, even into a file that matters.
func TestWatchAmidNoise(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"log", "secure.yml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch(t, write(t, map[string]string{"clouds.yaml": demo("eu-de")}))
			ctx, cancel := context.WithCancel(t.Context())
			var noise sync.WaitGroup
			noise.Go(func() {
				each := time.NewTicker(settle / 10)
				defer each.Stop()
				for ctx.Err() == nil {
					_ = os.WriteFile(filepath.Join(filepath.Dir(w.file), name), []byte("clouds: {}"), 0o600)
					<-each.C
				}
			})
			put(t, w.file, demo("eu-nl"))
			w.expectAtLast("eu-nl")
			cancel()
			noise.Wait()
		})
	}
}

// TestWatchLinkedDirectory: a link above the file's own directory is turned to
// another directory.
func TestWatchLinkedDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, region := range map[string]string{"old": "eu-de", "new": "eu-nl"} {
		if err := os.MkdirAll(filepath.Join(dir, name, "conf"), 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name, "conf", "clouds.yaml"), demo(region))
	}
	current := filepath.Join(dir, "current")
	if err := os.Symlink("old", current); err != nil {
		t.Fatal(err)
	}
	w := watch(t, filepath.Join(current, "conf", "clouds.yaml"))
	if err := errors.Join(os.Symlink("new", current+".tmp"), os.Rename(current+".tmp", current)); err != nil {
		t.Fatal(err)
	}
	w.expect("eu-nl")
}

func TestWatchWritten(t *testing.T) {
	t.Parallel()
	w := watch(t, write(t, map[string]string{"clouds.yaml": demo("eu-de")}))
	put(t, w.file, demo("eu-nl"))
	w.expect("eu-nl")
	put(t, w.file, demo("eu-de"))
	w.expect("eu-de")
}

func TestWatchRenamed(t *testing.T) {
	t.Parallel()
	w := watch(t, write(t, map[string]string{"clouds.yaml": demo("eu-de")}))
	for _, region := range []string{"eu-nl", "eu-ch2"} {
		put(t, w.file+".new", demo(region))
		if err := os.Rename(w.file+".new", w.file); err != nil {
			t.Fatal(err)
		}
		w.expect(region)
	}
}

// TestWatchSwapped swaps a symlink to a directory, as Kubernetes does it when
// a mounted secret changes.
func TestWatchSwapped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	version := func(name, region string) {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name, "clouds.yaml"), demo(region))
		next := filepath.Join(dir, "..data_tmp")
		if err := errors.Join(os.Symlink(name, next), os.Rename(next, filepath.Join(dir, "..data"))); err != nil {
			t.Fatal(err)
		}
	}
	version("..1", "eu-de")
	file := filepath.Join(dir, "clouds.yaml")
	if err := os.Symlink(filepath.Join("..data", "clouds.yaml"), file); err != nil {
		t.Fatal(err)
	}
	w := watch(t, file)
	version("..2", "eu-nl")
	w.expect("eu-nl")
	if err := os.RemoveAll(filepath.Join(dir, "..1")); err != nil {
		t.Fatal(err)
	}
	version("..3", "eu-ch2")
	w.expect("eu-ch2")
}

// TestWatchBad: a bad file or a refused change leaves all as it is, and says
// so without secrets.
func TestWatchBad(t *testing.T) {
	t.Parallel()
	w := watch(t, write(t, map[string]string{"clouds.yaml": demo("eu-de")}))
	put(t, w.file, "clouds: { demo: { auth: { password: *SKexampleSECRET } } }")
	w.logs("the running configuration stays")
	w.expectRefused(true)
	put(t, w.file, demo("eu-de")) // as it was
	w.expectRefused(false)
	if err := os.Remove(w.file); err != nil {
		t.Fatal(err)
	}
	w.logs("no such file")
	w.mu.Lock()
	w.refuse = errors.New("requests are in flight")
	w.mu.Unlock()
	put(t, w.file, demo("eu-nl"))
	w.logs("requests are in flight")
	w.expectRefused(true)
	w.mu.Lock()
	w.refuse = nil
	if strings.Contains(w.log.String(), fixtureSecret) {
		t.Error("a secret is logged")
	}
	w.mu.Unlock()
	w.reload <- struct{}{}
	w.expect("eu-nl")
	w.expectRefused(false)
}

func TestWatchSecureFile(t *testing.T) {
	t.Parallel()
	w := watch(t, write(t, map[string]string{"clouds.yaml": demo("eu-de"), "secure.yaml": "clouds: {}"}))
	put(t, filepath.Join(filepath.Dir(w.file), "secure.yaml"), "clouds: { demo: { auth: { sk: other } } }")
	w.expect("eu-de")
}
