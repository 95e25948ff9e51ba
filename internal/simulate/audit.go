package simulate

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// patience is how long after the last trouble everything must have ended.
const patience = 60 * time.Hour

// await waits until nothing is left to be done, or too long.
func (w *world) await(ctx context.Context) {
	time.Sleep(10 * time.Minute) // all troubles end
	limit := time.Now().Add(patience)
	for pause := time.Minute; !w.idle(); pause = min(pause+time.Minute, time.Hour) {
		if time.Now().After(limit) {
			for _, text := range w.unfinished() {
				w.watch.violated("lost", "%s", text)
			}
			return
		}
		time.Sleep(pause)
		w.census(ctx)
	}
	time.Sleep(20 * time.Minute) // duplicates are looked for once more
	w.census(ctx)
}

func (w *world) idle() bool { return w.inbox.empty() && len(w.unfinished()) == 0 }

// unfinished says in words what has not ended.
func (w *world) unfinished() []string {
	var left []string
	for shard := range w.shards {
		for _, m := range w.streams.list(broker.TrackStream(shard), broker.TrackFilter(shard)) {
			if isPage(m.Subject) {
				continue
			}
			r, err := ledger.Decode(m.Data)
			if err == nil && r.Operation == messages.OperationBulkCopy && w.stuckLeg(r.Key) {
				continue
			}
			if err != nil || r.Buried || r.Told && r.Outcome == messages.StateUnresolved || r.State == ledger.Submitted && w.stuck(r) {
				continue
			}
			left = append(left, r.ID+" has not ended: its record is "+string(r.State))
		}
	}
	for _, a := range w.requests() {
		if len(w.watch.ended(a.key())) == 0 && !w.recorded(a) {
			left = append(left, a.id+" was published and is lost: there is neither a record nor an event")
		}
	}
	return left
}

func (w *world) recorded(a ask) bool { return w.recordedKey(a.cloud, a.key()) }

func (w *world) recordedKey(cloud, key string) bool {
	w.streams.mu.Lock()
	defer w.streams.mu.Unlock()
	r := w.watch.of(cloud, key)
	return r != nil && !r.Done()
}

// stuck reports whether the record's job runs for ever.
func (w *world) stuck(r *ledger.Record) bool {
	for _, i := range w.images(r.Cloud) {
		if i.JobID != "" && i.JobID == r.JobID || i.ID == r.ImageID {
			return i.Active.Year() > 9000 && i.Killed.IsZero() && i.Gone.IsZero()
		}
	}
	return false
}

// images are all images that a cloud ever began to make.
func (w *world) images(cloud string) []fakecloud.Image {
	recorder := httptest.NewRecorder()
	w.roads.handler.ServeHTTP(recorder, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/_admin/images?cloud="+cloud, nil))
	var all []fakecloud.Image
	w.must(json.Unmarshal(recorder.Body.Bytes(), &all))
	return slices.DeleteFunc(all, func(i fakecloud.Image) bool {
		return !strings.HasPrefix(i.Name, "image-r") && !strings.HasPrefix(i.Name, "leg-")
	})
}

// audit holds the final events against what the clouds really made.
func (w *world) audit() {
	made := map[string][]string{} // images that are there, by cloud and name
	begun := map[string]int{}
	for _, cloud := range clouds {
		for _, i := range w.images(cloud) {
			begun[cloud+" "+i.Name]++
			if i.Killed.IsZero() && i.Gone.IsZero() && i.Active.Before(time.Now()) {
				made[cloud+" "+i.Name] = append(made[cloud+" "+i.Name], i.ID)
			}
		}
	}
	for _, a := range w.requests() {
		if !works[a.operation].makes {
			continue
		}
		if w.waits(a) {
			continue
		}
		w.auditEnds(a, w.watch.ended(a.key()), made[a.cloud+" "+a.name], begun[a.cloud+" "+a.name])
	}
	w.auditBulks(made, begun)
}

// auditEnds looks at one request: each image is named by exactly one final
// event, and each attempt made one at most.
func (w *world) auditEnds(a ask, ends []messages.Event, made []string, begun int) {
	var named []string
	for _, e := range ends {
		for _, i := range e.Images {
			if e.State == messages.StateSucceeded {
				named = append(named, i.ID)
			}
		}
		if e.State == messages.StateSucceeded && len(e.Images) == 0 {
			w.watch.violated("succeeded without image", "%s attempt %d", a.id, e.Request.Attempt)
		}
	}
	for _, id := range named {
		if !slices.Contains(made, id) {
			w.watch.violated("succeeded without image", "%s is told to have made %s, which is not there", a.id, id)
		}
	}
	for _, id := range made {
		if !slices.Contains(named, id) && !unresolved(ends) {
			w.watch.violated("one image", "%s: the image %s is there, but no final event names it (%d begun, %d final events)", a.id, id, begun, len(ends))
		}
	}
	slices.Sort(named)
	if len(slices.Compact(named)) > len(ends) {
		w.watch.violated("one image", "%s has %d images in %d attempts", a.id, len(named), len(ends))
	}
}

// unresolved reports whether a person was told to look for an image of one of
// the attempts.
func unresolved(ends []messages.Event) bool {
	return slices.ContainsFunc(ends, func(e messages.Event) bool { return e.State == messages.StateUnresolved })
}

// waits reports whether the request still waits, for a job that never ends.
func (w *world) waits(a ask) bool { return w.recorded(a) }

// lookAfter does what a person would do who looks at the cloud's console:
// what failed is retried, what is unresolved is settled as it really is.
func (w *world) lookAfter(resubmits bool) {
	for _, a := range w.requests() {
		ends := w.watch.ended(a.key())
		if len(ends) == 0 || len(ends) > 3 {
			continue
		}
		last := ends[len(ends)-1]
		c := messages.Control{Key: a.key(), Attempt: last.Request.Attempt}
		switch last.State {
		case messages.StateUnresolved:
			w.control(a.cloud, messages.VerbResolve, w.seen(a, c, resubmits))
		case messages.StateFailed, messages.StateRejected:
			w.control(a.cloud, messages.VerbRetry, c)
		}
	}
}

// seen is what a person finds of an unresolved request.
func (w *world) seen(a ask, c messages.Control, resubmits bool) messages.Control {
	c.As = messages.AsNotDone
	if resubmits {
		c.As = messages.AsResubmit
	}
	for _, i := range w.images(a.cloud) {
		if i.Name == a.name && i.Killed.IsZero() && i.Gone.IsZero() {
			c.As, c.ImageID = messages.AsDone, i.ID
		}
	}
	return c
}

func (w *world) control(cloud, verb string, c messages.Control) {
	w.history.add("person", "%s %+v", verb, c)
	shard := w.shardOf(cloud)
	w.inbox.publish(shard, inboxSubject(shard, messages.ControlSubject(cloud, verb)), nil, encoded(c))
}
