package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/internal/client"
)

// takeTime is how long a command waits for a worker to take what it has published.
const takeTime = 30 * time.Second

// untilTaken calls what publishes a control message and waits for a worker to take it. Where none does in time, a person is told
// what becomes of the message.
func untilTaken(ctx context.Context, publish func(context.Context) (client.Controlled, error)) (client.Controlled, error) {
	ctx, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	done, err := publish(ctx)
	if errors.Is(err, context.DeadlineExceeded) && done.Sequence > 0 {
		return done, timedOut(fmt.Sprintf("no worker has taken it within %s: does one run, and does it know the cloud %q? It is kept and carried out when one does; one that does not know the cloud puts it among the dead letters after ten minutes", takeTime, done.Cloud))
	}
	return done, err
}
