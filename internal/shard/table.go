package shard

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

// claim is what a lease says in the broker. An empty message is a released
// lease, and so is a delete marker, which the broker leaves when one expires.
type claim struct {
	Instance string `json:"instance"`
	Session  string `json:"session"`          // tells two processes of one name apart
	Weight   int    `json:"weight,omitempty"` // requests in flight
}

// member is what a replica says about itself. An empty message is one that
// leaves.
type member struct {
	Instance string `json:"instance"`
	Session  string `json:"session"`
	Shards   int    `json:"shards"` // that it works
	Load     int    `json:"load"`   // requests in flight in them
}

func readClaim(s broker.Stored) (c claim, held bool) {
	if len(s.Data) == 0 {
		return c, false
	}
	_ = json.Unmarshal(s.Data, &c) // what cannot be read is held by nobody known
	return c, true
}

func readMember(s broker.Stored) (m member, there bool) {
	if len(s.Data) == 0 || json.Unmarshal(s.Data, &m) != nil {
		return m, false
	}
	return m, m.Session != ""
}

// table is what the broker says about leases and members. Only the goroutine
// that decides may use it.
type table struct {
	leases  []leaseSeen
	members map[string]memberSeen // by subject
	shards  map[string]int        // by subject of their lease
	lease   time.Duration
}

// leaseSeen is the latest that was heard of one lease.
type leaseSeen struct {
	claim
	held bool
	heir string    // session for which it was released
	at   time.Time // when it was heard of a held one last, since when a free one is free; by our clock
}

// released notes that a lease is free for an heir.
func (l *leaseSeen) released(heir string, now time.Time) {
	*l = leaseSeen{claim: claim{Weight: l.Weight}, heir: heir, at: now}
}

type memberSeen struct {
	member
	at time.Time
}

func newTable(shards int, lease time.Duration) *table {
	t := &table{leases: make([]leaseSeen, shards), members: map[string]memberSeen{}, shards: map[string]int{}, lease: lease}
	for shard := range shards {
		t.shards[broker.LeaseSubject(shard)] = shard
	}
	return t
}

// late is how long after its time to live something may still be heard of.
const late = 5 * time.Second

// learn takes over one message.
func (t *table) learn(s broker.Stored, now time.Time) {
	if shard, found := t.shards[s.Subject]; found {
		t.learnLease(shard, s, now)
		return
	}
	if m, there := readMember(s); there {
		t.members[s.Subject] = memberSeen{member: m, at: now}
		return
	}
	delete(t.members, s.Subject)
}

// learnLease takes over the news of a lease. A member whose lease expired is
// gone, or as good as gone, until it announces itself again.
func (t *table) learnLease(shard int, s broker.Stored, now time.Time) {
	before := t.leases[shard]
	c, held := readClaim(s)
	if !held {
		c.Weight = before.Weight
	}
	t.leases[shard] = leaseSeen{claim: c, held: held, heir: s.Header.Get(broker.HeirHeader), at: now}
	if !held && !before.held && !before.at.IsZero() {
		t.leases[shard].at = before.at // free since then
	}
	if before.held && !held && s.Header.Get(markerReason) != "" {
		maps.DeleteFunc(t.members, func(_ string, m memberSeen) bool { return m.Session == before.Session })
	}
}

// markerReason is the broker's header on what it leaves when a message expires.
const markerReason = "Nats-Marker-Reason"

// forget drops members that were not heard of for too long: the end of their
// announcement was missed.
func (t *table) forget(now time.Time) {
	maps.DeleteFunc(t.members, func(_ string, m memberSeen) bool { return t.stale(m.at, now) })
}

// stale says whether what was heard then cannot be true any more.
func (t *table) stale(at, now time.Time) bool { return now.Sub(at) > t.lease+late }

// sessions lists the sessions of all members and of one more, in an order that
// all replicas share, with their names.
func (t *table) sessions(self member) (sessions []string, names map[string]string) {
	names = map[string]string{}
	for _, m := range t.members {
		names[m.Session] = m.Instance
	}
	if self.Session != "" {
		names[self.Session] = self.Instance
	}
	return slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		return cmp.Or(cmp.Compare(names[a], names[b]), cmp.Compare(a, b))
	}), names
}
