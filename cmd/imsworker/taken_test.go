package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/client"
)

// TestUntilTaken: where no worker runs, whoever cancels, retries, resolves or pauses is told so after half a minute, and that the
// message is kept; where it was not even published nothing is said of that.
func TestUntilTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for sequence, want := range map[uint64]string{7: `does it know the cloud "demo"? It is kept`, 0: "publish: context deadline exceeded"} {
			begun := time.Now()
			_, err := untilTaken(t.Context(), func(ctx context.Context) (client.Controlled, error) {
				<-ctx.Done()
				return client.Controlled{Cloud: "demo", Sequence: sequence}, fmt.Errorf("publish: %w", context.Cause(ctx))
			})
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), want) || time.Since(begun) != takeTime {
				t.Errorf("got %v after %s, want %q after %s", err, time.Since(begun), want, takeTime)
			}
		}
	})
}
