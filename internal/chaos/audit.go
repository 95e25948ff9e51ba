package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// life is everything that is known of one request.
type life struct {
	request
	heard  bool
	finals []told
	events []told
	made   []fakecloud.Mutation // changes that carry its name
}

// images counts the images that the cloud began to make for it.
func (l *life) images() int {
	ids := map[string]bool{}
	for _, m := range l.made {
		if m.ImageID != "" {
			ids[m.ImageID] = true
		}
	}
	return len(ids)
}

// named finds the name of a request, or its key, in what a call said.
var named = regexp.MustCompile(`chaos-\d{6}|\b[a-z2-7]{26}\b`)

// lives sorts what was told and what was made by request. What belongs to none
// is returned too.
func (f facts) lives() (all []*life, strange []string) {
	byKey, byName, byImage := map[string]*life{}, map[string]*life{}, map[string]*life{}
	for _, r := range f.sent {
		l := &life{request: r}
		all = append(all, l)
		byKey[r.key], byName[r.name], byName[r.key] = l, l, l
	}
	for _, t := range f.told {
		l := byKey[t.key]
		switch {
		case t.unread != "":
			strange = append(strange, "an event cannot be read: "+t.unread)
		case l == nil:
			strange = append(strange, "an event of a key that nobody asked for: "+t.key)
		default:
			l.add(t)
		}
	}
	for _, m := range f.made {
		l := byName[named.FindString(m.Path+" "+string(m.Body))]
		if l == nil || l.cloud != m.Cloud {
			l = byImage[m.ImageID]
		}
		if l == nil {
			strange = append(strange, fmt.Sprintf("the cloud did what nobody asked for: %s %s %s", m.Cloud, m.Call, m.Body))
			continue
		}
		l.made = append(l.made, m)
		if m.ImageID != "" {
			byImage[m.ImageID] = l
		}
	}
	return all, strange
}

func (l *life) add(t told) {
	l.heard = true
	l.events = append(l.events, t)
	if t.state.Final() {
		l.finals = append(l.finals, t)
	}
}

// audit judges the facts.
func audit(f facts) *report {
	lives, strange := f.lives()
	r := &report{facts: f, states: map[messages.State]int{}}
	for _, l := range lives {
		r.judge(l)
	}
	for _, w := range slices.Concat(strange, f.wrong) {
		r.strange++
		r.breaks(w, nil)
	}
	for _, d := range f.dead {
		r.dead++
		r.breaks("a request became a dead letter: "+d, nil)
	}
	r.rhythm()
	return r
}

// judge holds one life against the promises.
func (r *report) judge(l *life) {
	images := l.images()
	r.images += images
	if images > 1 {
		r.duplicates += images - 1
		r.breaks(fmt.Sprintf("%d images for one request", images), l)
	}
	switch {
	case !l.heard:
		r.lost++
		r.breaks("nothing was ever heard of a request that the broker had confirmed", l)
	case len(l.finals) == 0:
		r.missing++
		r.breaks("a request has no final event", l)
	case len(l.finals) > 1:
		r.double += len(l.finals) - 1
		r.breaks(fmt.Sprintf("%d final events for one request", len(l.finals)), l)
	default:
		r.judgeEnd(l, l.finals[0])
	}
}

// judgeEnd asks whether the one final event is true.
func (r *report) judgeEnd(l *life, end told) {
	r.states[end.state]++
	switch end.state {
	case messages.StateSucceeded:
		if why := r.untrue(l, end.event); why != "" {
			r.wrongly++
			r.breaks(why, l)
		}
	case messages.StateUnresolved:
		r.unresolved++
		if !l.operation.unresolved {
			r.breaks("a request that can be submitted again was given up", l)
		}
	default:
		r.wrongly++
		r.breaks("a request that nothing was wrong with ended "+string(end.state), l)
	}
}

// untrue says what does not fit between an event of success and the cloud.
func (r *report) untrue(l *life, e messages.Event) string {
	if len(e.Images) != 1 || l.images() == 0 {
		return fmt.Sprintf("success with %d images told and %d made", len(e.Images), l.images())
	}
	id := e.Images[0].ID
	if !slices.ContainsFunc(l.made, func(m fakecloud.Mutation) bool { return m.ImageID == id }) {
		return "success with an image that was made for another: " + id
	}
	if status := r.facts.images[id]; status != "active" {
		return fmt.Sprintf("success with an image that is %q: %s", status, id)
	}
	return ""
}

// soonest is the share of requests whose end is looked at for the rhythm: the
// last ones may rightly wait for a horizon.
const soonest = 0.99

// rhythm looks at when requests ended.
func (r *report) rhythm() {
	var ends []time.Time
	for _, t := range r.facts.told {
		if t.state.Final() {
			ends = append(ends, t.at)
		}
	}
	slices.SortFunc(ends, time.Time.Compare)
	ends = ends[:int(float64(len(ends))*soonest)]
	before := r.facts.started
	perMinute := map[int]int{}
	for _, at := range ends {
		r.silence = max(r.silence, at.Sub(before))
		before = at
		perMinute[int(at.Sub(r.facts.started)/time.Minute)]++
	}
	r.least = len(ends)
	for minute := range int(before.Sub(r.facts.started) / time.Minute) {
		r.least = min(r.least, perMinute[minute])
	}
	if r.least == 0 {
		r.breaks("a whole minute went by in which nothing was completed", nil)
	}
}

// breaks notes a broken promise.
func (r *report) breaks(what string, l *life) {
	r.broken = append(r.broken, what+l.story())
}

// story is the life in words.
func (l *life) story() string {
	if l == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n    key %s, %s of %s, id %s", l.key, l.operation.name, l.cloud, l.name)
	for _, m := range l.made {
		fmt.Fprintf(&b, "\n    %s  the cloud took %s: job %q image %q", m.Real.Format(clock), m.Call, m.JobID, m.ImageID)
	}
	for _, t := range l.events {
		fmt.Fprintf(&b, "\n    %s  event %d %s", t.at.Format(clock), t.sequence, t.state)
		for _, i := range t.event.Images {
			fmt.Fprintf(&b, ", image %s", i.ID)
		}
		if t.event.Error != nil {
			fmt.Fprintf(&b, ", %s: %s", t.event.Error.Reason, t.event.Error.Message)
		}
	}
	return b.String()
}

const clock = "15:04:05.000"
