package cloud

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
)

// settingsKeys are all keys that an "imsworker:" block may have.
var settingsKeys = []string{
	"alias", "limits", "job_query", "on_uncertain", "horizon", "time_factor", "allow", "allow_steps",
	"allow_targets", "backup_watch", "smn_topics", "cross_region_result", "safe_mode", "sweep",
}

// allOperations are those of the contract, section 2.
var allOperations = []string{
	"create-whole-image", "create-system-image", "create-data-image", "import-image", "register-image", "copy-image",
	"copy-image-cross-region", "export-image", "export-volume", "share-image", "unshare-image", "answer-share",
	"tag-image", "update-image", deleteImage, "bulk-copy", "adopt-job",
}

const (
	ownBlock     = "imsworker"
	leastHorizon = time.Second
	leastWatch   = 10 * time.Second
	watchEvery   = 5 * time.Minute
)

// settings reads the worker's own block; t is nil where the entry has none.
func (r *reader) settings(t *tree, operations []string) Settings {
	r.strict(t, ownBlock, settingsKeys)
	s := Settings{
		JobQuery:          or(r.oneOf(t.get("job_query"), ownBlock+".job_query", "job query", ims.ShowJob, ims.ShowJobProgress), ims.ShowJob),
		OnUncertain:       or(r.oneOf(t.get("on_uncertain"), ownBlock+".on_uncertain", "value", OnUncertainDefault, OnUncertainResubmit, OnUncertainHold), OnUncertainDefault),
		Sweep:             r.boolean(t.get("sweep"), ownBlock+".sweep", true),
		CrossRegionResult: or(r.oneOf(t.get("cross_region_result"), ownBlock+".cross_region_result", "value", CrossRegionImage, CrossRegionJobOnly), CrossRegionImage),
		Horizon:           r.duration(t.get("horizon"), ownBlock+".horizon", leastHorizon),
		TimeFactor:        r.factor(t.get("time_factor"), ownBlock+".time_factor"),
		SMNTopics:         r.topics(t.get("smn_topics")),
		SafeMode:          r.boolean(t.get("safe_mode"), ownBlock+".safe_mode", false),
		BackupWatch:       r.backupWatch(t.get("backup_watch")),
	}
	r.limits(t.get("limits"), &s)
	s.Allow = r.operations(t, "allow", operations)
	s.AllowSteps = r.operations(t, "allow_steps", operations)
	s.AllowTargets = r.words(t.get("allow_targets"), ownBlock+".allow_targets")
	return s
}

// safeMode warns where the setting asks for calls that the profile's clouds do
// not have (API reference 2.12).
func (r *reader) safeMode(t *tree, c Cloud) {
	if c.Settings.SafeMode && c.Profile != ims.ProfileHuawei {
		r.warn(t.get("safe_mode"), ownBlock+".safe_mode", "has no effect: clouds of profile %s have no v2.1 calls, the usual ones are made", c.Profile)
	}
}

// operations reads a list of operations, also of those that only later
// versions have: a file may be ready before the worker is.
func (r *reader) operations(t *tree, key string, known []string) []string {
	list := r.words(t.get(key), ownBlock+"."+key)
	if len(known) > 0 {
		known = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(known), allOperations...))))
	}
	r.known(t.get(key), ownBlock+"."+key, "operation", list, known)
	return list
}

// topicForm is what the URN of an SMN topic looks like.
var topicForm = regexp.MustCompile(`^urn:smn:[^:\s]+:[^:\s]+:[^:\s]+$`)

func (r *reader) topics(t *tree) []string {
	const key = ownBlock + ".smn_topics"
	topics := r.words(t, key)
	for i, topic := range topics {
		if !topicForm.MatchString(topic) {
			r.bad(t, 0, key+"["+strconv.Itoa(i)+"]", "%q is no topic, want its URN, like urn:smn:eu-de:<project>:<name>", topic)
		}
	}
	return topics
}

func (r *reader) backupWatch(t *tree) BackupWatch {
	const key = ownBlock + ".backup_watch"
	if !r.strict(t, key, []string{"vaults", "every"}) {
		return BackupWatch{}
	}
	w := BackupWatch{Vaults: r.words(t.get("vaults"), key+".vaults"), Every: watchEvery}
	if every := t.get("every"); every != nil {
		w.Every = r.duration(every, key+".every", leastWatch)
	}
	return w
}

// limits lays the entry's limits over the defaults.
func (r *reader) limits(t *tree, s *Settings) {
	const key = ownBlock + ".limits"
	s.Limits, s.CrossRegionConcurrent = defaultLimits(), defaultConcurrent
	if t != nil && strings.EqualFold(t.text, "off") {
		s.LimitsOff = true
		return
	}
	if t != nil && !t.isMap() && !t.null {
		r.bad(t, 0, key, "want a limit for each bucket, like { copy: 15/5m }, or off")
		return
	}
	if !r.strict(t, key, append(Buckets(), CrossRegionConcurrent)) {
		return
	}
	for _, bucket := range t.keys {
		switch _, known := s.Limits[bucket]; {
		case known:
			s.Limits[bucket] = r.limit(t.get(bucket), key+"."+bucket)
		case bucket == CrossRegionConcurrent:
			s.CrossRegionConcurrent = r.count(t.get(bucket), key+"."+bucket)
		}
	}
}

// mostWindow is the longest window of a limit. The calls of requests that have
// ended are known for so long after a restart or a take-over.
const mostWindow = time.Hour

func (r *reader) limit(t *tree, key string) Limit {
	w := r.word(t, key)
	count, window, _ := strings.Cut(w, "/")
	n, bad := strconv.Atoi(strings.TrimSpace(count))
	d, err := time.ParseDuration(strings.TrimSpace(window))
	switch {
	case bad != nil || err != nil || n < 1 || d <= 0:
		r.bad(t, 0, key, "%q is no limit, want calls and window, like 15/5m", w)
	case d > mostWindow:
		r.bad(t, 0, key, "%q has too long a window, want at most 1h, like 15/5m", w)
	}
	return Limit{Count: n, Window: d}
}

func (r *reader) count(t *tree, key string) int {
	w := r.word(t, key)
	n, err := strconv.Atoi(w)
	if err != nil || n < 1 {
		r.bad(t, 0, key, "%q is no number, want 1 or more", w)
	}
	return n
}

// targets reports clouds in allow_targets that the file does not have.
func (r *reader) targets(t *tree, names []string) {
	list := t.get(ownBlock).get("allow_targets")
	if list == nil {
		return
	}
	words := make([]string, 0, len(list.list))
	for _, item := range list.list {
		words = append(words, strings.TrimSpace(item.text))
	}
	slices.Sort(names)
	r.known(list, ownBlock+".allow_targets", "cloud", words, names)
}

func or(value, absent string) string {
	if value == "" {
		return absent
	}
	return value
}
