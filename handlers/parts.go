package handlers

import (
	"slices"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
)

// findParts finds the images of a request that makes one of each origin. They
// belong together: none of them counts before all are there.
func findParts(images []ims.Image, origins []string) (Found, error) {
	all := bestFirst(images) // sorts images too
	if len(all) == 0 {
		return Found{}, ErrNotFound
	}
	parts := pickParts(images, origins)
	found := latest(parts)
	if len(origins) > 1 {
		found.Parts, found.Missing = parts, len(origins)-len(parts)
	}
	if found.Missing > 0 {
		found.Status = ims.ImageQueued
	}
	return found, nil
}

// latest is the part that is furthest from being usable.
func latest(parts []Found) Found {
	return slices.MaxFunc(parts, func(a, b Found) int { return distance(a.Status) - distance(b.Status) })
}

// pickParts chooses the best image of each origin, in the order of the origins,
// and then those whose origin the cloud does not tell, as far as parts are
// missing. The images are sorted.
func pickParts(images []ims.Image, origins []string) []Found {
	left := slices.Clone(images)
	take := func(fits func(ims.Image) bool) (Found, bool) {
		at := slices.IndexFunc(left, fits)
		if at < 0 {
			return Found{}, false
		}
		i := left[at]
		left = slices.Delete(left, at, at+1)
		return Found{ImageID: i.ID, Name: i.Name, Status: i.Status}, true
	}
	var parts []Found
	for _, origin := range origins {
		if f, ok := take(func(i ims.Image) bool { return strings.EqualFold(i.DataOrigin, origin) }); ok {
			parts = append(parts, f)
		}
	}
	for len(parts) < len(origins) {
		f, ok := take(func(i ims.Image) bool { return i.DataOrigin == "" })
		if !ok {
			break
		}
		parts = append(parts, f)
	}
	return parts
}
