package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

// DeadStatus says how a dead letter stands.
type DeadStatus string

// The statuses.
const (
	DeadOpen     DeadStatus = "open"     // there, and nobody has replayed it
	DeadReplayed DeadStatus = "replayed" // there, and its original was published again
	DeadDropped  DeadStatus = "dropped"  // not there any more; the log tells of it
)

// DeadStatuses lists the statuses.
func DeadStatuses() []string {
	return []string{string(DeadOpen), string(DeadReplayed), string(DeadDropped)}
}

// DeadDid is what somebody did with a dead letter.
type DeadDid string

// What can be done.
const (
	DidBegin  DeadDid = "replay begun" // with nothing after it: cut off, and nobody knows whether the original was published
	DidReplay DeadDid = "replayed"
	DidDrop   DeadDid = "dropped"
)

// DeadEntry is one line in the log of a dead letter.
type DeadEntry struct {
	Time    time.Time `json:"time"` // the broker's clock
	Did     DeadDid   `json:"did"`
	By      string    `json:"by"`
	Why     string    `json:"why,omitempty"`
	Key     string    `json:"key,omitempty"` // and Attempt: of the request that the replay opened
	Attempt int       `json:"attempt,omitempty"`
	// Letter is all but headers and body of one that was dropped.
	Letter *DeadLetter `json:"letter,omitempty"`

	sequence uint64
}

// Act says who does something with dead letters, and why; both stand in the log.
type Act struct {
	By, Why string
	// Again replays also what was replayed before, and requests that have ended otherwise than without success meanwhile.
	Again bool
	// Dry does nothing but look whether it could be done.
	Dry bool
	// Asked has, of a run over many letters, the keys that were replayed in it, and the letters they belong to.
	Asked map[string]uint64
}

// deadLogs reads the logs under filter, by the numbers of their letters.
func (c *Client) deadLogs(ctx context.Context, filter string) (map[uint64][]DeadEntry, error) {
	logs := map[uint64][]DeadEntry{}
	err := c.read(ctx, broker.StreamDead, filter, func(m broker.Stored) {
		number, err := strconv.ParseUint(m.Subject[strings.LastIndex(m.Subject, ".")+1:], 10, 64)
		e := DeadEntry{sequence: m.Sequence}
		if err == nil && json.Unmarshal(m.Data, &e) == nil {
			e.Time = m.Time
			logs[number] = append(logs[number], e)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read the log of dead letters: %w", err)
	}
	return logs, nil
}

// note adds to the log of a letter, if nobody else has done so since it was read.
func (c *Client) note(ctx context.Context, d *DeadLetter, e DeadEntry) error {
	var expect broker.Expect
	if n := len(d.Log); n > 0 {
		expect.Sequence = d.Log[n-1].sequence
	}
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode the log: %w", err)
	}
	e.sequence, err = c.conn.Put(ctx, broker.StreamDead, broker.Message{
		Subject: broker.DeadLogSubject(d.Number), Data: body, Expect: &expect, Token: rand.Text(),
	})
	if errors.Is(err, broker.ErrConflict) {
		return skip("somebody else does something with it at this moment; `imsworker dead get %d` shows it", d.Number)
	}
	if err != nil {
		return fmt.Errorf("write the log of dead letter %d: %w", d.Number, err)
	}
	d.Log = append(slices.Clip(d.Log), e)
	return nil
}

// droppedLetter is what the log tells of a letter that is gone.
func droppedLetter(number uint64, log []DeadEntry) (DeadLetter, bool) {
	for _, e := range slices.Backward(log) {
		if e.Did == DidDrop && e.Letter != nil {
			d := *e.Letter
			d.Number, d.Status, d.Log = number, DeadDropped, log
			return d, true
		}
	}
	return DeadLetter{}, false
}

// Skipped says why nothing was done with a dead letter, on purpose.
type Skipped string

// Error is the same with what was done.
func (s Skipped) Error() string { return "left alone: " + string(s) }

func skip(format string, args ...any) error { return Skipped(fmt.Sprintf(format, args...)) }
