package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/ops"
)

// deadDone is what came of one letter.
type deadDone struct {
	Number  uint64 `json:"number"`
	Result  string `json:"result"`
	Key     string `json:"key,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	Subject string `json:"subject,omitempty"`
	Why     string `json:"why,omitempty"` // it was left alone
}

// deadAct is a command that does something with many letters, one after the other.
type deadAct struct {
	verb, done    string // replay, replayed
	choice        *deadChoice
	only          client.DeadStatus // of those that are not numbered
	all, yes, dry bool
	rate          rate
	act           client.Act
	one           func(context.Context, *client.Client, uint64, client.Act) (deadDone, error)
	output        *format
	numbered      bool
	total         int
}

// flags adds those that both commands have.
func (o *deadAct) flags(cmd *cobra.Command) {
	o.output = outputFlag(cmd)
	o.choice = deadChoiceFlags(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.all, "all", false, o.verb+" all that are there, without a filter")
	f.BoolVar(&o.yes, "yes", false, "really "+o.verb+" what the filters choose")
	f.BoolVar(&o.dry, "dry-run", false, "say what would come of each letter; nothing is done")
	f.StringVar(&o.act.Why, "why", "", "stands in the log beside who did it and when")
	cmd.MarkFlagsMutuallyExclusive("yes", "dry-run")
	cmd.RunE = work(o.run)
}

func (o *deadAct) run(cmd *cobra.Command, args []string) error {
	numbers, err := deadNumbers(cmd, args)
	if err != nil {
		return err
	}
	filter, err := o.choice.read(cmd)
	if err != nil {
		return err
	}
	o.numbered = len(numbers) > 0
	if chosen := o.choice.chosen() || o.all; chosen == o.numbered || o.all && o.choice.chosen() {
		return usage(cmd, "say which: either numbers, or filters such as --reason, or --all; `imsworker dead ls` shows what they choose")
	}
	o.act.By, o.act.Dry, o.act.Asked = who(), o.dry, map[string]uint64{}
	return connected(cmd.Context(), func(c *client.Client) error {
		if !o.numbered {
			if numbers, err = o.choose(cmd, c, filter); err != nil || len(numbers) == 0 {
				return err
			}
		}
		return o.each(cmd, c, numbers)
	})
}

// choose looks the letters up. Many are not touched before somebody has seen how many they are.
func (o *deadAct) choose(cmd *cobra.Command, c *client.Client, filter client.DeadFilter) ([]uint64, error) {
	if filter.Status == "" {
		filter.Status = o.only
	}
	var list []client.DeadLetter
	err := c.DeadLetters(cmd.Context(), filter, func(d client.DeadLetter) {
		d.Header, d.Body, d.Detail, d.Log = nil, "", "", nil
		list = append(list, d)
	})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, o.output.print(cmd.OutOrStdout(), []deadDone{}, func(w io.Writer) { fmt.Fprintln(w, "no dead letters to "+o.verb) })
	}
	if !o.yes && !o.dry {
		return nil, fmt.Errorf("nothing is done: this would %s %s; --yes does it, --dry-run says what would come of each", o.verb, deadCount(list))
	}
	numbers := make([]uint64, len(list))
	for i, d := range list {
		numbers[i] = d.Number
	}
	return numbers, nil
}

// each goes on until all are done, something is in the way, or it is stopped between two letters; then the same command goes on
// with the rest, since the log knows what was done.
func (o *deadAct) each(cmd *cobra.Command, c *client.Client, numbers []uint64) error {
	list := []deadDone{}
	o.total = len(numbers)
	for _, number := range numbers {
		if err := o.rate.wait(cmd.Context()); err != nil {
			return o.end(cmd, list, err)
		}
		done, err := o.one(cmd.Context(), c, number, o.act)
		skipped, leftAlone := errors.AsType[client.Skipped](err)
		switch {
		case leftAlone:
			done.Result, done.Why = "left alone", string(skipped)
		case err != nil:
			return o.end(cmd, list, err)
		case o.dry:
			done.Result = "would be " + o.done
		default:
			done.Result = o.done
		}
		list = append(list, done)
		o.tell(cmd.ErrOrStderr(), len(list))
	}
	return o.end(cmd, list, nil)
}

// tell counts on a terminal.
func (o *deadAct) tell(w io.Writer, n int) {
	if o.total > 1 && ops.IsTerminal(w) {
		fmt.Fprintf(w, "\r\x1b[K%d of %d", n, o.total)
		if n == o.total {
			fmt.Fprint(w, "\r\x1b[K")
		}
	}
}

// end prints what was done, and says what is left.
func (o *deadAct) end(cmd *cobra.Command, list []deadDone, failed error) error {
	if len(list) > 0 {
		if err := o.output.print(cmd.OutOrStdout(), list, func(w io.Writer) { deadDoneTable(w, list) }); err != nil {
			return errors.Join(failed, err)
		}
	}
	left := 0
	for _, d := range list {
		if d.Why != "" {
			left++
		}
	}
	switch {
	case errors.Is(failed, context.Canceled):
		return fmt.Errorf("stopped after %d of %d; the same command goes on with the rest", len(list), o.total)
	case failed != nil && len(list) > 0:
		return fmt.Errorf("%w (after %d of %d; the same command goes on with the rest)", failed, len(list), o.total)
	case failed == nil && o.numbered && left > 0:
		return errQuiet
	}
	return failed
}

func deadDoneTable(w io.Writer, list []deadDone) {
	head(w, "NUMBER", "RESULT", "KEY", spare("ATTEMPT"), folded("DETAIL"))
	for _, d := range list {
		attempt, tone, detail := any(""), good, d.Subject
		if d.Attempt > 0 {
			attempt = d.Attempt
		}
		if d.Why != "" {
			tone, detail = doubtful, d.Why
		}
		row(w, d.Number, toned{d.Result, tone}, d.Key, attempt, detail)
	}
}
