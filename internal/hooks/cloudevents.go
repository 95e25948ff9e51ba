package hooks

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/imsworker/imsworker/messages"
)

// cloudEvent takes an event in structured or binary mode: a neutral notice, or
// what EventGrid and others send.
func (h *Hooks) cloudEvent(ctx context.Context, c call) outcome {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return refused(http.StatusBadRequest, `the body is empty; want a CloudEvent with a notice for its data, such as {"backup": {"id": "…"}}`)
	}
	header := eventHeaders(c.header)
	event, problems := messages.ReadCloudEvent(header, c.body)
	if len(problems) > 0 {
		return refused(http.StatusBadRequest, "%s", problems.Error())
	}
	var n messages.Notice
	if event.Type == messages.NoticeType {
		if n, problems = messages.ReadNotice(header, c.body); len(problems) > 0 {
			return refused(http.StatusBadRequest, "%s", problems.Error())
		}
	} else {
		found := search(event.Data, event.Subject)
		if found.nothing != "" {
			return outcome{http.StatusOK, resultIgnored, found.nothing}
		}
		n = found.notice
	}
	n.Evidence.Channel, n.Evidence.NativeID = messages.ChannelCloudEvents, event.ID
	at := event.Time
	if at.IsZero() {
		at = time.Now()
	}
	return h.keep(ctx, c.cloud, event.Identity, n, at)
}

// eventHeaders are those of the call that an event is made of; others may
// come twice, and are nobody's business.
func eventHeaders(all http.Header) map[string][]string {
	own := map[string][]string{}
	for name, values := range all {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "ce-") || lower == messages.HeaderContentType {
			own[name] = values
		}
	}
	return own
}
