package broker

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// ErrTooLarge says that the broker never takes a message of this size or with a
// subject of this length. Nothing was sent; trying again does not help.
var ErrTooLarge = errors.New("too large for the broker")

// What the server takes. It says neither of the two; the third, its
// max_payload, it says to every client.
const (
	// maxSubject leaves room for the reply subject and the sizes in the 4096
	// bytes of a protocol line. A longer line would end the connection for good.
	maxSubject = 3 << 10
	// MaxHeaderBytes is the most that all headers of a stored message have
	// together, as they go over the wire.
	MaxHeaderBytes = 1<<16 - 1
)

// fits refuses what would come back as an error, or would end the connection.
func (c *Conn) fits(m Message, msg *nats.Msg) error {
	if err := subjectFits(m.Subject); err != nil {
		return err
	}
	if m.Expect != nil && m.Expect.Subject != "" {
		if err := subjectFits(m.Expect.Subject); err != nil {
			return err
		}
	}
	header := HeaderBytes(msg.Header)
	if header > MaxHeaderBytes {
		return fmt.Errorf("%w: its headers have %d bytes, at most %d are taken", ErrTooLarge, header, MaxHeaderBytes)
	}
	if size, most := int64(header+len(msg.Data)), c.nc.MaxPayload(); size > most {
		return fmt.Errorf("%w: it has %d bytes with its headers, the server's max_payload is %d", ErrTooLarge, size, most)
	}
	return nil
}

func subjectFits(subject string) error {
	if len(subject) > maxSubject {
		return fmt.Errorf("%w: the subject has %d bytes, at most %d are sent", ErrTooLarge, len(subject), maxSubject)
	}
	return nil
}

// HeaderBytes is the size of headers on the wire; compare MaxHeaderBytes.
func HeaderBytes(h nats.Header) int {
	if len(h) == 0 {
		return 0
	}
	size := len("NATS/1.0\r\n") + len("\r\n")
	for name, values := range h {
		for _, value := range values {
			size += len(name) + len(": ") + len(value) + len("\r\n")
		}
	}
	return size
}

// shown keeps a subject readable in an error or a log line.
func shown(subject string) string {
	if len(subject) > 200 {
		return subject[:200] + "…"
	}
	return subject
}

// tooLarge knows the server's own words for it: its limits may have changed
// since it told them, and a stream has a limit of its own.
func tooLarge(err error) bool {
	if api, ok := apiError(err); ok {
		return api.ErrorCode == codeMsgTooLarge || api.ErrorCode == codeHeaderTooLarge
	}
	return errors.Is(err, nats.ErrMaxPayload)
}
