package broker

import (
	"log/slog"

	"github.com/ThreeDotsLabs/watermill/message"
)

// A delivery that still fails at the first of these numbers, and then at each
// multiple of the second, is worth a word.
const (
	firstRepeatWarned = 5
	everyRepeatWarned = 100
)

// WarnRepeats returns handle with a warning for messages that come again and
// again: their subject, which delivery it was, and the error. Only here the
// error of a handler and the number of the delivery meet. Other errors are
// logged at level debug.
func WarnRepeats(log *slog.Logger, handle message.NoPublishHandlerFunc) message.NoPublishHandlerFunc {
	return func(msg *message.Message) error {
		err := handle(msg)
		if err == nil || msg.Context().Err() != nil {
			return err
		}
		d, _ := DeliveryOf(msg)
		level := slog.LevelDebug
		if d.Deliveries == firstRepeatWarned || d.Deliveries > 0 && d.Deliveries%everyRepeatWarned == 0 {
			level = slog.LevelWarn
		}
		log.Log(msg.Context(), level, "delivery comes again", "subject", shown(d.Subject),
			"sequence", d.StreamSequence, "deliveries", d.Deliveries, "error", err)
		return err
	}
}
