package intake

import (
	"context"
	"fmt"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/pauses"
	"github.com/imsworker/imsworker/messages"
)

// pause stores that nothing new of an operation, or of any, is to be submitted
// to a cloud, or that it goes on.
func (in *Intake) pause(ctx context.Context, d broker.Delivery, cloud, verb string, c messages.Control) (problem string, err error) {
	if _, known := handlers.Lookup(c.Operation); c.Operation != "" && !known {
		return unknownOperation(brief(c.Operation)).Message, nil
	}
	err = in.Pause(ctx, pauses.Pause{
		Cloud: cloud, Operation: c.Operation, Paused: verb == messages.VerbPause, At: d.Time.UTC(), Message: d.StreamSequence,
	})
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", verb, cloud, err)
	}
	return "", nil
}
