package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

func newRequests() *cobra.Command {
	return group("requests", "Look at requests, and go on with them", "  imsworker requests ls\n  imsworker requests get KEY\n  imsworker requests watch KEY\n  imsworker requests retry KEY",
		newRequestsLs(), newRequestsGet(), newRequestsWatch(), newRequestsCancel(), newRequestsRetry(), newRequestsResolve())
}

func stateOf(s client.Summary) string {
	state := s.State
	if s.Legs != nil {
		state += fmt.Sprintf(" (%d of %d legs)", s.Legs.Succeeded, s.Legs.Legs)
	}
	if s.Paused {
		state += ", paused"
	}
	return state
}

func newRequestsGet() *cobra.Command {
	cmd := &cobra.Command{
		Use: "get KEY", Short: "Show all that is known of one request: its record and its events", Args: cobra.MaximumNArgs(1),
		Example: `  imsworker requests get byleiaei4ec2gvxadboooffytm
  imsworker requests get --cloud demo --id nightly-web-01`,
	}
	output := outputFlag(cmd)
	name := namedFlags(cmd)
	cmd.RunE = work(func(cmd *cobra.Command, args []string) error {
		keys, err := name.keys(cmd, args)
		if err != nil {
			return err
		}
		return connected(cmd.Context(), func(c *client.Client) error {
			detail, err := c.Find(cmd.Context(), keys...)
			if err != nil {
				return err
			}
			if paused, err := c.Pauses(cmd.Context()); err == nil {
				detail.MarkPaused(paused)
			}
			_ = c.ExpectOne(cmd.Context(), &detail) // what the workers do not tell is not shown
			if err := c.FillLegs(cmd.Context(), &detail); err != nil {
				return err
			}
			if detail.Family, err = c.Family(cmd.Context(), detail); err != nil {
				return err
			}
			return output.print(cmd.OutOrStdout(), detail, func(w io.Writer) { detailTable(w, detail) })
		})
	})
	return cmd
}

func detailTable(w io.Writer, d client.Detail) {
	s, now := d.Summary, time.Now()
	row(w, "key", s.Key)
	row(w, "cloud", s.Cloud)
	row(w, "operation", s.Operation)
	row(w, "identity", s.Source+" "+s.ID)
	row(w, "state", fmt.Sprintf("%s (attempt %d)", stateOf(s), s.Attempt))
	row(w, "job", s.JobID)
	ageRow(w, s, now)
	waitRows(w, d, now)
	failureRows(w, d)
	if n := len(d.Events); n > 0 {
		warningRows(w, d.Events[n-1].Data)
	}
	legRows(w, d, now)
	familyTree(w, d.Family)
	fmt.Fprintln(w)
	historyTable(w, d, now)
}

// failureRows shows why it failed, or why it was put off.
func failureRows(w io.Writer, d client.Detail) {
	failure := failureOf(d)
	if failure == nil {
		return
	}
	row(w, "reason", reasonAndCode(failure))
	row(w, "message", failure.Message)
	if failure.HTTPStatus != 0 {
		row(w, "http status", failure.HTTPStatus)
	}
	if failure.CloudRequestID != "" {
		row(w, "request id", failure.CloudRequestID)
	}
	row(w, "remedy", failure.Remedy)
	for _, p := range failure.Problems {
		row(w, "problem", p.String())
	}
}

func reasonAndCode(f *messages.Failure) string {
	return strings.TrimSpace(string(f.Reason) + " " + f.Code)
}

// failureOf is what the cloud said last while a request lives, and else why its last attempt ended.
func failureOf(d client.Detail) *messages.Failure {
	if d.Record != nil && !d.Record.Done() {
		return d.Record.Failure
	}
	if len(d.Events) > 0 && d.Events[len(d.Events)-1].Data.Error != nil {
		return d.Events[len(d.Events)-1].Data.Error
	}
	if d.Record != nil {
		return d.Record.Failure
	}
	return nil
}
