package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/imsworker/imsworker/internal/client"
)

// familyTree shows the requests that caused one and that it caused, each
// below the one that it follows; the one that was asked for has a star.
func familyTree(w io.Writer, first *client.Node) {
	if first == nil {
		return
	}
	fmt.Fprintln(w)
	head(w, "FAMILY", "CLOUD", narrow("OPERATION"), "STATE")
	familyRow(w, *first, 0)
}

func familyRow(w io.Writer, n client.Node, depth int) {
	key, state := strings.Repeat("  ", depth)+n.Key, n.State
	if n.Asked {
		key += " *"
	}
	if state == "" {
		state = "not known (yet)"
	}
	if n.Reason != "" {
		state += ": " + string(n.Reason)
	}
	row(w, key, n.Cloud, n.Operation, toned{state, stateTone(n.State)})
	for _, child := range n.Children {
		familyRow(w, child, depth+1)
	}
	if n.MoreLegs > 0 {
		row(w, strings.Repeat("  ", depth+1)+count(n.MoreLegs, "more leg"))
	}
}
