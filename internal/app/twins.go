package app

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/imsworker/imsworker/internal/accounts"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// twins finds clouds that are the same account although their entries name it
// in words that only the cloud can compare. One of them is worked, the first
// that came; the others submit nothing new, as both would spend the whole of the
// account's limits. It is safe for concurrent use.
type twins struct {
	clouds   *clouds
	accounts accounts.Accounts
	tell     func(cloud, by string) // called under the lock; by is empty where nobody else has the account any more
	log      *slog.Logger

	mu    sync.Mutex
	known map[string]twin // by cloud
}

// twin is what was found of a cloud: good as long as its client and the other
// one's are in use.
type twin struct {
	client *ims.Client
	by     string // the cloud that works the account, empty: this one
	other  *ims.Client
}

// taken reports whether another cloud is the account and works it. The first
// time it asks the cloud, whose error it returns, and then the broker. Where
// that, or the other cloud, does not answer, nothing is held back on suspicion;
// the next submission asks again.
func (ts *twins) taken(ctx context.Context, a *engine.Account) (bool, error) {
	ts.mu.Lock()
	t, known := ts.known[a.Name]
	ts.mu.Unlock()
	if known && t.client == a.Client {
		return t.by != "", nil
	}
	project, err := a.Client.ProjectID(ctx)
	if err != nil {
		return false, err
	}
	t, err = ts.find(ctx, a, project)
	if err != nil {
		ts.log.DebugContext(ctx, "it cannot be told yet whether another cloud is the same account; going on", "cloud", a.Name, "error", err)
		return false, nil
	}
	return ts.note(a.Name, t), nil
}

// find asks who works a project.
func (ts *twins) find(ctx context.Context, a *engine.Account, project string) (twin, error) {
	t := twin{client: a.Client}
	identity := a.Client.Identity()
	by, err := ts.accounts.Claim(ctx, accounts.Account{Identity: identity, Project: project}, a.Name, func(ctx context.Context, name string) (bool, error) {
		other, configured := ts.clouds.Account(name)
		if !configured || other.Client.Identity() != identity {
			return false, nil
		}
		t.other = other.Client
		is, err := other.Client.ProjectID(ctx)
		return strings.EqualFold(is, project), err
	})
	if by != a.Name {
		t.by = by
	}
	return t, err
}

// note remembers what was found, unless the configuration has changed
// meanwhile, and reports whether the account is another cloud's.
func (ts *twins) note(name string, t twin) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if !ts.holds(name, t) {
		return false
	}
	before := ts.known[name]
	ts.known[name] = t
	if t.by != before.by {
		ts.tell(name, t.by)
	}
	return t.by != ""
}

// holds reports whether both clouds are configured as they were asked.
func (ts *twins) holds(name string, t twin) bool {
	now, configured := ts.clouds.Account(name)
	if !configured || now.Client != t.client || t.by == "" {
		return configured && now.Client == t.client
	}
	other, configured := ts.clouds.Account(t.by)
	return configured && other.Client == t.other
}

// review forgets what a changed configuration may have changed: it is found out
// anew before the next submission.
func (ts *twins) review() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for name, t := range ts.known {
		if ts.holds(name, t) {
			continue
		}
		delete(ts.known, name)
		if t.by != "" {
			ts.tell(name, "")
		}
	}
}

// heldBack reports whether nothing new is to be submitted to a cloud.
func (ts *twins) heldBack(cloud string) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.known[cloud].by != ""
}

// held says why nothing new of an operation is to be submitted to a cloud.
func (w *worker) held(cloud, operation string) messages.WaitReason {
	switch {
	case w.pauses.Paused(cloud, operation):
		return messages.WaitsPaused
	case w.twins.heldBack(cloud):
		return messages.WaitsAccount
	}
	return ""
}

// tellTwin says that a cloud is an account that another one works, or is not
// any more, to whoever may want to know.
func (w *worker) tellTwin(cloud, by string) {
	w.metrics.Taken(cloud, by != "")
	about := "cloud " + cloud
	if by == "" {
		w.health.Note(about, "")
		w.log.Info("the clouds are not known as one account any more", "cloud", cloud)
		return
	}
	w.health.Note(about, fmt.Sprintf("%s: is the same account as cloud %s: nothing new is submitted to it", about, by))
	w.log.Error("two clouds are the same account, and each would spend all of its limits; nothing new is submitted to this one: remove one of the entries from clouds.yaml", "cloud", cloud, "worked_as", by)
	for _, g := range w.running() {
		g.Hold()
	}
}
