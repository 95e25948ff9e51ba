package app_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// byDomainID names the project as byName does, with the domain's id.
var byDomainID = strings.Replace(byName, "user_domain_name: "+fakecloud.DemoDomain, "user_domain_id: "+demoDomainID, 1)

// demoDomainID is what the fake's IAM says.
const demoDomainID = "754cc680202a5261c02d190114090012"

// heldBack reports whether the worker says that another cloud has the account.
func (s *system) heldBack(cloud string) bool {
	s.t.Helper()
	_, text := s.get("/metrics")
	return strings.Contains(text, "\nimsworker_account_taken{cloud=\""+cloud+"\"} 1\n")
}

// copyAt asks a cloud for a copy.
func (s *system) copyAt(cloud, id string) (key string) {
	s.t.Helper()
	s.publish("ims.request."+cloud+".copy-image", strings.Replace(copyBase, `"copy"`, `"`+id+`"`, 1), copyEvent(id))
	return messages.Key(cloud, "/test", id)
}

func (s *system) succeeds(key string) {
	s.t.Helper()
	if final := s.final(key); final.State != messages.StateSucceeded {
		s.t.Errorf("ended %s: %+v", final.State, final.Error)
	}
}

// TestOneAccountInTwoWords: of two entries that the cloud says are one account
// the first is worked, also after a restart. The other one submits nothing, says
// so, and goes on once it is the only one.
func TestOneAccountInTwoWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ first, second string }{
		"id_then_name":    {byID, byName},
		"name_then_id":    {byName, byID},
		"keys_then_name":  {byNothing, byName},
		"name_then_keys":  {byName, byNothing},
		"name_then_other": {byName, byDomainID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, "", nil)
			s.writeEntries([2]string{"demo", c.first}, [2]string{"second", c.second})
			s.start()
			s.succeeds(s.copyAt("demo", "a"))
			waits := s.copyAt("second", "b")
			s.await("the second to be held back", func() bool { return s.heldBack("second") })
			if status, text := s.get("/readyz"); status != http.StatusOK || !strings.Contains(text, "[!] cloud second: is the same account as cloud demo") {
				t.Errorf("%d: %s", status, text)
			}
			s.stop()
			s.start()
			s.await("the second to be held back again", func() bool { return s.heldBack("second") })
			s.succeeds(s.copyAt("demo", "c"))
			if n := s.made(); n != 2 {
				t.Errorf("%d copies are begun", n)
			}
			if said := strings.Count(s.logs.String(), "two clouds are the same account"); said != 2 {
				t.Errorf("said %d times", said)
			}
			s.writeEntries([2]string{"second", c.second})
			s.succeeds(waits)
			if _, text := s.get("/readyz"); s.heldBack("second") || strings.Contains(text, "[!]") {
				t.Errorf("still held back: %s", text)
			}
		})
	}
}

// TestTwinThatCannotBeTold: where the cloud does not say which project an entry
// is, nothing is held back for that; what can be told later counts later.
func TestTwinThatCannotBeTold(t *testing.T) {
	t.Parallel()
	away := func(s *system, times int) {
		fault := fakecloud.Fault{Call: "CreateToken", Kind: fakecloud.StatusBefore, Status: http.StatusServiceUnavailable, Count: times}
		if err := s.fake.Order(fakecloud.DemoCloud, fault); err != nil {
			s.t.Fatal(err)
		}
	}
	t.Run("the_one_that_asks", func(t *testing.T) {
		t.Parallel()
		s := newSystem(t, "", nil)
		s.writeEntries([2]string{"demo", byID})
		away(s, 5)
		s.start()
		s.succeeds(s.copyAt("demo", "a"))
		s.writeEntries([2]string{"demo", byID}, [2]string{"second", byName})
		s.logged("clouds.yaml read again", 1)
		s.copyAt("second", "b")
		s.await("the second to be held back", func() bool { return s.heldBack("second") })
		s.succeeds(s.copyAt("demo", "c"))
		if n := s.made(); n != 2 {
			t.Errorf("%d copies are begun", n)
		}
	})
	t.Run("the_one_that_was_first", func(t *testing.T) {
		t.Parallel()
		s := newSystem(t, "", nil)
		s.writeEntries([2]string{"demo", byName}, [2]string{"second", byID})
		s.start()
		s.succeeds(s.copyAt("demo", "a"))
		s.stop()
		away(s, -1)
		s.start()
		s.succeeds(s.copyAt("second", "b"))
		if s.heldBack("second") || s.heldBack("demo") {
			t.Error("held back on suspicion")
		}
	})
}

// replica is another worker beside this one, with the same broker and clouds.
func (s *system) replica(instance string) *system {
	other := *s
	other.cfg.Instance, other.logs = instance, &safeBuffer{}
	other.deps.Log = slog.New(slog.NewTextHandler(other.logs, nil))
	return &other
}

// nameIn is a cloud's name in one of the shards.
func (s *system) nameIn(shards []int) string {
	s.t.Helper()
	for i := range 1000 {
		if name := fmt.Sprint("cloud-", i); slices.Contains(shards, broker.ShardOf(name, s.cfg.Shards)) {
			return name
		}
	}
	s.t.Fatalf("no name in the shards %v", shards)
	return ""
}

// TestTwinsOfTwoReplicas: two entries of one account, neither with the project's
// id, are worked by two replicas: the one that came second is held back by its
// own, and still where one replica works both.
func TestTwinsOfTwoReplicas(t *testing.T) {
	t.Parallel()
	one := newSystem(t, "", nil)
	one.cfg.NATS.URL = config.Secret(brokertest.Start(t).URL())
	two := one.replica("two")
	var mu sync.Mutex
	owner := map[int]*system{}
	for _, s := range []*system{one, two} {
		s.deps.Loaded = func(shard int) { mu.Lock(); owner[shard] = s; mu.Unlock() }
		s.start()
	}
	for _, s := range []*system{one, two} {
		s.await("its half of the shards", func() bool {
			_, text := s.get("/metrics")
			return strings.Contains(text, "\nimsworker_shards_owned 2\n")
		})
	}
	shards := map[*system][]int{}
	mu.Lock()
	for shard, s := range owner {
		shards[s] = append(shards[s], shard)
	}
	mu.Unlock()
	first, second := one.nameIn(shards[one]), one.nameIn(shards[two])
	one.writeEntries([2]string{first, byName}, [2]string{second, byDomainID})
	one.logged("clouds.yaml read again", 1)
	two.logged("clouds.yaml read again", 1)
	one.succeeds(one.copyAt(first, "a"))
	two.copyAt(second, "b")
	two.await("the second to be held back", func() bool { return two.heldBack(second) })
	if one.heldBack(second) || one.heldBack(first) || two.heldBack(first) {
		t.Error("another one is held back too")
	}
	one.stop()
	two.succeeds(two.copyAt(first, "c"))
	if n := two.made(); n != 2 || !two.heldBack(second) {
		t.Errorf("%d copies are begun", n)
	}
}
