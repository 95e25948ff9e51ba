package intake

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
)

// What is kept of a letter that does not fit. A message may come with nearly
// as many headers as the broker takes at all, and to a server that takes little.
const (
	headersKept = broker.MaxHeaderBytes / 2
	bodyKept    = 8 << 10
	namesShown  = 1 << 10
)

// withFewerHeaders is the letter without the largest headers of the original.
// A header of its own names them.
func withFewerHeaders(l Letter, v Verdict) broker.Message {
	m := whole(l, v)
	mine := ours(l, v)
	names := make([]string, 0, len(l.Header))
	for name := range m.Header {
		if _, is := mine[name]; !is {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(size(m.Header, b), size(m.Header, a)) })
	var omitted []string
	for _, name := range names {
		if broker.HeaderBytes(m.Header) <= headersKept {
			break
		}
		omitted = append(omitted, name)
		delete(m.Header, name)
	}
	if len(omitted) > 0 {
		say(m.Header, fmt.Sprintf("%d headers (%s)", len(omitted), strings.Join(omitted, ", ")))
	}
	return m
}

func size(h nats.Header, name string) int { return broker.HeaderBytes(nats.Header{name: h[name]}) }

// withLittleBody is, of the body too, only the beginning.
func withLittleBody(l Letter, v Verdict) broker.Message {
	m := withFewerHeaders(l, v)
	if len(m.Data) > bodyKept {
		say(m.Header, fmt.Sprintf("the body from byte %d of %d on", bodyKept, len(m.Data)))
		m.Data = m.Data[:bodyKept]
	}
	return m
}

// say adds to what a letter says of the parts it lacks.
func say(h nats.Header, what string) {
	if len(what) > namesShown {
		what = strings.ToValidUTF8(what[:namesShown], "") + "…"
	}
	h.Set(headerOmitted, oneLine(strings.TrimPrefix(h.Get(headerOmitted)+"; "+what, "; ")))
}
