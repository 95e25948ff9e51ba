package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestedVersion is the oldest NATS server that the worker was tested with.
const TestedVersion = "2.15.2"

// ErrNoJetStream says that the server, or the account, has no JetStream.
var ErrNoJetStream = errors.New("JetStream is not enabled")

// check refuses servers that are too old or that cannot store.
func (c *Conn) check(ctx context.Context) error {
	version := c.nc.ConnectedServerVersion()
	if olderThan(version, TestedVersion) {
		return fmt.Errorf("the broker runs NATS server %s, at least %s is needed", version, TestedVersion)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var account jetstream.AccountInfo
	err := c.askOnce(ctx, tryTimeout, c.api+"INFO", nil, &account)
	if api, ok := apiError(err); ok && (notEnabled(api) || !transientCode(api)) {
		return fmt.Errorf("broker: %w for this account: %w", ErrNoJetStream, err)
	}
	if enabled, _ := c.nc.ConnectedServerJetStream(); !enabled && missing(err) {
		return fmt.Errorf("broker: %w on the server (%w)", ErrNoJetStream, err)
	}
	return nil
}

// missing says whether nobody is there who answers. A refusal proves nothing:
// the right to ask about the account is not needed for work.
func missing(err error) bool {
	return err != nil && !errors.Is(err, ErrDenied)
}

// olderThan compares versions like 2.15.2; what follows a dash is not looked
// at, and what is no version counts as old.
func olderThan(version, least string) bool {
	have, want := numbers(version), numbers(least)
	for i := range want {
		if have[i] != want[i] {
			return have[i] < want[i]
		}
	}
	return false
}

func numbers(version string) [3]int {
	version, _, _ = strings.Cut(strings.TrimPrefix(version, "v"), "-")
	var n [3]int
	for i, part := range strings.SplitN(version, ".", 3) {
		n[i], _ = strconv.Atoi(part)
	}
	return n
}
