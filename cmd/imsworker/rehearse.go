package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

// rehearsal is what a request would lead to; nothing of it is done.
type rehearsal struct {
	Subject  string              `json:"subject"`
	Key      string              `json:"key"`
	Header   map[string][]string `json:"header"`
	Data     any                 `json:"data"`
	Problems messages.Problems   `json:"problems"`
	Rules    []client.Rule       `json:"rules"`
	Call     *client.Call        `json:"call"`
	Then     []client.Call       `json:"then,omitempty"` // of an operation that makes several calls
	Note     string              `json:"note,omitempty"`

	body []byte
}

// rehearse shows the message as it would be published, what it is judged by, and the call that the worker would make.
func (o *submitOptions) rehearse(cmd *cobra.Command, output *format, r messages.Request) error {
	subject, header, body := messages.EncodeRequest(r)
	h := rehearsal{
		Subject: subject, Key: messages.Key(r.Cloud, r.Source, r.ID), Header: header, Data: r.Data, body: body,
		Problems: append(messages.Problems{}, o.judge(r)...), Rules: client.Rules(r.Operation),
	}
	entry, known := entryOf(r.Cloud)
	switch {
	case len(h.Problems) > 0:
		h.Note = "a worker would reject the request and call nothing"
	case !known:
		h.Note = "the cloud is in no clouds.yaml here, so its call cannot be shown"
	case r.Operation == messages.OperationBulkCopy:
		h.Note = "a bulk makes no call of its own: each image and target becomes a request, which `submit copy-image --dry-run` and the like show"
	default:
		calls, err := client.Rehearse(cmd.Context(), r, entry.Client)
		if err != nil {
			return err
		}
		h.take(calls)
	}
	if err := output.print(cmd.OutOrStdout(), h, h.table); err != nil || len(h.Problems) == 0 {
		return err
	}
	return errQuiet
}

// take shows the calls, and says of those that are not as they stand there.
func (h *rehearsal) take(calls []client.Call) {
	if len(calls) == 0 {
		h.Note = "no call is made that would create or change anything: what somebody else has started is followed"
		return
	}
	h.Call, h.Then = &calls[0], calls[1:]
	if len(h.Then) > 0 {
		h.Note = client.LaterID + " stands for the image that the call before makes"
	}
}

func (h rehearsal) table(w io.Writer) {
	row(w, "subject", h.Subject)
	row(w, "key", h.Key)
	for _, name := range sortedNames(h.Header) {
		row(w, "header", name+": "+strings.Join(h.Header[name], ", "))
	}
	row(w, "data", asIs(oneLine(h.body)))
	for _, r := range h.Rules {
		kind := "rule"
		if r.Asks {
			kind = "rule (asks the cloud)"
		}
		row(w, kind, r.ID+": "+r.Says)
	}
	for _, p := range h.Problems {
		row(w, "problem", p.String())
	}
	if h.Call != nil {
		callRows(w, *h.Call)
	}
	for _, call := range h.Then {
		callRows(w, call)
	}
	if h.Note != "" {
		row(w, "note", h.Note)
	}
}

func callRows(w io.Writer, c client.Call) {
	row(w, "call", c.Method+" "+c.URL)
	for _, name := range sortedNames(c.Header) {
		row(w, "call header", name+": "+c.Header[name])
	}
	row(w, "call body", asIs(oneLine(c.Body)))
}
