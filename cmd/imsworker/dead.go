package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
)

func newDead() *cobra.Command {
	return group("dead", "Look at messages that could not become a request, publish them again, remove them",
		"  imsworker dead ls\n  imsworker dead get 12\n  imsworker dead replay 12", newDeadLs(), newDeadGet(), newDeadReplay(), newDeadDrop())
}

func newDeadLs() *cobra.Command {
	cmd := &cobra.Command{
		Use: "ls", Short: "Count and list dead letters, oldest first", Args: cobra.NoArgs,
		Long: `Says how many dead letters there are and for what reasons, then lists them. Letters stay when they are replayed; of those that were
dropped, --status dropped tells what they were and who did it.`,
		Example: `  imsworker dead ls --cloud demo --status open
  imsworker dead ls --reason unknown_cloud,unknown_operation --younger-than 1d
  imsworker dead ls --text image_tags -o json`,
	}
	output := outputFlag(cmd)
	choice := deadChoiceFlags(cmd)
	choice.statusFlag(cmd, client.DeadStatuses())
	cmd.RunE = work(func(cmd *cobra.Command, _ []string) error {
		filter, err := choice.read(cmd)
		if err != nil {
			return err
		}
		return connected(cmd.Context(), func(c *client.Client) error {
			list := []client.DeadLetter{}
			err := c.DeadLetters(cmd.Context(), filter, func(d client.DeadLetter) {
				if output.isTable() {
					d.Header, d.Body = nil, "" // not shown, and there may be many
				}
				list = append(list, d)
			})
			if err != nil {
				return err
			}
			return output.print(cmd.OutOrStdout(), list, func(w io.Writer) { deadTable(w, list) })
		})
	})
	return cmd
}

func deadTable(w io.Writer, list []client.DeadLetter) {
	fmt.Fprintln(w, deadCount(list))
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(w)
	head(w, "NUMBER", "STATUS", spare("TIME"), narrow("SUBJECT"), "REASON", narrow("DETAIL"))
	for _, d := range list {
		row(w, d.Number, toned{d.Status, deadTone(d.Status)}, moment(d.Time), d.Subject, d.Reason, d.Detail)
	}
}

func deadTone(s client.DeadStatus) tone {
	if s == client.DeadOpen {
		return bad
	}
	return faint
}

// deadCount is how many there are, by status and reason.
func deadCount(list []client.DeadLetter) string {
	if len(list) == 0 {
		return "no dead letters"
	}
	status, reason := map[string]int{}, map[string]int{}
	for _, d := range list {
		status[string(d.Status)]++
		reason[d.Reason]++
	}
	return fmt.Sprintf("%s (%s): %s", count(len(list), "dead letter"), counted(status), counted(reason))
}

// counted names what there is most of first.
func counted(of map[string]int) string {
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return cmp.Or(of[b]-of[a], strings.Compare(a, b)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", of[name], cmp.Or(visible(name), "without one"))
	}
	return strings.Join(names, ", ")
}

func newDeadGet() *cobra.Command {
	cmd := &cobra.Command{
		Use: "get NUMBER", Short: "Show one dead letter: what is wrong, who did what with it, its headers, its body", Args: cobra.ExactArgs(1),
		Long: `Shows a dead letter as it is kept. Of one that was dropped it shows what the log has: who dropped it, when and why, and what was wrong
with it; headers and body are gone.`,
		Example: "  imsworker dead get 12\n  imsworker dead get 12 -o json",
	}
	output := outputFlag(cmd)
	cmd.RunE = work(func(cmd *cobra.Command, args []string) error {
		numbers, err := deadNumbers(cmd, args)
		if err != nil {
			return err
		}
		return connected(cmd.Context(), func(c *client.Client) error {
			d, err := c.DeadLetter(cmd.Context(), numbers[0])
			if err != nil {
				return err
			}
			return output.print(cmd.OutOrStdout(), d, func(w io.Writer) { deadDetail(w, d) })
		})
	})
	return cmd
}

func deadDetail(w io.Writer, d client.DeadLetter) {
	row(w, "number", d.Number)
	row(w, "status", toned{d.Status, deadTone(d.Status)})
	row(w, "time", moment(d.Time))
	row(w, "subject", d.Subject)
	row(w, "reason", d.Reason)
	row(w, "detail", d.Detail)
	for i, e := range d.Log {
		if e.Did != client.DidBegin || i == len(d.Log)-1 { // what has gone on says it all
			row(w, "log", logLine(e))
		}
	}
	for _, name := range sortedNames(d.Header) {
		for _, value := range d.Header[name] {
			row(w, "header", strconv.Quote(name+": "+value))
		}
	}
	if d.Status != client.DeadDropped {
		fmt.Fprintf(w, "\n%s\n", visibleLines(d.Body))
	}
}

// logLine is who did what when, as what, and why.
func logLine(e client.DeadEntry) string {
	text := fmt.Sprintf("%s %s by %s", moment(e.Time), e.Did, e.By)
	if e.Key != "" {
		text += fmt.Sprintf(" as attempt %d of %s", e.Attempt, e.Key)
	}
	if e.Why != "" {
		text += ": " + e.Why
	}
	return text
}

func sortedNames[V any](header map[string]V) []string { return slices.Sorted(maps.Keys(header)) }

// deadNumbers reads the numbers of letters.
func deadNumbers(cmd *cobra.Command, args []string) ([]uint64, error) {
	numbers := make([]uint64, len(args))
	for i, arg := range args {
		number, err := strconv.ParseUint(arg, 10, 64)
		if err != nil || number == 0 {
			return nil, usage(cmd, "%q is no dead letter's number: `imsworker dead ls` lists them", arg)
		}
		numbers[i] = number
	}
	return numbers, nil
}
