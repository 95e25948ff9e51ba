package config

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// serviceLink is what Kubernetes sets for a service whose name begins with imsworker, uninvited.
var serviceLink = regexp.MustCompile(`(_SERVICE_HOST|_SERVICE_PORT(_\w+)?|_PORT|_PORT_\d+_\w+)$`)

func variable(name string) string { return Prefix + "_" + name }

// checkNames finds the variables of our prefix that nobody reads.
func (r *reader) checkNames() {
	for _, name := range environNames() {
		short := strings.TrimPrefix(name, Prefix+"_")
		if r.known[short] || serviceLink.MatchString(name) {
			continue
		}
		r.problem("%s is unknown%s", name, hint(short, slices.Sorted(maps.Keys(r.known))))
	}
}

func environNames() []string {
	var names []string
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, Prefix+"_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// hint names the known variable that was most likely meant, if one is near enough.
func hint(short string, known []string) string {
	best, distance := "", len(short)/2+1
	for _, k := range known {
		if d := levenshtein.Distance(short, k, nil); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ": docs/configuration.md has all names"
	}
	return ": did you mean " + variable(best) + "?"
}
