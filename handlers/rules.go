package handlers

import (
	"fmt"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// nameRule is the rule for a name.
func nameRule[D any](name func(D) string) rule[D] {
	return rule[D]{"name-characters", "names have the characters that the profile's clouds take (4.4)", func(d D, p ims.Profile) messages.Problems {
		return nameRules(name(d), p)
	}}
}

// tagsRule is the rule for the two forms of tags.
func tagsRule[D any](tags func(D) ([]string, []messages.Tag)) rule[D] {
	return rule[D]{"tags-distinct", "an image has one tag of a key (4.4)", func(d D, _ ims.Profile) messages.Problems {
		dotted, pairs := tags(d)
		return append(tagsRules(dotted), imageTagsRules(pairs)...)
	}}
}

// optionsRule is the rule for what a request wants of the worker.
func optionsRule[D any](options func(D) messages.Options) rule[D] {
	return rule[D]{"options", "the options can be carried out and do not contradict each other", func(d D, _ ims.Profile) messages.Problems {
		return optionsRules(options(d))
	}}
}

// nameRules finds what a profile's clouds do not take in a name although the
// schema, which speaks for all clouds, does (API reference 4.4).
func nameRules(name string, p ims.Profile) (ps messages.Problems) {
	if p != ims.ProfileHuawei && strings.ContainsFunc(name, func(r rune) bool { return r > 0x7f }) {
		ps.Add("name", "is %q; clouds of profile %s take no Chinese characters in names", name, p)
	}
	return ps
}

// tagsRules finds keys given twice: the cloud would keep one of them.
func tagsRules(tags []string) (ps messages.Problems) {
	seen := make(map[string]int)
	for i, tag := range tags {
		key, _, _ := strings.Cut(tag, ".")
		repeatedTag(&ps, seen, fmt.Sprintf("tags[%d]", i), key)
		seen[key]++
	}
	return ps
}

func imageTagsRules(tags []messages.Tag) (ps messages.Problems) {
	seen := make(map[string]int)
	for i, tag := range tags {
		repeatedTag(&ps, seen, fmt.Sprintf("image_tags[%d].key", i), tag.Key)
		seen[tag.Key]++
	}
	return ps
}

func repeatedTag(ps *messages.Problems, seen map[string]int, field, key string) {
	if key != "" && seen[key] > 0 {
		ps.Add(field, "the tag %q is given twice; an image has one tag of a key", key)
	}
}

// optionsRules refuses what the schema knows but this version does not carry
// out, so that it is never silently left undone.
func optionsRules(o messages.Options) (ps messages.Problems) {
	if contradictory(o) {
		ps.Add("options.deadline", "is %s, not after not_before, %s; nothing can be done by then: move one of them",
			o.Deadline, o.NotBefore.Format(time.RFC3339Nano))
	}
	return ps
}

// contradictory reports whether the deadline is over before anything may be
// submitted. One that is a duration is not compared: it counts from a moment
// that the data does not tell.
func contradictory(o messages.Options) bool {
	if o.Deadline == nil || o.NotBefore == nil {
		return false
	}
	_, relative := o.Deadline.Duration()
	return !relative && !o.Deadline.At(time.Time{}).After(*o.NotBefore)
}
