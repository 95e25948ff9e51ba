package fakecloud

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Fake is a set of clouds in one process. Its methods may be called from any
// goroutine.
type Fake struct {
	clouds  map[string]*cloud
	names   []string // in the order of the options
	clock   clock
	log     *slog.Logger
	journal *journal
	signer  signer // of SMN
}

// New builds the clouds, each with its seed or with what the state file kept
// of it. The caller closes the fake.
func New(o Options) (*Fake, error) {
	factor := o.TimeFactor
	if factor < 0 {
		return nil, fmt.Errorf("time factor %v: want more than 0", factor)
	}
	factor = cmp.Or(factor, 1)
	f := &Fake{clouds: map[string]*cloud{}, clock: startClock(factor), log: o.Log}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	if err := f.addClouds(o); err != nil {
		return nil, err
	}
	return f, f.open(o, factor)
}

func (f *Fake) addClouds(o Options) error {
	if len(o.Clouds) == 0 {
		return errors.New("a fake needs at least one cloud")
	}
	for _, options := range o.Clouds {
		filled, err := options.filled()
		if err != nil {
			return err
		}
		if f.clouds[filled.Name] != nil {
			return fmt.Errorf("cloud %s: given twice", filled.Name)
		}
		f.clouds[filled.Name] = newCloud(filled, f)
		f.names = append(f.names, filled.Name)
	}
	return nil
}

// open restores the state file, seeds what was not in it and starts to write.
func (f *Fake) open(o Options, factor float64) error {
	if o.StateFile != "" {
		if err := readJournal(o.StateFile, f.restore); err != nil {
			return err
		}
	}
	f.clock = f.clock.faster(factor)
	for n, name := range f.names {
		c := f.clouds[name]
		c.seedOfOrders = seedOfOrders(o.Seed, n)
		c.random = randomOf(o.Seed, uint64(n)<<32|uint64(len(c.truth)))
		if !c.restored {
			c.seed(c.World)
		}
	}
	if o.StateFile == "" {
		return nil
	}
	journal, err := openJournal(o.StateFile, f.dump)
	f.journal = journal
	return err
}

func randomOf(seed int64, stream uint64) *rand.Rand {
	if seed == 0 {
		seed = time.Now().UnixNano()
	}
	return rand.New(rand.NewPCG(uint64(seed), stream))
}

// seedOfOrders gives each cloud draws of its own; 0 stays another one each
// time.
func seedOfOrders(seed int64, cloud int) int64 {
	if seed == 0 {
		return 0
	}
	return seed + int64(cloud)<<32
}

// restore takes one row of the state file. Rows of clouds that are no longer
// configured are dropped.
func (f *Fake) restore(r row) error {
	if r.Kind == kindClock {
		return decodeRow(r, &f.clock)
	}
	c := f.clouds[r.Cloud]
	if c == nil {
		return nil
	}
	c.restored = true
	return c.restore(r)
}

// dump writes everything that a restart needs; nobody else may be at work.
func (f *Fake) dump(put func(row) error) error {
	r, err := newRow("", kindClock, "", f.clock)
	if err != nil {
		return err
	}
	if err := put(r); err != nil {
		return err
	}
	for _, name := range f.names {
		if err := f.clouds[name].dump(put); err != nil {
			return err
		}
	}
	return nil
}

// Close writes the state file a last time. Calls that come later are answered,
// but not kept. It may be called twice.
func (f *Fake) Close() error {
	for _, name := range f.names { // before the journal's lock, as every writer takes them
		c := f.clouds[name]
		c.mu.Lock()
		defer c.mu.Unlock()
	}
	return f.journal.close(f.dump)
}

// Now is the time of the virtual clock.
func (f *Fake) Now() time.Time {
	return f.clock.now()
}

// Handler serves all clouds, each under /<name>, and the admin endpoint under
// /_admin/. The admin endpoint asks nobody who they are: keep it on loopback.
func (f *Fake) Handler() http.Handler {
	admin := http.StripPrefix("/_admin", newAdmin(f))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if prefix, _ := splitPath(r.URL.Path); prefix == "_admin" {
			admin.ServeHTTP(w, r)
			return
		}
		f.serve(w, r)
	})
}

// cloud finds a cloud by name for the exported methods.
func (f *Fake) cloud(name string) (*cloud, error) {
	if c := f.clouds[name]; c != nil {
		return c, nil
	}
	return nil, errors.New("no cloud " + strconv.Quote(name))
}
