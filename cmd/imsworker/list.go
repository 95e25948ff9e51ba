package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
)

// mostExpected is how many requests of a list the workers are asked about: each hundred costs them some milliseconds.
const mostExpected = 2000

func newRequestsLs() *cobra.Command {
	cmd := &cobra.Command{
		Use: "ls", Short: "List requests: all that live, and those that ended in the last hour", Args: cobra.NoArgs,
		Long: `Lists requests that live, and those that ended in the last hour; with --history also those that ended earlier. Several values of one
filter are parted by commas, and each will do; of several filters all must fit.

REASON is why a request ended or was put off, and why one that lives waits. STARTS, ENDS and DONE are what the workers expect, of the first ` +
			fmt.Sprint(mostExpected) + ` requests that live.`,
		Example: `  imsworker requests ls --state open --cloud demo
  imsworker requests ls --history --state not-succeeded --younger-than 1d --sort finished --reverse --limit 20
  imsworker requests ls --reason budget,paused --older-than 2h
  imsworker requests ls --batch byleiaei4ec2gvxadboooffytm -o json`,
	}
	output := outputFlag(cmd)
	choice := filterFlags(cmd)
	shape := shapeFlags(cmd)
	cmd.RunE = work(func(cmd *cobra.Command, _ []string) error {
		filter, err := choice.filter(cmd, time.Now())
		if err != nil {
			return err
		}
		if err := shape.check(cmd); err != nil {
			return err
		}
		return connected(cmd.Context(), func(c *client.Client) error {
			list, err := c.Requests(cmd.Context(), filter)
			if err != nil {
				return err
			}
			found, shown := len(list), shape.apply(list)
			if paused, err := c.Pauses(cmd.Context()); err == nil { // who may not read them sees the rest
				client.MarkPaused(shown, paused)
			}
			_ = c.Expect(cmd.Context(), firstOpen(shown, mostExpected)) // what the workers do not tell is not shown
			noteShown(cmd.ErrOrStderr(), choice, len(shown), found)
			return printList(output, cmd.OutOrStdout(), shown, func(w io.Writer) { requestTable(w, shown) })
		})
	})
	return cmd
}

// firstOpen is the part of a list from its beginning that has so many requests that live.
func firstOpen(list []client.Summary, most int) []client.Summary {
	for i := range list {
		if list[i].Ended() {
			continue
		}
		if most--; most < 0 {
			return list[:i]
		}
	}
	return list
}

// noteShown says what a list does not show.
func noteShown(w io.Writer, f *filterWords, shown, found int) {
	switch {
	case shown < found:
		fmt.Fprintf(w, "note: %d of %d requests are shown, --limit 0 shows all\n", shown, found)
	case found == 0 && f.history:
		fmt.Fprintln(w, "note: no request fits; events of older ones are gone")
	case found == 0:
		fmt.Fprintln(w, "note: no request fits; --history looks also at those that ended more than an hour ago")
	}
}

func requestTable(w io.Writer, list []client.Summary) {
	now := time.Now()
	head(w, "KEY", "CLOUD", narrow("OPERATION"), narrow("STATE"), narrow("REASON"), spare("AGE"), spare("STARTS"), spare("ENDS"), spare("DONE"),
		spare("ATTEMPT"), spare("ACCEPTED"), spare("ID"))
	for _, s := range list {
		row(w, s.Key, s.Cloud, s.Operation, toned{stateOf(s), stateTone(s.State)}, reasonOf(s), age(s, now), starts(s, now), ends(s, now), done(s),
			s.Attempt, moment(s.Accepted), s.ID)
	}
}

// age is how long ago a request was accepted, empty where nobody knows.
func age(s client.Summary, now time.Time) string {
	if s.Accepted.IsZero() {
		return ""
	}
	return briefly(now.Sub(s.Accepted))
}

// shape is the order of a list and its length.
type shape struct {
	sort    string
	reverse bool
	limit   int
}

// orders are the columns by which a list can be sorted.
var orders = []struct {
	name    string
	compare func(a, b *client.Summary) int
}{
	{"accepted", func(*client.Summary, *client.Summary) int { return 0 }}, // they come so
	{"finished", func(a, b *client.Summary) int { return endTime(a).Compare(endTime(b)) }},
	{"cloud", func(a, b *client.Summary) int { return strings.Compare(a.Cloud, b.Cloud) }},
	{"operation", func(a, b *client.Summary) int { return strings.Compare(a.Operation, b.Operation) }},
	{"state", func(a, b *client.Summary) int { return stateOrder(a) - stateOrder(b) }},
}

// endTime is far in the future for what has not ended.
func endTime(s *client.Summary) time.Time {
	if s.Finished.IsZero() {
		return time.Unix(1<<40, 0)
	}
	return s.Finished
}

func stateOrder(s *client.Summary) int { return slices.Index(client.States(), s.State) }

func orderNames() (names []string) {
	for _, o := range orders {
		names = append(names, o.name)
	}
	return names
}

func shapeFlags(cmd *cobra.Command) *shape {
	s := &shape{}
	cmd.Flags().StringVar(&s.sort, "sort", "accepted", "order: "+strings.Join(orderNames(), ", "))
	cmd.Flags().BoolVar(&s.reverse, "reverse", false, "the other way round: the newest first, for instance")
	cmd.Flags().IntVar(&s.limit, "limit", 0, "show the first so many; 0 is all")
	return s
}

func (s *shape) check(cmd *cobra.Command) error {
	if err := known(cmd, "--sort", []string{s.sort}, orderNames()); err != nil {
		return err
	}
	if s.limit < 0 {
		return usage(cmd, "--limit is %d: how many are to be shown, or 0 for all", s.limit)
	}
	return nil
}

// apply brings a list, which has the oldest first, into its shape. It changes the list.
func (s *shape) apply(list []client.Summary) []client.Summary {
	for _, o := range orders {
		if o.name == s.sort && s.sort != "accepted" {
			slices.SortStableFunc(list, func(a, b client.Summary) int { return cmp.Or(o.compare(&a, &b), a.Accepted.Compare(b.Accepted)) })
		}
	}
	if s.reverse {
		slices.Reverse(list)
	}
	if s.limit > 0 && s.limit < len(list) {
		list = list[:s.limit]
	}
	return list
}
