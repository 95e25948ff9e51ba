package otlp

import (
	"errors"
	"net/url"
	"strings"
)

// unreadable says which variables the SDK could not make sense of, without
// their values: it would log these as they are, secrets and all, and send to
// its default address.
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
	if len(all) == 0 {
		return nil
	}
	return errors.New(strings.Join(all, "; "))
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
