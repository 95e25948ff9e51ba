package engine_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
	"github.com/imsworker/imsworker/internal/trace"
	"github.com/imsworker/imsworker/messages"
)

const (
	source = "465076de-dc36-4aec-80f5-ef9d8009428f"
	copied = "ea0d5dce-ddb2-4f6f-83e3-55da065347fd"
	jobID  = "9a175ac892fa13420193002961972392"
)

// reply is one scripted answer of the cloud; err means that none comes.
type reply struct {
	status int
	body   string
	err    error
	then   func() // runs before the answer
}

// cloud answers calls by function: creates, job queries and image lists.
type cloud struct {
	mu      sync.Mutex
	creates []time.Time
	create  func(n int) reply
	job     func(n int) reply
	images  func(marker string) string
	source  string // the row of the image that is copied, if not as usual
	jobs    int
	body    string
	tags    []reply  // to the first calls that put tags on
	tagged  []string // their bodies
	volumes func(*http.Request) reply
	shown   func(query url.Values) string // instead of images
	calls   []called
	remove  func(image string) reply
	removed []string
	used    int // of 50 images, by the quota
}

// called is one call that reached the cloud.
type called struct {
	at   time.Time
	path string
}

func (c *cloud) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, called{time.Now(), r.URL.Path})
	var a reply
	switch {
	case strings.Contains(r.URL.Path, "/backups/"):
		_, id, _ := strings.Cut(r.URL.Path, "/backups/")
		a = reply{status: 200, body: `{"backup":{"id":"` + id + `","status":"available","resource_type":"OS::Nova::Server"}}`}
	case strings.Contains(r.URL.Path, "/volumes/"):
		a = c.volumes(r)
	case strings.HasSuffix(r.URL.Path, "/tags/action"):
		body, _ := io.ReadAll(r.Body)
		c.tagged = append(c.tagged, string(body))
		a = reply{status: 204}
		if n := len(c.tagged); n <= len(c.tags) {
			a = c.tags[n-1]
		}
	case r.Method == http.MethodDelete:
		image := path.Base(r.URL.Path)
		c.removed = append(c.removed, image)
		a = c.remove(image)
	case c.remove != nil && strings.HasPrefix(r.URL.Path, "/v2/images/"):
		a = refusal(404, "IMG.0027")
	case r.Method == http.MethodPost:
		body, _ := io.ReadAll(r.Body)
		c.body = string(body)
		c.creates = append(c.creates, time.Now())
		a = c.create(len(c.creates))
	case strings.HasSuffix(r.URL.Path, "/quota"):
		a = reply{status: 200, body: `{"quotas":{"resources":[{"type":"image","used":` + strconv.Itoa(c.used) + `,"quota":50}]}}`}
	case strings.Contains(r.URL.Path, "/members/"):
		a = reply{status: 200, body: `{"member_id":"p","status":"accepted"}`}
	case strings.Contains(r.URL.Path, "/job"):
		c.jobs++
		a = c.job(c.jobs)
	case r.URL.Query().Get("id") == source:
		row := c.source
		if row == "" {
			row = `{"id":"` + source + `","status":"active","__imagetype":"private"}`
		}
		a = reply{status: 200, body: `{"images":[` + row + `]}`}
	case c.shown != nil:
		a = reply{status: 200, body: `{"images":[` + c.shown(r.URL.Query()) + `]}`}
	default:
		a = reply{status: 200, body: `{"images":[` + c.images(c.body) + `]}`}
	}
	if a.then != nil {
		a.then()
	}
	if a.err != nil {
		return nil, a.err
	}
	h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}, "Content-Type": {"application/json"}}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func accepted() reply { return reply{status: 200, body: `{"job_id":"` + jobID + `"}`} }

func running(int) reply { return jobIs("RUNNING", `{}`) }

func succeeded(int) reply {
	return jobIs("SUCCESS", `{"image_id":"`+copied+`","image_name":"copy"}`)
}

// jobLasted is a job that has succeeded at that time.
func jobLasted(d time.Duration, end time.Time) reply {
	const form = "2006-01-02T15:04:05.000Z"
	return reply{status: 200, body: fmt.Sprintf(`{"job_id":%q,"job_type":"imsCopyImageInRegionJob","status":"SUCCESS","begin_time":%q,"end_time":%q,"error_code":null,"fail_reason":null,"entities":{"image_id":%q,"image_name":"copy"}}`,
		jobID, end.Add(-d).UTC().Format(form), end.UTC().Format(form), copied)}
}

func jobIs(status, entities string) reply {
	return reply{status: 200, body: fmt.Sprintf(`{"job_id":%q,"job_type":"imsCopyImageInRegionJob","status":%q,"begin_time":"2000-01-01T00:00:00.000Z","end_time":"","error_code":null,"fail_reason":null,"entities":%s}`, jobID, status, entities)}
}

func refusal(status int, code string) reply {
	return reply{status: status, body: fmt.Sprintf(`{"error":{"code":%q,"message":"the cloud's words"}}`, code)}
}

// lease is valid until it is told otherwise.
type lease struct{ lost atomic.Bool }

func (l *lease) Valid() bool { return !l.lost.Load() }

// account is a Clouds with one cloud named demo, and perhaps another one.
type account struct{ a, abroad *engine.Account }

func (a account) Account(name string) (*engine.Account, bool) {
	if a.abroad != nil && name == a.abroad.Name {
		return a.abroad, true
	}
	return a.a, name == "demo" && a.a != nil
}

func (a account) At(region, project string) (*engine.Account, bool) {
	if a.abroad != nil && a.abroad.Is(region, project) {
		return a.abroad, true
	}
	return a.a, a.a != nil && a.a.Is(region, project)
}

// world is one engine and all that it works with.
type world struct {
	t      *testing.T
	ledger *memory
	events *told
	cloud  *cloud
	lease  *lease
	limits map[string]budget.Limit
	reused []string
	asked  asked
	cut    *cutter   // ends engines; nil where none is
	legs   *legWorld // plays the legs of bulks; nil where there are none
	held   sync.Map  // operations that are held back
	engine *engine.Engine
	stop   context.CancelFunc
	done   chan error

	transport http.RoundTripper // to a fake of the cloud in place of the script
	durations durations
	noSweep   bool
	at        string // of that transport's cloud, if it is no fake
	adjust    func(*engine.Account)
	abroad    *engine.Account // another cloud, if any
	query     string          // ShowJob if not set
	drain     time.Duration   // a second if not set
	log       slog.Handler    // nothing is kept of the log if not set
	registry  *prometheus.Registry
	hang      chan struct{} // where the loop waits before it submits anything; may be nil
	tracer    *trace.Tracer
	taken     func(context.Context, *engine.Account) (bool, error) // nobody is asked if not set
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := &cloud{create: func(int) reply { return accepted() }, job: succeeded, images: func(string) string { return "" }}
	return &world{t: t, ledger: newMemory(), events: &told{}, cloud: c, lease: &lease{}}
}

// start runs an engine; stopping it and starting another is a take-over.
func (w *world) start() {
	w.t.Helper()
	address, transport := "http://cloud.test", http.RoundTripper(w.cloud)
	if w.transport != nil {
		address, transport = cmp.Or(w.at, address+"/"+fakecloud.DemoCloud), w.transport
	}
	client, err := ims.New(ims.Config{
		Cloud: "demo", Profile: ims.ProfileHuawei, Region: "eu-de", ProjectID: fakecloud.DemoProjectID,
		Endpoints:   ims.Endpoints{Image: address, CBR: address, BlockStorage: address, Identity: address},
		Credentials: ims.Credentials{AccessKey: fakecloud.DemoAccessKey, SecretKey: fakecloud.DemoSecretKey}, Transport: transport, JobQuery: cmp.Or(w.query, ims.ShowJob), Signing: ims.SigningSimple,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	conf := &engine.Account{Name: "demo", Client: client, Profile: ims.ProfileHuawei, Region: "eu-de", Limits: w.limits, TimeFactor: 1, NoSweep: w.noSweep}
	if w.adjust != nil {
		w.adjust(conf)
	}
	g := engine.New(engine.Options{
		Ledger: cutLedger{w.ledger, w.cut}, Events: cutEvents{w.events, w.cut}, Lease: w.lease, Clouds: account{conf, w.abroad},
		Reused: func(_ context.Context, r *ledger.Record) error {
			w.reused = append(w.reused, r.Key)
			return nil
		},
		Request: func(ctx context.Context, r messages.Request) error {
			return w.cut.pass(func() error { return w.asked.ask(ctx, r) })
		},
		Control: func(_ context.Context, _, verb string, data []byte) error {
			return w.cut.pass(func() error { return w.control(verb, data) })
		},

		Taken: w.taken,
		Held: func(_, operation string) messages.WaitReason {
			if w.hang != nil {
				<-w.hang
			}
			if _, is := w.held.Load(operation); is {
				return messages.WaitsPaused
			}
			return ""
		},
		Bound: pace.Bound{Ratio: 0.03, Min: 2 * time.Second, Max: time.Minute}, SubmitTimeout: 30 * time.Second, TombstoneTTL: time.Hour, Durations: &w.durations, Allowances: &w.durations, Drain: cmp.Or(w.drain, time.Second),
		Metrics: engine.NewMetrics(cmp.Or(w.registry, prometheus.NewRegistry()), []string{"demo"}, handlers.Names()), Trace: w.tracer, Log: slog.New(cmp.Or[slog.Handler](w.log, slog.DiscardHandler)),
	})
	w.engine = g
	if w.legs != nil {
		w.legs.engine.Store(g)
	}
	ctx, stop := context.WithCancel(w.t.Context())
	w.stop, w.done = stop, make(chan error, 1)
	go func() { w.done <- g.Run(ctx) }()
	<-g.Ready()
}

// end stops the engine and waits for it.
func (w *world) end() {
	w.t.Helper()
	w.stop()
	if err := <-w.done; err != nil {
		w.t.Errorf("run: %v", err)
	}
}

// request puts the record of a copy into the ledger, as the intake does.
func (w *world) request(id string, change func(*ledger.Record)) string {
	w.t.Helper()
	data, err := json.Marshal(map[string]string{"image_id": source, "name": "copy"})
	if err != nil {
		w.t.Fatal(err)
	}
	r := &ledger.Record{
		Key: messages.Key("demo", "test", id), Cloud: "demo", Operation: "copy-image", Source: "test", ID: id, Attempt: 1,
		State: ledger.Accepted, Token: "token-" + id, Accepted: time.Now(), Data: data, DataHash: ledger.HashData(data),
		Deadline: time.Now().Add(time.Hour),
	}
	if change != nil {
		change(r)
	}
	if err := w.ledger.put(r); err != nil {
		w.t.Fatal(err)
	}
	return r.Key
}

// expect waits in virtual time until the request has told just that.
func (w *world) expect(key, want string) {
	w.t.Helper()
	for range 50000 {
		synctest.Wait()
		if w.events.states(key) == want {
			return
		}
		time.Sleep(time.Second)
	}
	w.t.Fatalf("told %q, want %q", w.events.states(key), want)
}

func (w *world) posts() int {
	w.cloud.mu.Lock()
	defer w.cloud.mu.Unlock()
	return len(w.cloud.creates)
}

func (w *world) wantPosts(want int) {
	w.t.Helper()
	if got := w.posts(); got != want {
		w.t.Errorf("%d creating calls, want %d", got, want)
	}
}

// run is a test in virtual time with one engine.
func run(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		test(w)
		w.end()
	})
}

func TestRequestBecomesImage(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.job = func(n int) reply {
			if n < 3 {
				return running(n)
			}
			return succeeded(n)
		}
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted succeeded")
		w.wantPosts(1)
		e := w.events.last(w.t, key)
		if len(e.Images) != 1 || e.Images[0].ID != copied || e.Images[0].Cloud != "demo" || e.Job.Polls != 3 {
			w.t.Errorf("event %+v, job %+v", e, e.Job)
		}
		if r, _ := w.ledger.Get(w.t.Context(), key); !r.Buried || len(r.Data) != 0 || len(r.Posts) != 1 {
			w.t.Errorf("no tombstone: %+v", r)
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer reply
		state  messages.State
		reason messages.Reason
		posts  int
	}{
		"constraint":        {refusal(400, "IMG.0130"), messages.StateRejected, messages.ReasonConstraint, 1},
		"conflict":          {refusal(400, "IMG.0009"), messages.StateRejected, messages.ReasonConflict, 1},
		"busy_to_the_end":   {refusal(400, "IMG.0136"), messages.StateRejected, messages.ReasonConflict, 0},
		"quota_to_the_end":  {refusal(400, "IMG.0015"), messages.StateRejected, messages.ReasonQuota, 0},
		"no_right_for_this": {refusal(403, "IMG.0026"), messages.StateRejected, messages.ReasonUnauthorized, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.cloud.create = func(int) reply { return c.answer }
				w.start()
				key := w.request("a", nil)
				w.expect(key, "accepted "+string(c.state))
				if got := w.events.last(w.t, key).Error; got == nil || got.Reason != c.reason && name != "busy_to_the_end" {
					w.t.Errorf("error %+v, want reason %s", got, c.reason)
				} else if got.Message != "the cloud's words" || got.Remedy == "" {
					w.t.Errorf("error says %q, remedy %q", got.Message, got.Remedy)
				}
				if c.posts > 0 {
					w.wantPosts(c.posts)
				} else if n := w.posts(); n < 20 || n > 140 {
					w.t.Errorf("%d calls within the deadline of an hour", n)
				}
			})
		})
	}
}

func TestThrottledBucketWaits(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.create = func(n int) reply {
			if n == 1 {
				return reply{status: 429, body: `{"error_code":"APIGW.0308","error_msg":"policy user over ratelimit,limit:15,time:5 minute","request_id":"r"}`}
			}
			return accepted()
		}
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted succeeded")
		w.wantPosts(2)
		if gap := w.cloud.creates[1].Sub(w.cloud.creates[0]); gap < time.Minute || gap > 6*time.Minute {
			w.t.Errorf("sent again after %v", gap)
		}
	})
}

func TestWindowIsKept(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"copy": {Count: 3, Window: 5 * time.Minute}}
		w.start()
		var keys []string
		for i := range 10 {
			keys = append(keys, w.request(fmt.Sprint(i), nil))
		}
		for _, key := range keys {
			w.expect(key, "accepted submitted succeeded")
		}
		for i := 3; i < 10; i++ {
			if gap := w.cloud.creates[i].Sub(w.cloud.creates[i-3]); gap < 5*time.Minute {
				w.t.Errorf("4 calls within %v", gap)
			}
		}
	})
}

func TestPriorityComesFirst(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"copy": {Count: 1, Window: time.Minute}}
		first := w.request("first", nil)
		time.Sleep(time.Millisecond)
		low := w.request("low", func(r *ledger.Record) { r.Priority = messages.PriorityLow })
		normal := w.request("normal", nil)
		high := w.request("high", func(r *ledger.Record) { r.Priority = messages.PriorityHigh })
		w.start()
		w.expect(high, "accepted submitted succeeded")
		for _, key := range []string{first, normal, low} {
			w.expect(key, "accepted submitted succeeded")
		}
		events := w.events.events
		var order []string
		for _, e := range events {
			if e.meta.State == messages.StateSubmitted {
				order = append(order, e.event.Request.ID)
			}
		}
		// The first slot goes to whoever is announced first; the rest is in line.
		rank := map[string]int{"high": 0, "first": 1, "normal": 1, "low": 2}
		if !slices.IsSortedFunc(order[1:], func(a, b string) int { return rank[a] - rank[b] }) {
			w.t.Errorf("submitted in the order %v", order)
		}
	})
}

func TestLostAnswerIsFoundByItsMarker(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.create = func(int) reply {
			return reply{status: 504, body: `{"message":"Wait response timeout.","request_id":"r"}`}
		}
		w.cloud.images = marked
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted succeeded")
		w.wantPosts(1)
	})
}

// marked lists the image of a copy that was asked for with that body.
func marked(posted string) string {
	var body struct{ Description string }
	if json.Unmarshal([]byte(posted), &body) != nil || body.Description == "" {
		return ""
	}
	now := time.Now().UTC().Format(time.RFC3339)
	return fmt.Sprintf(`{"id":%q,"name":"copy","status":"active","created_at":%q,"updated_at":%q,"owner":"0123456789abcdef0123456789abcdef","__description":%q,"__originalimagename":%q,"__imagetype":"private","__isregistered":"true"}`,
		copied, now, now, body.Description, source)
}

func TestLostAnswerOfNothingIsSentAgain(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.create = func(n int) reply {
			if n == 1 {
				return reply{err: errors.New("connection reset by peer")}
			}
			return accepted()
		}
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted succeeded")
		w.wantPosts(2)
		if gap := w.cloud.creates[1].Sub(w.cloud.creates[0]); gap < 20*time.Minute {
			w.t.Errorf("sent again after %v, before the horizon", gap)
		}
	})
}

func TestJobFails(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.job = func(int) reply {
			return reply{status: 200, body: fmt.Sprintf(`{"job_id":%q,"job_type":"x","status":"FAIL","begin_time":"","end_time":"","error_code":"IMG.0134","fail_reason":"no luck","entities":{}}`, jobID)}
		}
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted failed")
		if e := w.events.last(w.t, key).Error; e.Reason != messages.ReasonJobFailed || e.Code != "IMG.0134" || e.Message != "no luck" {
			w.t.Errorf("error %+v", e)
		}
	})
}

// TestForgottenJob loses the job at the cloud: the image is found by its
// marker.
func TestForgottenJob(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.job = func(int) reply { return refusal(400, "IMG.0023") }
		w.cloud.images = marked
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted succeeded")
		if e := w.events.last(w.t, key); len(e.Images) != 1 || e.Images[0].ID != copied || len(e.Warnings) == 0 {
			w.t.Errorf("event %+v", e)
		}
	})
}

// TestRecordIsReadOnlyAfterAWait: what goes on within moments keeps its record
// in hand, what waits longer lets go of it.
func TestRecordIsReadOnlyAfterAWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		polls int
		wait  time.Duration
		reads int
	}{
		"ended at the first question":  {polls: 1},
		"asked for later":              {polls: 3, reads: 1},
		"waited before its submission": {polls: 1, wait: time.Minute, reads: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.cloud.job = func(n int) reply {
					if n < c.polls {
						return running(n)
					}
					return succeeded(n)
				}
				w.start()
				key := w.request("a", func(r *ledger.Record) { r.NotBefore = time.Now().Add(c.wait) })
				w.expect(key, "accepted submitted succeeded")
				if w.ledger.reads != c.reads {
					w.t.Errorf("read %d times, want %d", w.ledger.reads, c.reads)
				}
			})
		})
	}
}

func TestLateIsToldOnce(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		end := time.Now().Add(3 * time.Hour)
		w.cloud.job = func(n int) reply {
			if time.Now().Before(end) {
				return running(n)
			}
			return succeeded(n)
		}
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted late succeeded")
	})
}

func TestNotBefore(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		begun := time.Now()
		w.start()
		key := w.request("a", func(r *ledger.Record) { r.NotBefore = begun.Add(30 * time.Minute) })
		time.Sleep(29 * time.Minute)
		w.putOff(1)
		time.Sleep(2 * time.Minute)
		w.putOff(0)
		w.expect(key, "accepted submitted succeeded")
		if early := w.cloud.creates[0].Sub(begun); early < 30*time.Minute || early > 31*time.Minute {
			w.t.Errorf("submitted after %v", early)
		}
	})
}

// putOff holds the number of requests that wait for the time they name against
// what it should be.
func (w *world) putOff(want int) {
	w.t.Helper()
	synctest.Wait()
	census, err := w.engine.Census(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	got := 0
	for _, g := range census.Groups {
		got += g.PutOff
	}
	if got != want {
		w.t.Errorf("%d requests are put off, want %d", got, want)
	}
}

func TestAccountPausesAndGoesOn(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.create = func(n int) reply {
			if n <= 3 {
				return reply{status: 403, body: `{"error_code":"APIGW.0302","error_msg":"no","request_id":"r"}`}
			}
			return accepted()
		}
		var keys []string
		for i := range 20 {
			keys = append(keys, w.request(fmt.Sprint(i), nil))
		}
		w.start()
		for _, key := range keys {
			w.expect(key, "accepted submitted succeeded")
		}
		if n := w.posts(); n > 60 {
			w.t.Errorf("%d calls while the account was refused", n)
		}
	})
}

func TestRequestOfLongAgoIsClosed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ledger.Record){
		"same": func(*ledger.Record) {},
		"other_data": func(r *ledger.Record) {
			r.Data = json.RawMessage(`{"image_id":"` + source + `","name":"another"}`)
			r.DataHash = ledger.HashData(r.Data)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.start()
				key := w.request("a", nil)
				w.expect(key, "accepted submitted succeeded")
				w.ledger.mu.Lock()
				delete(w.ledger.records, key)
				w.ledger.mu.Unlock()
				w.request("a", func(r *ledger.Record) { r.Token = "another"; change(r) })
				synctest.Wait()
				time.Sleep(time.Hour)
				w.expect(key, "accepted submitted succeeded")
				w.wantPosts(1)
				if got := len(w.reused) == 1; got != (name == "other_data") {
					w.t.Errorf("dead letters for a reused identity: %v", w.reused)
				}
			})
		})
	}
}

// TestTakeOver begins with what a dead owner may have left behind.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*ledger.Record)
		want   string
		posts  int
	}{
		"accepted_not_told": {nil, "accepted submitted succeeded", 1},
		"claimed":           {func(r *ledger.Record) { r.State, r.Since = ledger.Submitting, time.Now() }, "accepted submitted succeeded", 1},
		"submitted_not_told": {func(r *ledger.Record) {
			r.State, r.JobID, r.Submitted = ledger.Submitted, jobID, time.Now()
		}, "submitted succeeded", 0},
		"finished_not_told": {func(r *ledger.Record) {
			r.State, r.Outcome, r.Finished = ledger.Finished, messages.StateSucceeded, time.Now()
		}, "succeeded", 0},
		"rejected_at_once": {func(r *ledger.Record) {
			r.State, r.Outcome, r.Finished, r.Unannounced = ledger.Finished, messages.StateRejected, time.Now(), true
		}, "rejected", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				key := w.request("a", c.change)
				w.start()
				w.expect(key, c.want)
				w.wantPosts(c.posts)
			})
		})
	}
}

func TestTwoOwnersInARowTellOnce(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.job = running
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted")
		w.end()
		w.cloud.job = succeeded
		w.start()
		w.expect(key, "accepted submitted succeeded")
		w.wantPosts(1)
	})
}

func TestLostLeaseSendsNothing(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.lease.lost.Store(true)
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted")
		time.Sleep(time.Minute)
		w.wantPosts(0)
		w.lease.lost.Store(false)
		w.expect(key, "accepted submitted succeeded")
		w.wantPosts(1)
	})
}

func TestAnswerInHandIsMerged(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.ledger.lose = ledger.Submitted
		w.ledger.other = func(r *ledger.Record) { r.State, r.EverUncertain = ledger.Uncertain, true }
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted succeeded")
		w.wantPosts(1)
	})
}
