package fakecloud

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// newAdmin serves what stands behind the curtain. Lists take ?cloud= (the only
// cloud needs none) and ?limit= for the newest.
func newAdmin(f *Fake) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", f.adminIndex)
	mux.HandleFunc("GET /clock", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"now": f.Now(), "factor": f.clock.Factor})
	})
	for path, show := range adminShows {
		mux.HandleFunc("GET /"+path, f.adminShow(show))
	}
	for path, change := range adminChanges {
		mux.HandleFunc("POST /"+path, f.adminChange(change))
	}
	mux.HandleFunc("DELETE /faults", f.adminClear(func(c *cloud) { c.faults.clear() }))
	mux.HandleFunc("DELETE /outcomes", f.adminClear(func(c *cloud) { c.outcomes.clear() }))
	return mux
}

// adminShows are the lists; the lock is held, and what they return is not
// touched later.
var adminShows = map[string]func(*cloud) any{
	"truth":    func(c *cloud) any { return slices.Clone(c.truth) },
	"calls":    func(c *cloud) any { return c.calls.list() },
	"counts":   func(c *cloud) any { return cloneCounts(c.calls.counts) },
	"images":   func(c *cloud) any { return c.adminImages() },
	"jobs":     func(c *cloud) any { return c.adminJobs() },
	"backups":  func(c *cloud) any { return c.adminBackups() },
	"servers":  func(c *cloud) any { return values(c.servers) },
	"vaults":   func(c *cloud) any { return values(c.vaults) },
	"volumes":  func(c *cloud) any { return c.adminVolumes() },
	"buckets":  func(c *cloud) any { return values(c.buckets) },
	"objects":  func(c *cloud) any { return values(c.objects) },
	"switches": func(c *cloud) any { return c.switches.clone() },
	"faults":   func(c *cloud) any { return c.faults.shown() },
	"outcomes": func(c *cloud) any { return c.outcomes.shown() },
}

func (f *Fake) adminIndex(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{
		"clouds": f.names, "now": f.Now(), "calls": callNames(), "faults": faultNames(), "image_filters": attributeNames(),
		"get": slices.Sorted(maps.Keys(adminShows)), "post": slices.Sorted(maps.Keys(adminChanges)), "delete": []string{"faults", "outcomes"},
	})
}

// adminCloud is the cloud of the query, or the only one.
func (f *Fake) adminCloud(w http.ResponseWriter, r *http.Request) *cloud {
	name := r.URL.Query().Get("cloud")
	if name == "" && len(f.names) == 1 {
		name = f.names[0]
	}
	c, err := f.cloud(name)
	if err != nil {
		http.Error(w, fmt.Sprintf("%v: want ?cloud= one of %v", err, f.names), http.StatusNotFound)
		return nil
	}
	return c
}

func (f *Fake) adminShow(show func(*cloud) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := f.adminCloud(w, r)
		if c == nil {
			return
		}
		c.mu.Lock()
		c.forget(f.clock.now())
		list := show(c)
		c.mu.Unlock()
		writeJSON(w, newest(list, r.URL.Query().Get("limit")))
	}
}

// newest cuts a list to its last entries.
func newest(list any, limit string) any {
	n, err := strconv.Atoi(limit)
	if err != nil || n < 0 {
		return list
	}
	switch l := list.(type) {
	case []Mutation:
		return l[max(0, len(l)-n):]
	case []Call:
		return l[max(0, len(l)-n):]
	case []adminImage:
		return l[max(0, len(l)-n):]
	case []adminJob:
		return l[max(0, len(l)-n):]
	case []adminBackup:
		return l[max(0, len(l)-n):]
	default:
		return list
	}
}

func (f *Fake) adminClear(drop func(*cloud)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := f.adminCloud(w, r)
		if c == nil {
			return
		}
		c.mu.Lock()
		drop(c)
		c.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	}
}

type adminImage struct {
	Image
	Status string `json:"status"`
}

type adminVolume struct {
	Volume
	Status string `json:"status"`
}

type adminJob struct {
	Job
	Status string `json:"status"`
}

type adminBackup struct {
	Backup
	Status string `json:"status"`
	Used   bool   `json:"used"`
}

func (c *cloud) adminImages() []adminImage {
	now := c.fake.clock.now()
	list := make([]adminImage, 0, len(c.byTime))
	for _, i := range c.byTime {
		shown := adminImage{Image: *i, Status: i.status(now)}
		shown.Tags, shown.Members = slices.Clone(i.Tags), slices.Clone(i.Members)
		list = append(list, shown)
	}
	return list
}

func (c *cloud) adminVolumes() []adminVolume {
	now := c.fake.clock.now()
	list := make([]adminVolume, 0, len(c.volumes))
	for _, v := range values(c.volumes) {
		list = append(list, adminVolume{Volume: v, Status: v.status(now)})
	}
	return list
}

func (c *cloud) adminJobs() []adminJob {
	now := c.fake.clock.now()
	list := make([]adminJob, 0, len(c.jobs))
	for _, j := range c.jobs {
		list = append(list, adminJob{Job: *j, Status: j.status(now)})
	}
	slices.SortFunc(list, func(a, b adminJob) int { return cmp.Or(a.Begin.Compare(b.Begin), cmp.Compare(a.ID, b.ID)) })
	return list
}

func (c *cloud) adminBackups() []adminBackup {
	now := c.fake.clock.now()
	list := make([]adminBackup, 0, len(c.history))
	for _, b := range c.history {
		list = append(list, adminBackup{Backup: *b, Status: b.status(now), Used: c.checkUnused(b, now) != nil})
	}
	return list
}

// values copies things out of the store, by id.
func values[T any](things map[string]*T) []T {
	list := make([]T, 0, len(things))
	for _, id := range slices.Sorted(maps.Keys(things)) {
		list = append(list, *things[id])
	}
	return list
}

func cloneCounts(counts map[string]map[string]int) map[string]map[string]int {
	clone := map[string]map[string]int{}
	for call, byStatus := range counts {
		clone[call] = maps.Clone(byStatus)
	}
	return clone
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v) // a caller that hung up is its own affair
}

// decodeStrict refuses unknown fields, so that a mistyped switch is told.
func decodeStrict(body io.Reader, into any) error {
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("body: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
