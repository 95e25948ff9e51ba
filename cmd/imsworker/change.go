package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

// changeLine is news as a line of text; false where they are not worth one: how far a leg is.
func changeLine(n client.News) (text string, tells bool) {
	state := n.Summary.State
	if n.Bulk != "" && (state == string(messages.StateProgress) || state == string(messages.StateLate)) {
		return "", false
	}
	leg := ""
	if n.Bulk != "" {
		leg = fmt.Sprintf("leg %d", n.Leg)
	}
	return inOne(append([]string{moment(n.Time), n.Summary.Key, leg, n.Summary.Cloud, n.Summary.Operation}, newsWords(n)...)), true
}

// storyLine is news of the only request on a screen.
func storyLine(n client.News) string {
	return inOne(append([]string{moment(n.Time)}, newsWords(n)...))
}

// inOne is the words that are not empty, in one line that steers no terminal.
func inOne(words []string) string {
	return visible(strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), "  "))
}

func newsWords(n client.News) []string {
	attempt := ""
	if n.Summary.Attempt > 1 {
		attempt = fmt.Sprintf("attempt %d", n.Summary.Attempt)
	}
	return []string{attempt, n.Summary.State, newsDetail(n)}
}

func newsDetail(n client.News) string {
	switch {
	case n.Event != nil:
		return eventDetail(*n.Event)
	case n.Summary.Legs != nil:
		return n.Summary.Legs.String()
	}
	return string(n.Summary.Reason)
}

// change is news as JSON and YAML tell them.
type change struct {
	Time    time.Time       `json:"time"`
	Summary client.Summary  `json:"summary"`
	Bulk    string          `json:"bulk,omitempty"` // whose leg it carries out
	Leg     *int            `json:"leg,omitempty"`
	Event   *messages.Event `json:"event"` // null where only the record was read
}

// writeChange writes news as one document.
func writeChange(f *format, out io.Writer, n client.News) error {
	c := change{Time: n.Time, Summary: n.Summary, Bulk: n.Bulk, Event: n.Event}
	if n.Bulk != "" {
		c.Leg = &n.Leg
	}
	text, err := json.Marshal(c)
	if err == nil && *f == formatYAML {
		if text, err = yamlOf(text); err == nil {
			text = append([]byte("---\n"), text[:len(text)-1]...)
		}
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", text)
	return err
}
