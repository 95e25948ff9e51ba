//go:build rules

package app_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/promtest"
	"github.com/imsworker/imsworker/messages"
)

// minute is the time between two scrapes of these stories, by their clock.
const minute = time.Minute

// scraped is a worker whose every scrape is put into a storage, by a clock that
// runs from now on as fast as the test wants.
type scraped struct {
	*system

	job     string // tells the stories apart
	storage *promtest.Storage
	begun   time.Time
	at      time.Time
	tells   []func(p *promtest.Server)
}

// pass lets some time of the story pass, with a real scrape each minute.
func (s *scraped) pass(d time.Duration) {
	s.t.Helper()
	target := promtest.Target{Job: s.job, Instance: "replica-1:8080"}
	for end := s.at.Add(d); s.at.Before(end); {
		s.at = s.at.Add(minute)
		if text, up := promtest.Scrape(s.t, "http://"+s.system.at.HTTP+"/metrics"); up {
			s.storage.Scraped(s.at, target, text)
		} else {
			s.storage.Missed(s.at, target)
		}
	}
}

// shows waits until a line stands in the metrics.
func (s *system) shows(line string) {
	s.t.Helper()
	s.await("the metrics to show "+line, func() bool { _, text := s.get("/metrics"); return strings.Contains(text, "\n"+line+"\n") })
}

// tell has the shipped rules tell these alerts, and none but these and their
// consequences, at this time of the story.
func (s *scraped) tell(want ...string) {
	s.t.Helper()
	at := s.at
	s.tells = append(s.tells, func(p *promtest.Server) {
		s.t.Helper()
		var got []string
		for _, r := range promtest.Rules(s.t, promtest.RulesFile(s.t, 2)) {
			if r.Alert != "" && p.Fires(r, s.job, at, minute) {
				got = append(got, r.Alert)
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			s.t.Errorf("%s: after %v the rules tell %v, want %v", s.job, at.Sub(s.begun), got, want)
		}
	})
}

// TestAlertsOfAProcess lets stories of whole workers happen, each under a job of
// its own. The rule of a worker that is absent counts all of them: the last one
// that is scraped has that story.
func TestAlertsOfAProcess(t *testing.T) {
	t.Parallel()
	storage := promtest.New(t, promtest.Metrics(promtest.Rules(t, promtest.RulesFile(t, 2)))...)
	var mu sync.Mutex
	var all []*scraped
	t.Run("live", func(t *testing.T) {
		for job, story := range map[string]func(t *testing.T, scrape func(*system) *scraped){
			"imsworker": worker, "imsworker-shard": shardWithoutOwner, "imsworker-token": tokenNotRenewed, "imsworker-account": accountTaken,
		} {
			t.Run(job, func(t *testing.T) {
				t.Parallel()
				story(t, func(s *system) *scraped {
					mu.Lock()
					defer mu.Unlock()
					now := time.Now().Truncate(time.Second)
					all = append(all, &scraped{system: s, job: job, storage: storage, begun: now, at: now})
					return all[len(all)-1]
				})
			})
		}
	})
	p := storage.Open(promtest.RulesFile(t, 2), minute)
	for _, s := range all {
		s.t = t
		for _, tell := range s.tells {
			tell(p)
		}
	}
}

// worker: one that does its work is told of by no alert. Then
// a message becomes a dead letter, the receiver of notices goes away, the broker
// does, and at last the worker itself.
func worker(t *testing.T, scrape func(*system) *scraped) {
	t.Helper()
	n := &notices{got: map[string]string{}}
	receiver := httptest.NewServer(n)
	t.Cleanup(receiver.Close)
	direct := brokertest.Start(t).URL()
	proxy := brokertest.NewProxy(t, direct)
	sys := newSystem(t, "", nil)
	sys.cfg.NATS.URL, sys.cfg.NotifyURL = config.Secret(proxy.URL()), config.Secret(receiver.URL)
	s := scrape(sys.start())
	s.conn = brokertest.Dial(t, direct)

	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("good"))
	s.final(messages.Key("demo", "/test", "good"))
	s.shows("imsworker_queue_messages 0")
	s.pass(30 * minute)
	s.tell()

	s.publish("ims.request.demo.nonsense", "{}", nil)
	s.shows("imsworker_dead_letters 1")
	s.pass(5 * minute)
	s.tell("ImsworkerRequestsNotSucceeded", "ImsworkerDeadLetters") // its key has a final event too

	n.mu.Lock()
	n.away = true
	n.mu.Unlock()
	if err := s.fake.Decide(fakecloud.DemoCloud, fakecloud.Outcome{Call: "CopyImage", Code: "IMG.0057"}); err != nil {
		t.Fatal(err)
	}
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("fails"))
	s.final(messages.Key("demo", "/test", "fails"))
	s.shows("imsworker_notifications_failing 1")
	s.pass(20 * minute)
	s.tell("ImsworkerRequestsNotSucceeded", "ImsworkerDeadLetters", "ImsworkerNotificationsFailing")

	proxy.Cut()
	s.shows("imsworker_broker_connected 0")
	s.pass(10 * minute)
	s.tell("ImsworkerRequestsNotSucceeded", "ImsworkerDeadLetters", "ImsworkerReplicaDown", "ImsworkerBrokerAway", "ImsworkerNotificationsFailing")
	proxy.Heal()
	s.shows("imsworker_broker_connected 1")
	s.shows("imsworker_shards_owned 4")
	s.pass(10 * minute)
	s.tell("ImsworkerRequestsNotSucceeded", "ImsworkerDeadLetters", "ImsworkerNotificationsFailing")

	s.stop()
	s.pass(10 * minute)
	s.tell("ImsworkerDeadLetters", "ImsworkerWorkerAbsent", "ImsworkerReplicaDown")
}

// shardWithoutOwner: nobody works the shard of a cloud, so that a request for it
// stays in the queue.
func shardWithoutOwner(t *testing.T, scrape func(*system) *scraped) {
	t.Helper()
	sys := newSystem(t, "", nil)
	sys.cfg.NATS.URL = config.Secret(brokertest.Start(t).URL())
	s := scrape(sys.start())
	s.shows("imsworker_shards_owned 4")
	s.pass(5 * minute)
	s.tell()
	lease := broker.LeaseSubject(broker.ShardOf("demo", s.cfg.Shards))
	taken := func() {
		t.Helper()
		if _, err := s.conn.Put(t.Context(), broker.StreamState, broker.Message{Subject: lease, Data: []byte(`{"instance":"ghost","session":"ghost"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	s.await("the shard to be lost", func() bool {
		taken()
		_, text := s.get("/metrics")
		return strings.Contains(text, "\nimsworker_shards_owned 3\n")
	})
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("waits"))
	s.await("the request to be seen in the queue", func() bool {
		taken()
		_, text := s.get("/metrics")
		return strings.Contains(text, "\nimsworker_queue_messages 1\n")
	})
	s.pass(10 * minute)
	s.tell("ImsworkerShardsUnowned")
	taken()
	s.pass(10 * minute)
	s.tell("ImsworkerQueueOld", "ImsworkerShardsUnowned")
}

// tokenNotRenewed: the cloud gives out no new token while the old one ends.
func tokenNotRenewed(t *testing.T, scrape func(*system) *scraped) {
	t.Helper()
	sys := newSystem(t, "", func(c *fakecloud.CloudOptions) { c.Switches.TokenLife = fakecloud.Duration(10 * time.Minute) }) // 12 s of ours
	sys.useToken()
	s := scrape(sys.start())
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("good"))
	s.final(messages.Key("demo", "/test", "good"))
	s.pass(5 * minute)
	s.tell()
	fault := fakecloud.Fault{Call: "CreateToken", Kind: fakecloud.StatusBefore, Status: http.StatusServiceUnavailable, Count: -1}
	if err := s.fake.Order(fakecloud.DemoCloud, fault); err != nil {
		t.Fatal(err)
	}
	if err := s.fake.Decide(fakecloud.DemoCloud, fakecloud.Outcome{Call: "CopyImage", Stuck: true}); err != nil {
		t.Fatal(err)
	}
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("asks"))
	refused := func() int {
		_, text := s.get("/metrics")
		for line := range strings.Lines(text) {
			if n, is := strings.CutPrefix(strings.TrimSpace(line), `imsworker_api_calls_total{call="Token",cloud="demo",code="503"} `); is {
				return len(n)*1000 + int(n[len(n)-1])
			}
		}
		return 0
	}
	s.await("a new token to be refused", func() bool { return refused() > 0 })
	first := refused()
	s.pass(2 * minute)
	s.await("it to be refused again", func() bool { return refused() != first })
	s.pass(5 * minute)
	s.tell("ImsworkerCredentialsExpiring")
}

// accountTaken: an entry turns out to be the account of another one, until one
// of the two is removed.
func accountTaken(t *testing.T, scrape func(*system) *scraped) {
	t.Helper()
	sys := newSystem(t, "", nil)
	sys.writeEntries([2]string{"demo", byID}, [2]string{"second", byName})
	s := scrape(sys.start())
	s.succeeds(s.copyAt("demo", "a"))
	s.pass(5 * minute)
	s.tell()
	waits := s.copyAt("second", "b")
	s.await("the second to be held back", func() bool { return s.heldBack("second") })
	s.pass(3 * minute)
	s.tell("ImsworkerAccountTaken")
	s.writeEntries([2]string{"second", byName})
	s.succeeds(waits)
	s.pass(5 * minute)
	s.tell()
}

// useToken has the worker log in with a password.
func (s *system) useToken() {
	s.t.Helper()
	path := filepath.Join(s.dir, "clouds.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	keys := "ak: " + fakecloud.DemoAccessKey + ", sk: " + fakecloud.DemoSecretKey
	login := "username: " + fakecloud.DemoUsername + ", password: " + fakecloud.DemoPassword + ", user_domain_name: " + fakecloud.DemoDomain
	changed := strings.Replace(string(text), keys, login, 1)
	if changed == string(text) {
		s.t.Fatalf("no keys in %s", text)
	}
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		s.t.Fatal(err)
	}
}
