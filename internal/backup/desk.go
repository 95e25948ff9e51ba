package backup

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// client is what the desk asks of a cloud; *ims.Client is one.
type client interface {
	Backup(ctx context.Context, id string) (ims.Backup, error)
	Backups(ctx context.Context, f ims.BackupFilter) ([]ims.Backup, error)
	BackupTasks(ctx context.Context, f ims.BackupTaskFilter) ([]ims.BackupTask, bool, error)
	Vault(ctx context.Context, id string) (ims.Vault, error)
	CloudTime() (ahead time.Duration, known bool)
}

// store is what the desk needs of the broker.
type store interface {
	Put(ctx context.Context, stream string, m broker.Message) (uint64, error)
	Last(ctx context.Context, stream, subject string) (broker.Stored, error)
	Tail(ctx context.Context, stream, filter string, each func(broker.Stored), caughtUp func()) error
}

// Cloud is what the desk needs to know of a configured cloud.
type Cloud struct {
	Client  client
	Profile ims.Profile
	// Scale divides a duration by the cloud's time factor.
	Scale func(time.Duration) time.Duration
	// Vaults are looked through every so often, in the cloud's time; none means
	// all. Every is 0 where nobody looks.
	Vaults []string
	Every  time.Duration
}

// Requests is where the desk asks for images; the shard's intake is one.
type Requests interface {
	// BackupAsked reports whether a request for the backup's image is known,
	// and counts a duplicate if so.
	BackupAsked(ctx context.Context, cloud, backupID string) (bool, error)
	// AskOfBackup stores such a request; a second time changes nothing. Problems
	// say why it cannot be one.
	AskOfBackup(ctx context.Context, cloud, backupID string, data []byte) (messages.Problems, error)
	// BuryNotice stores a dead letter that has the notice for its body.
	BuryNotice(ctx context.Context, cloud string, n messages.Notice, ps messages.Problems) error
}

// Options are what a desk works with.
type Options struct {
	Shard, Shards int
	Store         store
	// Clouds are the names of all that are configured, Cloud is one of them.
	Clouds func() []string
	Cloud  func(name string) (Cloud, bool)
	// Rules are those in use; nil where there are none.
	Rules func() *Rules
	// Pace returns a context under which calls of a cloud wait for their turn.
	Pace     func(ctx context.Context, cloud string) (context.Context, error)
	Requests Requests
	Metrics  *Metrics
	Log      *slog.Logger
}

// Desk takes the notices of one shard. Make it with New, then call Run once.
type Desk struct {
	Options

	mu       sync.Mutex // guards the rest
	hints    map[string]*hint
	busy     map[string]int    // looks under way, by cloud
	gone     map[string]uint64 // notices that were forgotten, until the stream tells of it
	position uint64            // of the stream
	loaded   chan struct{}     // closed when all hints of before are known
	wake     chan struct{}
}

// New returns a desk that is not running yet.
func New(o Options) *Desk {
	return &Desk{Options: o, hints: map[string]*hint{}, busy: map[string]int{}, gone: map[string]uint64{}, loaded: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// Run looks again at what waits, and watches the shard's clouds, until ctx
// ends, which is no error.
func (d *Desk) Run(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return d.follow(ctx) })
	all.Go(func() error {
		select {
		case <-d.loaded:
			d.work(ctx)
		case <-ctx.Done():
		}
		return nil
	})
	all.Go(func() error { d.watchAll(ctx); return nil })
	err := all.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	return err
}

// patient are the times that a notice may wait, in the cloud's time.
const (
	// untilAvailable is how long a backup may take until it is available.
	untilAvailable = 24 * time.Hour
	// untilThere is how long CBR may not know what a notice speaks of.
	untilThere = 10 * time.Minute
	// lookTime bounds one look, in ours.
	lookTime = 2 * time.Minute
)

// Hear takes a notice that was stored at a time, by the broker's clock. It
// returns nil when the notice is kept, and looked at soon, or speaks of a
// backup that others have spoken of: it needs no second delivery then. It
// blocks until then or until ctx ends, and for no cloud: what one that answers
// slowly is asked must not hold up the requests of others.
func (d *Desk) Hear(ctx context.Context, cloud string, n messages.Notice, at time.Time) error {
	select {
	case <-d.loaded:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if n.Backup.ID != "" && !d.waits(cloud, n) {
		asked, err := d.Requests.BackupAsked(ctx, cloud, n.Backup.ID)
		if err != nil || asked {
			d.count(asked, cloud, resultDuplicate)
			return err
		}
	}
	return d.keep(ctx, cloud, n, at)
}
