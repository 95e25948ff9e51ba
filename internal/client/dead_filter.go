package client

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/intake"
	"github.com/imsworker/imsworker/messages"
)

// DeadFilter chooses dead letters; empty fields choose all that are there.
type DeadFilter struct {
	Clouds, Operations, Reasons []string
	Subject                     string     // pattern of the original's, * and ? stand for characters
	Text                        string     // part of the detail, whatever its case
	Status                      DeadStatus // dropped are chosen by that alone
	Before, After               time.Time  // when it became one
}

// DeadReasons lists the reasons.
func DeadReasons() []string {
	var names []string
	for _, r := range intake.Reasons() {
		names = append(names, string(r))
	}
	return names
}

func (f DeadFilter) matches(d DeadLetter) bool {
	return oneOf(f.Clouds, d.Cloud) && oneOf(f.Operations, d.Operation) && oneOf(f.Reasons, d.Reason) &&
		(f.Subject == "" || messages.Fits(f.Subject, d.Subject)) && (f.Status == "" || f.Status == d.Status) &&
		strings.Contains(strings.ToLower(d.Detail), strings.ToLower(f.Text)) &&
		(f.Before.IsZero() || d.Time.Before(f.Before)) && (f.After.IsZero() || d.Time.After(f.After))
}

func oneOf(wanted []string, value string) bool {
	return len(wanted) == 0 || slices.Contains(wanted, value)
}

// subject is the least that has to be read.
func (f DeadFilter) subject() string {
	if len(f.Clouds) == 1 {
		return broker.DeadFilter(f.Clouds[0])
	}
	return broker.DeadFilter("")
}

// dropped calls each with what the logs tell of letters that are gone.
func (f DeadFilter) dropped(logs map[uint64][]DeadEntry, each func(DeadLetter)) {
	for _, number := range slices.Sorted(maps.Keys(logs)) {
		if d, ok := droppedLetter(number, logs[number]); ok && f.matches(d) {
			each(d)
		}
	}
}
