package nodes

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports that FreeAddress chooses from. The system gives others to
// connections that go out: one of those, closed again, may be taken by
// somebody's connection before it is listened on.
const lowestPort, highestPort = 15_000, 32_000

// FreeAddress returns a loopback address that nobody listens on, for a process
// that has to be told one.
func FreeAddress() (string, error) {
	var failed error
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowestPort+rand.IntN(highestPort-lowestPort)))
		l, err := net.Listen("tcp", address) //nolint:noctx // closed at once
		if err == nil {
			return address, l.Close()
		}
		failed = errors.Join(failed, err)
	}
	return "", fmt.Errorf("find a free address: %w", failed)
}
