package fakecloud

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"
)

// cloud is one account in one region. Its lock guards all that follows it;
// handlers run with it held and never block.
type cloud struct {
	CloudOptions
	fake         *Fake
	restored     bool
	seedOfOrders int64

	mu sync.Mutex
	*store
	switches    Switches
	random      *rand.Rand
	rates       rates
	faults      orders[Fault]
	outcomes    orders[Outcome]
	calls       callLog
	tokensAfter time.Time // tokens issued up to then are dead
	confirmed   []string  // tokens of subscriptions
}

// Kinds of rows in the state file.
const (
	kindClock  = "clock"
	kindServer = "server"
	kindVault  = "vault"
	kindVolume = "volume"
	kindBackup = "backup"
	kindBucket = "bucket"
	kindObject = "object"
	kindImage  = "image"
	kindJob    = "job"
	kindTruth  = "truth"
)

func newCloud(o CloudOptions, f *Fake) *cloud {
	return &cloud{CloudOptions: o, fake: f, store: newStore(), switches: o.Switches.clone(), rates: rates{}, calls: newCallLog()}
}

func (s Switches) clone() Switches {
	s.Limits = maps.Clone(s.Limits)
	s.Durations = maps.Clone(s.Durations)
	s.Agencies = slices.Clone(s.Agencies)
	return s
}

// seed adds a world to what there is and returns the ids, in the world's order.
func (c *cloud) seed(w World) []string {
	var ids []string
	now := c.fake.clock.now()
	for _, s := range w.Servers {
		s.ID, s.Status, s.SizeGB = orElse(s.ID, c.uuid()), orElse(s.Status, "ACTIVE"), max(s.SizeGB, 1)
		ids = append(ids, c.saveServer(&s))
	}
	for _, v := range w.Vaults {
		v.ID, v.Status = orElse(v.ID, c.uuid()), orElse(v.Status, "available")
		v.ObjectType, v.SizeGB = orElse(v.ObjectType, "server"), max(v.SizeGB, 1)
		ids = append(ids, c.saveVault(&v))
	}
	for _, v := range w.Volumes {
		filled := v.filled(c, now)
		ids = append(ids, c.saveVolume(&filled))
	}
	for _, b := range w.Buckets {
		ids = append(ids, c.saveBucket(&b))
	}
	for _, o := range w.Objects {
		filled := o.filled()
		ids = append(ids, c.saveObject(&filled))
	}
	for _, b := range w.Backups {
		filled := b.filled(c, now)
		ids = append(ids, c.saveBackup(&filled))
	}
	for _, i := range w.Images {
		filled := i.filled(c, now)
		ids = append(ids, c.addImage(&filled))
	}
	return ids
}

func (c *cloud) saveServer(s *Server) string {
	c.servers[s.ID] = s
	c.fake.journal.put(c.Name, kindServer, s.ID, s)
	return s.ID
}

func (c *cloud) saveVault(v *Vault) string {
	c.vaults[v.ID] = v
	c.fake.journal.put(c.Name, kindVault, v.ID, v)
	return v.ID
}

func (c *cloud) saveVolume(v *Volume) string {
	c.volumes[v.ID] = v
	c.fake.journal.put(c.Name, kindVolume, v.ID, v)
	return v.ID
}

func (c *cloud) saveBackup(b *Backup) string {
	if c.backups[b.ID] != b {
		c.putBackup(b)
	}
	c.fake.journal.put(c.Name, kindBackup, b.ID, b)
	return b.ID
}

func (c *cloud) addImage(i *Image) string {
	c.putImage(i)
	return c.saveImage(i)
}

// saveImage keeps a change of an image that is in the store already.
func (c *cloud) saveImage(i *Image) string {
	c.fake.journal.put(c.Name, kindImage, i.ID, i)
	return i.ID
}

func (c *cloud) saveJob(j *Job) {
	c.putJob(j)
	c.fake.journal.put(c.Name, kindJob, j.ID, j)
}

// forget drops the images that are gone by now.
func (c *cloud) forget(now time.Time) {
	for _, id := range c.reap(now) {
		c.fake.journal.put(c.Name, kindImage, id, nil)
	}
}

// restore takes one row of the state file.
func (c *cloud) restore(r row) error {
	switch r.Kind {
	case kindServer:
		return restoreInto(r, func(s *Server) { c.servers[s.ID] = s }, func() { delete(c.servers, r.ID) })
	case kindVault:
		return restoreInto(r, func(v *Vault) { c.vaults[v.ID] = v }, func() { delete(c.vaults, r.ID) })
	case kindVolume:
		return restoreInto(r, func(v *Volume) { c.volumes[v.ID] = v }, func() { delete(c.volumes, r.ID) })
	case kindBucket:
		return restoreInto(r, func(b *Bucket) { c.buckets[b.Name] = b }, func() { delete(c.buckets, r.ID) })
	case kindObject:
		return restoreInto(r, func(o *Object) { c.objects[o.id()] = o }, func() { delete(c.objects, r.ID) })
	case kindBackup:
		return restoreInto(r, c.putBackup, func() { c.dropBackup(r.ID) })
	case kindImage:
		return restoreInto(r, c.putImage, func() { c.dropImage(r.ID) })
	case kindJob:
		return restoreInto(r, c.putJob, func() { delete(c.jobs, r.ID) })
	case kindTruth:
		return restoreInto(r, func(m *Mutation) { c.truth = append(c.truth, *m) }, func() {})
	default:
		return fmt.Errorf("unknown kind %q", r.Kind)
	}
}

func restoreInto[T any](r row, put func(*T), drop func()) error {
	if len(r.Data) == 0 {
		drop()
		return nil
	}
	value := new(T)
	if err := decodeRow(r, value); err != nil {
		return err
	}
	put(value)
	return nil
}

func decodeRow(r row, into any) error {
	if err := json.Unmarshal(r.Data, into); err != nil {
		return fmt.Errorf("%s %s: %w", r.Kind, r.ID, err)
	}
	return nil
}

// dump writes all rows of this cloud; the lock is held.
func (c *cloud) dump(put func(row) error) error {
	write := func(kind, id string, value any) error {
		r, err := newRow(c.Name, kind, id, value)
		if err != nil {
			return err
		}
		return put(r)
	}
	for _, each := range []func(func(string, string, any) error) error{
		dumpMap(kindServer, c.servers), dumpMap(kindVault, c.vaults), dumpMap(kindVolume, c.volumes),
		dumpMap(kindBucket, c.buckets), dumpMap(kindObject, c.objects), dumpMap(kindBackup, c.backups),
		dumpMap(kindImage, c.images), dumpMap(kindJob, c.jobs), c.dumpTruth,
	} {
		if err := each(write); err != nil {
			return err
		}
	}
	return nil
}

func dumpMap[T any](kind string, things map[string]T) func(func(string, string, any) error) error {
	return func(write func(string, string, any) error) error {
		for _, id := range slices.Sorted(maps.Keys(things)) {
			if err := write(kind, id, things[id]); err != nil {
				return err
			}
		}
		return nil
	}
}

func (c *cloud) dumpTruth(write func(string, string, any) error) error {
	for _, m := range c.truth {
		if err := write(kindTruth, strconv.Itoa(m.Sequence), m); err != nil {
			return err
		}
	}
	return nil
}

// hexID makes 32 hex digits, as jobs and projects have them.
func (c *cloud) hexID() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(c.random.Uint32())
	}
	return hex.EncodeToString(b[:])
}

// uuid makes an id with dashes, as images, servers and backups have them.
func (c *cloud) uuid() string {
	h := c.hexID()
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}
