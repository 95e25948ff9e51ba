package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

const (
	// earlyLimit is how long a cancel waits for its request, earlyPause the
	// wait between two looks.
	earlyLimit = time.Minute
	earlyPause = time.Second
	// wishTries is how often a wish is put on a record that changes meanwhile.
	wishTries = 5
)

// cancel puts the wish on the record that the attempt shall end; the engine
// does the rest. It returns in words why that cannot be.
func (in *Intake) cancel(ctx context.Context, msg *message.Message, d broker.Delivery, cloud string, c messages.Control) (problem string, err error) {
	for range wishTries {
		problem, err = in.wish(ctx, d, cloud, c)
		if !errors.Is(err, ledger.ErrChanged) {
			break
		}
	}
	if errors.Is(err, errNotYet) && in.unknown.wait(d, earlyLimit) {
		broker.Delay(msg, earlyPause)
		return "", err
	}
	in.unknown.done(d)
	if c.Parent != "" && (err == nil || errors.Is(err, errNotYet)) {
		return "", nil // the leg has ended, or never came: its bulk needs no complaint
	}
	if errors.Is(err, errNotYet) {
		return fmt.Sprintf("nothing is known of a request with key %s on cloud %s; a cancel waits for its request for a minute at most", c.Key, cloud), nil
	}
	return problem, err
}

// errNotYet says that the request to be cancelled has not come.
var errNotYet = errors.New("the request to be cancelled is not there yet")

func (in *Intake) wish(ctx context.Context, d broker.Delivery, cloud string, c messages.Control) (problem string, err error) {
	last, err := in.last(ctx, cloud, c)
	switch {
	case err != nil:
		return "", err
	case last == nil:
		return "", errNotYet
	}
	problem, done := last.CannotCancel(cloud, c)
	switch {
	case problem != "" || done:
		return problem, nil
	case c.Attempt == 0 && last.Attempt > 1 && d.Time.Before(last.Accepted):
		return fmt.Sprintf("it names no attempt and is older than attempt %d; name the attempt that is meant", last.Attempt), nil
	case !last.Wish(ledger.Cancel{Delete: c.DeleteImage, By: messages.CancelByRequest, At: d.Time.UTC()}):
		return "", nil
	}
	err = in.Records.Update(ctx, last)
	crash.At(crash.Wished)
	return "", err
}

// wishOf is the wish as a final event tells it.
func wishOf(final messages.Event) *ledger.Cancel {
	if final.Cancel == nil {
		return nil
	}
	c := final.Cancel
	return &ledger.Cancel{By: c.By, Delete: c.Image == messages.CancelDeleted, Started: c.Started, Image: c.Image, Message: c.Message}
}

// clocksApart is how far the cloud's clock may be behind ours where nothing
// tells its time.
const clocksApart = time.Hour

// sinceOf is the earliest moment at which a cancelled attempt can have made
// something; zero where it has begun nothing.
func sinceOf(final messages.Event) time.Time {
	if final.Cancel == nil || !final.Cancel.Started || final.Times.Accepted == nil {
		return time.Time{}
	}
	return final.Times.Accepted.Add(-clocksApart)
}
