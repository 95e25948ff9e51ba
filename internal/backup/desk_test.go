package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = errors.New("away")

// cbr is a cloud whose backups are what a test says.
type cbr struct {
	mu      sync.Mutex
	backups map[string]ims.Backup
	tasks   []ims.BackupTask
	err     error
	asked   int
	block   chan struct{} // not nil: no answer comes before it is closed
}

func (c *cbr) set(b ims.Backup) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.backups[b.ID] = b
}

func (c *cbr) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

func (c *cbr) Backup(_ context.Context, id string) (ims.Backup, error) {
	c.mu.Lock()
	c.asked++
	block := c.block
	c.mu.Unlock()
	if block != nil {
		<-block
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	b, there := c.backups[id]
	if c.err == nil && !there {
		return b, ims.ErrNotFound
	}
	return b, c.err
}

func (c *cbr) Backups(context.Context, ims.BackupFilter) ([]ims.Backup, error) { return nil, c.err }

func (c *cbr) BackupTasks(_ context.Context, f ims.BackupTaskFilter) ([]ims.BackupTask, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	page := c.tasks[min(f.Offset, len(c.tasks)):min(f.Offset+2, len(c.tasks))]
	return slices.Clone(page), f.Offset+2 < len(c.tasks), c.err
}

func (c *cbr) Vault(context.Context, string) (ims.Vault, error) { return ims.Vault{}, ims.ErrNotFound }

func (c *cbr) CloudTime() (time.Duration, bool) { return 0, true }

// streams are the broker's, in memory.
type streams struct {
	mu       sync.Mutex
	last     map[string]broker.Stored
	until    map[string]time.Time // the end of what has a time to live
	given    []string             // bodies on notices' subjects
	fail     int                  // so many puts fail
	sequence uint64
	tails    []chan broker.Stored
}

func (s *streams) Put(_ context.Context, _ string, m broker.Message) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail > 0 {
		s.fail--
		return 0, errAway
	}
	s.sequence++
	if strings.HasPrefix(m.Subject, "ims.backup.") {
		s.given = append(s.given, string(m.Data))
		return s.sequence, nil
	}
	stored := broker.Stored{Subject: m.Subject, Sequence: s.sequence, Data: m.Data}
	if s.last[m.Subject] = stored; m.TTL > 0 {
		s.until[m.Subject] = time.Now().Add(m.TTL)
	} else {
		delete(s.until, m.Subject)
	}
	for _, t := range s.tails {
		t <- stored
	}
	return s.sequence, nil
}

func (s *streams) Last(_ context.Context, _, subject string) (broker.Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, there := s.last[subject]
	if !there {
		return m, broker.ErrNone
	}
	return m, nil
}

func (s *streams) Tail(ctx context.Context, _, filter string, each func(broker.Stored), caughtUp func()) error {
	news := make(chan broker.Stored, 1000)
	s.mu.Lock()
	for subject, m := range s.last {
		if end, ends := s.until[subject]; strings.HasPrefix(subject, strings.TrimSuffix(filter, ">")) && (!ends || time.Now().Before(end)) {
			each(m)
		}
	}
	s.tails = append(s.tails, news)
	s.mu.Unlock()
	caughtUp()
	for {
		select {
		case m := <-news:
			if strings.HasPrefix(m.Subject, strings.TrimSuffix(filter, ">")) {
				each(m)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ledgers are the requests that were stored, and the notices that were buried.
type ledgers struct {
	mu     sync.Mutex
	asked  map[string]string
	buried []string
	fail   int
}

func (l *ledgers) BackupAsked(_ context.Context, _, id string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, there := l.asked[id]
	return there, nil
}

func (l *ledgers) AskOfBackup(_ context.Context, _, id string, data []byte) (messages.Problems, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail > 0 {
		l.fail--
		return nil, errAway
	}
	l.asked[id] = string(data)
	return nil, nil
}

func (l *ledgers) BuryNotice(_ context.Context, _ string, _ messages.Notice, ps messages.Problems) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buried = append(l.buried, ps.Error())
	return nil
}

func (l *ledgers) counts() (asked, buried int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.asked), len(l.buried)
}

// office is a desk with all around it.
type office struct {
	cbr     *cbr
	streams *streams
	ledgers *ledgers
	every   time.Duration
	metrics *Metrics
	rules   *Rules
}

func newOffice(t *testing.T) *office {
	t.Helper()
	return &office{
		cbr: &cbr{backups: map[string]ims.Backup{}}, streams: &streams{last: map[string]broker.Stored{}, until: map[string]time.Time{}}, ledgers: &ledgers{asked: map[string]string{}},
		metrics: NewMetrics(prometheus.NewRegistry(), func(string) bool { return true }),
		rules:   parse(t, `rules: [ { match: { resource_name: "web*" }, image: { name: "{{ .Resource.Name }}" } } ]`),
	}
}

// run has a desk at work; what it returns ends it.
func (o *office) run(t *testing.T) (*Desk, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	shard := broker.ShardOf("demo", 4)
	d := New(Options{
		Shard: shard, Shards: 4, Store: o.streams, Clouds: func() []string { return []string{"demo"} },
		Cloud: func(name string) (Cloud, bool) {
			return Cloud{Client: o.cbr, Profile: ims.ProfileOTC, Scale: func(d time.Duration) time.Duration { return d }, Every: o.every}, name == "demo"
		},
		Rules: func() *Rules { return o.rules }, Pace: func(ctx context.Context, _ string) (context.Context, error) { return ctx, nil },
		Requests: o.ledgers, Metrics: o.metrics, Log: slog.New(slog.DiscardHandler),
	})
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	return d, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the desk ended with %v", err)
		}
	}
}

func (o *office) hear(t *testing.T, d *Desk, id string) {
	t.Helper()
	if err := d.Hear(t.Context(), "demo", about(id, messages.Notice{}), time.Now()); err != nil {
		t.Errorf("hear: %v", err)
	}
}

func (o *office) want(t *testing.T, what string, asked, buried int) {
	t.Helper()
	synctest.Wait()
	if a, b := o.ledgers.counts(); a != asked || b != buried {
		t.Errorf("%s: %d requests, %d dead letters %v; want %d and %d", what, a, b, o.ledgers.buried, asked, buried)
	}
}

const someBackup = "9b27efab-4a17-4c06-bfa2-3e0cf021d3c3"

func serverBackup(status string) ims.Backup {
	return ims.Backup{ID: someBackup, Status: status, ResourceType: ims.ServerBackup, ResourceName: "web-01"}
}

// TestWaitingInTheEnd: what does not become available, or known, is a dead
// letter in the end, and is forgotten.
func TestWaitingInTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		d, stop := o.run(t)
		o.cbr.set(serverBackup("protecting"))
		o.hear(t, d, someBackup)
		o.hear(t, d, someBackup)
		o.hear(t, d, "00000000-0000-4000-8000-000000000001")
		o.want(t, "at once", 0, 0)
		time.Sleep(9 * time.Minute)
		o.want(t, "after nine minutes", 0, 0)
		time.Sleep(5 * time.Minute)
		o.want(t, "what CBR does not know", 0, 1)
		time.Sleep(23 * time.Hour)
		o.want(t, "after 23 hours", 0, 1)
		time.Sleep(2 * time.Hour)
		o.want(t, "what is not available", 0, 2)
		stop()
		if len(d.hints) != 0 {
			t.Errorf("%d still wait", len(d.hints))
		}
		if o.cbr.asked > 1000 {
			t.Errorf("CBR was asked %d times in a day", o.cbr.asked)
		}
		if got := testutil.ToFloat64(o.metrics.notices.WithLabelValues("demo", resultDuplicate)); got != 1 {
			t.Errorf("%v duplicates", got)
		}
	})
}

// TestCloudAway: a cloud that cannot be asked is asked again, by the next
// owner too, and holds up nobody else.
func TestCloudAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		d, stop := o.run(t)
		o.cbr.fail(errAway)
		o.hear(t, d, someBackup)
		time.Sleep(time.Hour)
		stop()
		o.cbr.fail(nil)
		o.cbr.set(serverBackup("available"))
		_, stop = o.run(t)
		defer stop()
		time.Sleep(mostWait)
		o.want(t, "when the cloud is back", 1, 0)
	})
}

// TestNobodyLooksForDays: what waits when the last worker ends is taken up by
// the next one, however much later: as an image, or as a dead letter.
func TestNobodyLooksForDays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		d, stop := o.run(t)
		o.cbr.set(serverBackup("protecting"))
		o.hear(t, d, someBackup)
		o.hear(t, d, "00000000-0000-4000-8000-000000000001")
		if err := d.Hear(t.Context(), "gone", about(someBackup, messages.Notice{}), time.Now()); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		stop()
		o.cbr.set(serverBackup("available"))
		time.Sleep(72 * time.Hour)
		d, stop = o.run(t)
		time.Sleep(2 * time.Minute)
		o.want(t, "after a weekend", 1, 2)
		stop()
		if len(d.hints) != 0 {
			t.Errorf("%d still wait", len(d.hints))
		}
	})
}

// TestSlowCloud: notices are taken while the cloud does not answer, and it is
// asked about a few at a time.
func TestSlowCloud(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.cbr.block = make(chan struct{})
		d, stop := o.run(t)
		defer stop()
		for i := range 100 {
			o.hear(t, d, fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
			b := serverBackup("available")
			b.ID = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
			o.cbr.set(b)
		}
		synctest.Wait()
		o.cbr.mu.Lock()
		if o.cbr.asked != looksOfOne {
			t.Errorf("asked about %d at once", o.cbr.asked)
		}
		o.cbr.mu.Unlock()
		close(o.cbr.block)
		o.want(t, "when it answers", 100, 0)
	})
}

// TestStoreFails: nothing is taken for done that is not stored.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		d, stop := o.run(t)
		defer stop()
		o.cbr.set(serverBackup("protecting"))
		o.streams.mu.Lock()
		o.streams.fail = 1
		o.streams.mu.Unlock()
		n := about(someBackup, messages.Notice{})
		if err := d.Hear(t.Context(), "demo", n, time.Now()); !errors.Is(err, errAway) {
			t.Errorf("a notice that could not be kept: %v", err)
		}
		o.hear(t, d, someBackup)
		o.cbr.set(serverBackup("available"))
		o.ledgers.mu.Lock()
		o.ledgers.fail = 2
		o.ledgers.mu.Unlock()
		time.Sleep(10 * time.Minute)
		o.want(t, "after the ledger failed twice", 1, 0)
		if got := o.ledgers.asked[someBackup]; !strings.Contains(got, `"name":"web-01"`) {
			t.Errorf("asked for %s", got)
		}
	})
}

// TestWatch gives each finished task once, goes on where it was cut off, and
// begins with what is new.
func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.every = 5 * time.Minute
		task := func(id string, ended time.Time) {
			o.cbr.mu.Lock()
			defer o.cbr.mu.Unlock()
			o.cbr.tasks = append(o.cbr.tasks, ims.BackupTask{ID: id, BackupID: someBackup[:35] + id, ResourceType: ims.ServerBackup, Ended: ended})
		}
		task("1", time.Now().Add(-time.Hour))
		task("2", time.Now().Add(-time.Minute))
		_, stop := o.run(t)
		time.Sleep(time.Minute)
		o.given(t, "2")
		for _, id := range []string{"3", "4", "5", "6", "7"} {
			task(id, time.Now())
		}
		synctest.Wait()
		o.streams.mu.Lock()
		o.streams.fail = 1
		o.streams.mu.Unlock()
		time.Sleep(11 * time.Minute)
		o.given(t, "2", "3", "4", "5", "6", "7")
		stop()
		task("8", time.Now())
		time.Sleep(30 * time.Minute)
		_, stop = o.run(t)
		defer stop()
		time.Sleep(time.Minute)
		if given := o.ids(t); !slices.Contains(given, "8") || slices.Contains(given, "1") {
			t.Errorf("after a change of owner: %v", given)
		}
	})
}

// TestWatchInTime: wherever in the interval a backup is finished, and whoever
// watches by then, one interval later its image is asked for, once.
func TestWatchInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.every = 5 * time.Minute
		d, stop := o.run(t)
		for n := range 10 {
			time.Sleep(time.Duration(n) * 41 * time.Second)
			b := serverBackup("available")
			b.ID = fmt.Sprintf("%s%d", someBackup[:35], n)
			o.cbr.set(b)
			o.cbr.mu.Lock()
			o.cbr.tasks = append(o.cbr.tasks, ims.BackupTask{ID: b.ID, BackupID: b.ID, ResourceType: ims.ServerBackup, Ended: time.Now()})
			o.cbr.mu.Unlock()
			if n%3 == 1 { // another owner, in the middle of the interval
				time.Sleep(o.every / 2)
				stop()
				d, stop = o.run(t)
				time.Sleep(o.every / 2)
			} else {
				time.Sleep(o.every)
			}
			for _, last := range o.ids(t) {
				o.hear(t, d, someBackup[:35]+last)
			}
			o.want(t, b.ID, n+1, 0)
		}
		stop()
	})
}

// ids are the last digits of the backups that were noticed.
func (o *office) ids(t *testing.T) (ids []string) {
	t.Helper()
	synctest.Wait()
	o.streams.mu.Lock()
	defer o.streams.mu.Unlock()
	for _, body := range o.streams.given {
		var n messages.Notice
		if err := json.Unmarshal([]byte(body), &n); err != nil || n.Evidence.Channel != messages.ChannelWatch {
			t.Errorf("%s, %v", body, err)
		}
		ids = append(ids, n.Backup.ID[35:])
	}
	return ids
}

func (o *office) given(t *testing.T, want ...string) {
	t.Helper()
	if got := o.ids(t); !slices.Equal(got, want) {
		t.Errorf("noticed %v, want %v", got, want)
	}
}
