package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// Headers of a replayed message, beside those that name its identity.
const (
	headerReplayOf   = "Ims-Replay-Of"
	headerReplayBy   = "Ims-Replay-By"
	headerReplayTime = "Ims-Replay-Time"
)

// actTime is how long one letter may take once something was begun with it.
const actTime = 2 * publishTime

// Replayed says what a replay published.
type Replayed struct {
	Number  uint64 `json:"number"`
	Key     string `json:"key"`
	Attempt int    `json:"attempt"`
	Subject string `json:"subject"`
}

// Replay publishes the original of a dead letter again, under its own identity and as the attempt after the last. The dead
// letter stays. What was wrong with its body is still wrong; a replay helps when the worker's side has changed since.
//
// The log says so before and after: one that was cut off between is repeated with the same attempt, of which there is only
// one. Skipped: somebody has replayed it before, or its request has gone on otherwise. Once begun it goes on though ctx ends.
func (c *Client) Replay(ctx context.Context, number uint64, act Act) (r Replayed, err error) {
	defer c.permitted(&ctx, &err)()
	d, err := c.DeadLetter(ctx, number)
	if err != nil {
		return Replayed{}, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("replay dead letter %d: %w", number, err)
		}
	}()
	r, there, err := c.prepare(ctx, d, act)
	if err != nil || act.Dry {
		return r, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actTime)
	defer cancel()
	return r, c.replay(ctx, d, r, act, there)
}

// replay publishes, unless a replay that was cut off has done so, and says so before and after.
func (c *Client) replay(ctx context.Context, d DeadLetter, r Replayed, act Act, there bool) error {
	if cutOff, is := d.begun(); !is || cutOff.Attempt != r.Attempt {
		if err := c.note(ctx, &d, DeadEntry{Did: DidBegin, By: act.By, Why: act.Why, Key: r.Key, Attempt: r.Attempt}); err != nil {
			return err
		}
	}
	if !there {
		if _, err := c.publish(ctx, broker.Message{Subject: d.Subject, Header: d.again(r, act), Data: []byte(d.Body)}); err != nil {
			return err
		}
	}
	if act.Asked != nil && r.Key != "" {
		act.Asked[r.Key] = d.Number
	}
	return c.note(ctx, &d, DeadEntry{Did: DidReplay, By: act.By, Why: act.Why, Key: r.Key, Attempt: r.Attempt})
}

// again are the headers of the replay.
func (d DeadLetter) again(r Replayed, act Act) map[string][]string {
	header := d.original()
	if r.Key != "" {
		maps.Copy(header, messages.ReplayHeaders(d.identity(), r.Attempt))
	}
	header.Set(headerReplayOf, strconv.FormatUint(d.Number, 10))
	header.Set(headerReplayBy, act.By)
	header.Set(headerReplayTime, time.Now().UTC().Format(time.RFC3339))
	return header
}

// prepare finds out what a replay would publish; there says that it has been published already.
func (c *Client) prepare(ctx context.Context, d DeadLetter, act Act) (r Replayed, there bool, err error) {
	r = Replayed{Number: d.Number, Subject: d.Subject}
	if err := d.mayReplay(act, c.patience); err != nil || d.isNotice() {
		return r, false, err
	}
	cloud, ok := requestCloud(d.Subject)
	if !ok {
		return r, false, d.noRequest()
	}
	identity := d.identity()
	r.Key = messages.Key(cloud, identity.Source, identity.ID)
	if other, asked := act.Asked[r.Key]; asked {
		return r, false, skip("it has the identity of dead letter %d, which is replayed", other)
	}
	last, err := c.lastAttempt(ctx, r.Key)
	if err != nil {
		return r, false, err
	}
	if cutOff, is := d.begun(); is {
		r.Attempt = cutOff.Attempt
		return r, last.attempt >= cutOff.Attempt, nil
	}
	r.Attempt = last.attempt + 1
	return r, false, last.mayFollow(act.Again)
}

// begun is the replay that was cut off, if the last one was.
func (d DeadLetter) begun() (DeadEntry, bool) {
	if n := len(d.Log); n > 0 && d.Log[n-1].Did == DidBegin {
		return d.Log[n-1], true
	}
	return DeadEntry{}, false
}

// mayReplay looks at what was done with the letter before. Who has begun is given time.
func (d DeadLetter) mayReplay(act Act, patience time.Duration) error {
	n := len(d.Log)
	cutOff, begun := d.begun()
	age := time.Since(cutOff.Time).Round(time.Second)
	switch {
	case begun && age < patience:
		return skip("%s has begun to replay it %s ago; if that was cut off, try again in %s", cutOff.By, age, patience-age)
	case d.Status == DeadDropped, n > 0 && d.Log[n-1].Did == DidDrop:
		return skip("%s has dropped it at %s", d.Log[n-1].By, d.Log[n-1].Time.UTC().Format(time.RFC3339))
	case d.Status == DeadReplayed && !act.Again:
		return skip("%s has replayed it at %s; --again does it once more", d.Log[n-1].By, d.Log[n-1].Time.UTC().Format(time.RFC3339))
	}
	return nil
}

// isNotice reports whether it is of a backup. That has no key: whether it leads to a request is for the worker's rules to say,
// and however often it is given notice of, it leads to one.
func (d DeadLetter) isNotice() bool {
	return strings.HasPrefix(d.Subject, "ims.backup.") && d.Operation == messages.VerbReady
}

// noRequest says what to do with what cannot be replayed.
func (d DeadLetter) noRequest() error {
	if strings.HasPrefix(d.Subject, "ims.control.") {
		return skip("it is a control message, which may mean something else by now: say it anew, with `imsworker requests cancel`, `retry`, `resolve`, `imsworker pause` or `resume`")
	}
	return skip("it was published to %s, which no worker can read: publish its body to ims.request.<cloud>.<operation>", d.Subject)
}

// past is the newest attempt of a key.
type past struct {
	attempt int    // 0: there is none
	state   string // of its record, or how it ended
}

// lastAttempt is the highest attempt that a key ever had.
func (c *Client) lastAttempt(ctx context.Context, key string) (past, error) {
	detail, err := c.Request(ctx, key)
	if errors.Is(err, ErrUnknown) {
		return past{}, nil
	}
	p := past{detail.Summary.Attempt, detail.Summary.State}
	for _, e := range detail.Events {
		if e.Attempt > p.attempt {
			p = past{e.Attempt, string(e.State)}
		}
	}
	return p, err
}

// mayFollow says whether another attempt may follow: one that lives has to end first, and whoever replays many letters does not
// mean those whose requests have succeeded since, or were cancelled.
func (p past) mayFollow(again bool) error {
	switch state := messages.State(p.state); {
	case p.attempt == 0:
		return nil
	case !state.Final():
		return skip("attempt %d of its request is under way (%s)", p.attempt, p.state)
	case again:
		return nil
	case state == messages.StateFailed, state == messages.StateRejected, state == messages.StateUnresolved:
		return nil
	}
	return skip("attempt %d of its request has ended as %s; --again opens another one all the same", p.attempt, p.state)
}
