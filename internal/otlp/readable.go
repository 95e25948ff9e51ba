package otlp

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// unreadable says which variables the SDK could not make sense of, without the
// values of those that may hold secrets: it would log these as they are, and
// send to its default address, or send every trace.
func unreadable(env func(string) string) error {
	var all []string
	for _, name := range []string{variableEndpoint, variableTracesEndpoint} {
		if address := strings.TrimSpace(env(name)); address != "" && !isAddress(address) {
			all = append(all, name+" is no address: one like http://collector:4318 is wanted")
		}
	}
	for _, name := range []string{variableHeaders, variableTracesHeaders} {
		for pair := range strings.SplitSeq(env(name), ",") {
			if strings.TrimSpace(pair) != "" && !isHeader(pair) {
				all = append(all, name+" is no list of headers: name=value is wanted, separated by commas, what is special in a value as % and two digits")
				break
			}
		}
	}
	if fault := badSampler(env(variableSampler), env(variableSamplerArg)); fault != "" {
		all = append(all, fault)
	}
	if len(all) == 0 {
		return nil
	}
	return errors.New(strings.Join(all, "; "))
}

// badSampler is empty where the SDK knows the sampler, in whatever letters, and
// can read its argument, if it takes one.
func badSampler(name, arg string) string {
	known := []string{"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}
	name, arg = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(arg)
	if name != "" && !slices.Contains(known, name) {
		return fmt.Sprintf("%s: %q is not known; %s are allowed", variableSampler, name, strings.Join(known, ", "))
	}
	if part, err := strconv.ParseFloat(arg, 64); strings.HasSuffix(name, "ratio") && arg != "" && (err != nil || !(part >= 0 && part <= 1)) {
		return fmt.Sprintf("%s: %q is no part of all traces; a number from 0 to 1 is wanted", variableSamplerArg, arg)
	}
	return ""
}

func isAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func isHeader(pair string) bool {
	name, value, found := strings.Cut(pair, "=")
	_, err := url.PathUnescape(value)
	name = strings.TrimSpace(name)
	return found && err == nil && name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}
