package handlers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// fieldOf is a field that only one profile's clouds know.
type fieldOf[D any] struct {
	name    string
	profile ims.Profile
	given   func(D) bool
}

// profileFieldsRule refuses fields that the cloud would pass over in silence.
func profileFieldsRule[D any](fields ...fieldOf[D]) rule[D] {
	return rule[D]{"field-of-profile", "a field is known to the profile's clouds (1.9, 2.3, 2.5)", func(d D, p ims.Profile) (ps messages.Problems) {
		for _, f := range fields {
			if f.given(d) && p != f.profile {
				ps.Add(f.name, "is not known to clouds of profile %s, only to those of %s; leave it out", p, f.profile)
			}
		}
		return ps
	}}
}

// leastDisk is the smallest min_disk of imported files that Huawei Cloud takes.
const leastDisk = 40

// minDiskRule is the profile's share of the rule for min_disk.
func minDiskRule[D any](size func(D) *int64) rule[D] {
	return rule[D]{"min-disk-of-profile", "min_disk of imports starts at 40 GB on clouds of profile huaweicloud (2.3, 2.4)", func(d D, p ims.Profile) (ps messages.Problems) {
		if n := size(d); n != nil && *n < leastDisk && p == ims.ProfileHuawei {
			ps.Add("min_disk", "is %d, the least that clouds of profile %s take is %d", *n, p, leastDisk)
		}
		return ps
	}}
}

// entriesRule is the rule for names and tags of the entries of data_images.
func entriesRule[D any](entries func(D) []entry) rule[D] {
	return rule[D]{"entries-sound", "each entry of data_images has a name and tags that the profile's clouds take (2.3, 4.4)", func(d D, p ims.Profile) (ps messages.Problems) {
		for n, e := range entries(d) {
			for _, q := range slices.Concat(nameRules(e.name, p), tagsRules(e.tags), imageTagsRules(e.imageTags)) {
				ps.Add(fmt.Sprintf("data_images[%d].%s", n, q.Field), "%s", q.Message)
			}
		}
		return ps
	}}
}

// entry is what entries of both kinds have in common.
type entry struct {
	name      string
	tags      []string
	imageTags []messages.Tag
}

// distinctRule refuses a source that is named twice: field is where the source
// number n stands, sources lists them.
func distinctRule[D any](what string, sources func(D) (fields, values []string)) rule[D] {
	return rule[D]{"sources-distinct", "no file and no volume is named twice (2.3)", func(d D, _ ims.Profile) (ps messages.Problems) {
		fields, values := sources(d)
		for n, v := range values {
			same := func(other string) bool { return strings.EqualFold(other, v) }
			if at := slices.IndexFunc(values[:n], same); v != "" && at >= 0 {
				ps.Add(fields[n], "is the %s of %s too; name each once", what, fields[at])
			}
		}
		return ps
	}}
}
