package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

func newLimits() *cobra.Command {
	cmd := &cobra.Command{
		Use: "limits [CLOUD]", Short: "Show how far the limits of the clouds' accounts are used, and what waits for them", Args: cobra.MaximumNArgs(1),
		Long: `Asks the workers how the accounts stand to their limits: what is used and left, what waits, when the next call can go. Of all clouds, only
limits in use are shown; with CLOUD all of that one.

LIMIT is calls in a time. USED are those of that time before now: a call counts until that time after its answer. The cloud does not count
those that it has refused for coming too fast; NOTE tells how many they are. Questions (kind queries) are spread over the time. IN LINE are
the requests that wait to be submitted now, but for what is paused or is to go later; "imsworker requests ls" shows all, and when each is expected to go.`,
		Example: "  imsworker limits\n  imsworker limits eu-de-prod -o json",
	}
	output := outputFlag(cmd)
	cmd.RunE = work(func(cmd *cobra.Command, args []string) error {
		one := strings.Join(args, "")
		return connected(cmd.Context(), func(c *client.Client) error {
			limits, err := c.Limits(cmd.Context(), one)
			if err != nil {
				return err
			}
			err = output.print(cmd.OutOrStdout(), limits, func(w io.Writer) { limitsTable(w, limits, one != "", time.Now()) })
			if err == nil && len(limits.Silent) > 0 {
				err = fmt.Errorf("nobody answers for %s, so that clouds may be missing: workers are about to take them over, or too few run", shardsOf(limits.Silent))
			}
			return err
		})
	})
	return cmd
}

func shardsOf(numbers []int) string {
	names := make([]string, len(numbers))
	for i, n := range numbers {
		names[i] = fmt.Sprintf("%02d", n)
	}
	if len(names) == 1 {
		return "shard " + names[0]
	}
	return "shards " + strings.Join(names, ", ")
}

func limitsTable(w io.Writer, limits client.Limits, all bool, now time.Time) {
	head(w, "CLOUD", "LIMIT OF", spare("KIND"), narrow("LIMIT"), "USED", "LEFT", spare("RUNNING"), "IN LINE", spare("NEXT"), spare("NOTE"))
	for _, c := range limits.Clouds {
		shown := c.Buckets
		if !all {
			shown = slices.DeleteFunc(slices.Clone(shown), idle)
		}
		slices.SortStableFunc(shown, func(a, b messages.BucketUse) int { return kindOrder(a.Kind) - kindOrder(b.Kind) })
		for _, b := range shown {
			row(w, c.Cloud, b.Bucket, b.Kind, limitOf(b), usedOf(b), orDash(b.Left), runningOf(b), b.Waiting, nextOf(c, b, now), noteOf(b, now))
		}
	}
	fmt.Fprintln(w)
	for _, c := range limits.Clouds {
		fmt.Fprintln(w, visible(standing(c, now)))
	}
}

// idle reports whether nobody needs to see a limit.
func idle(b messages.BucketUse) bool {
	return b.Used == 0 && b.Running == 0 && b.Waiting == 0 && b.ClosedUntil == nil && b.Configured == nil && b.Refused == 0
}

func kindOrder(kind string) int {
	return slices.Index([]string{messages.BucketSlots, messages.BucketCreates, messages.BucketQueries}, kind)
}

func limitOf(b messages.BucketUse) string {
	switch {
	case b.Limit == nil:
		return "none"
	case b.Kind == messages.BucketSlots:
		return fmt.Sprintf("%d at once", *b.Limit)
	}
	return fmt.Sprintf("%d in %s", *b.Limit, span(time.Duration(b.Seconds*float64(time.Second))))
}

// usedOf is empty where nobody counts.
func usedOf(b messages.BucketUse) string {
	if b.Kind == messages.BucketQueries && b.Used == 0 {
		return ""
	}
	return strconv.Itoa(b.Used)
}

// runningOf is empty where nobody counts.
func runningOf(b messages.BucketUse) string {
	if b.Kind == messages.BucketQueries {
		return ""
	}
	return strconv.Itoa(b.Running)
}

func orDash(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func nextOf(c messages.CloudLimits, b messages.BucketUse, now time.Time) string {
	switch {
	case b.Kind != messages.BucketQueries && slices.Contains(c.Paused, messages.PausedAll):
		return "paused"
	case b.ClosedUntil != nil:
		return fromNow(*b.ClosedUntil, now)
	case b.Next != nil:
		return fromNow(*b.Next, now)
	case b.Left != nil && *b.Left > 0:
		return "now"
	}
	return ""
}

func noteOf(b messages.BucketUse, now time.Time) string {
	var notes []string
	if b.ClosedUntil != nil {
		note := "closed, opens " + fromNow(*b.ClosedUntil, now)
		if b.ClosedBy != "" {
			note += ": " + b.ClosedBy
		}
		notes = append(notes, note)
	}
	if b.Refused > 0 {
		notes = append(notes, fmt.Sprintf("%d more were refused", b.Refused))
	}
	if b.Configured != nil {
		notes = append(notes, fmt.Sprintf("learned; configured are %d", *b.Configured))
	}
	return strings.Join(notes, "; ")
}

// standing is how an account stands, in a sentence.
func standing(c messages.CloudLimits, now time.Time) string {
	text := fmt.Sprintf("%s: %s in line, %d under way at the cloud", c.Cloud, count(c.Waiting, "request"), c.Following)
	if !c.Configured {
		text += "; it is not in clouds.yaml: its requests wait until it is"
	}
	if c.RefusedUntil != nil {
		text += "; it refuses the credentials, the next try is " + fromNow(*c.RefusedUntil, now)
	}
	return text + pausedText(c)
}

// pausedText is what somebody has paused, and how it goes on.
func pausedText(c messages.CloudLimits) string {
	const until = "; nothing new of %s is submitted: paused until \"imsworker resume %s\""
	if slices.Contains(c.Paused, messages.PausedAll) {
		return fmt.Sprintf(until, "it", c.Cloud)
	}
	var text strings.Builder
	for _, operation := range c.Paused {
		fmt.Fprintf(&text, until, operation, c.Cloud+" --operation "+operation)
	}
	return text.String()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// span is a duration without the parts that are zero.
func span(d time.Duration) string {
	text := d.Round(time.Millisecond).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
