package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

// filterWords are the flags that choose requests, as they were typed.
type filterWords struct {
	clouds, operations, states, reasons, sources []string
	batch, older, younger                        string
	history                                      bool
}

func filterFlags(cmd *cobra.Command) *filterWords {
	f := &filterWords{}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.clouds, "cloud", nil, "only those of these clouds")
	flags.StringSliceVar(&f.operations, "operation", nil, "only those of these operations")
	flags.StringSliceVar(&f.states, "state", nil, "only those in these states: "+strings.Join(stateWords(), ", "))
	flags.StringSliceVar(&f.reasons, "reason", nil, "only those that ended, were put off or wait for these reasons: "+strings.Join(reasonWords(), ", "))
	flags.StringSliceVar(&f.sources, "source", nil, "only those from these sources; * stands for any characters")
	flags.StringVar(&f.batch, "batch", "", "only the legs of the bulk with this key")
	flags.StringVar(&f.older, "older-than", "", "only those accepted longer ago than this: 90m, 2h, 3d")
	flags.StringVar(&f.younger, "younger-than", "", "only those accepted since then: 90m, 2h, 3d")
	flags.BoolVar(&f.history, "history", false, "also those that ended more than an hour ago, as long as events are kept")
	return f
}

func stateWords() []string { return append(client.States(), client.StateGroups()...) }

func reasonWords() (words []string) {
	for _, r := range messages.Reasons() {
		words = append(words, string(r))
	}
	for _, r := range messages.WaitReasons() {
		words = append(words, string(r))
	}
	return words
}

// empty reports whether nothing was asked for.
func (f *filterWords) empty() bool {
	return len(f.clouds)+len(f.operations)+len(f.states)+len(f.reasons)+len(f.sources) == 0 && f.batch == "" && f.older == "" && f.younger == "" && !f.history
}

// filter is what the words mean now. All that is wrong is told at once.
func (f *filterWords) filter(cmd *cobra.Command, now time.Time) (client.Filter, error) {
	filter := client.Filter{Clouds: f.clouds, Operations: f.operations, States: f.states, Reasons: f.reasons, Sources: f.sources, Batch: f.batch, History: f.history}
	var wrong []string
	note := func(err error) {
		if err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	note(known(cmd, "--operation", f.operations, client.Operations()))
	note(known(cmd, "--state", f.states, stateWords()))
	note(known(cmd, "--reason", f.reasons, reasonWords()))
	if f.batch != "" && !messages.ValidKey(f.batch) {
		note(fmt.Errorf("--batch is %q: the key of a bulk is wanted, 26 lower-case letters and digits; `imsworker requests ls --operation %s` lists them", f.batch, messages.OperationBulkCopy))
	}
	var err error
	filter.Until, err = before(now, "--older-than", f.older)
	note(err)
	filter.Since, err = before(now, "--younger-than", f.younger)
	note(err)
	if !filter.Until.IsZero() && filter.Since.After(filter.Until) {
		note(fmt.Errorf("--older-than %s and --younger-than %s leave no time between them", f.older, f.younger))
	}
	if len(wrong) > 0 {
		return filter, usage(cmd, "%s", strings.Join(wrong, "\n"))
	}
	return filter, nil
}

// known refuses values that are not allowed, with the nearest that is.
func known(cmd *cobra.Command, flag string, values, allowed []string) error {
	for _, v := range values {
		if !slices.Contains(allowed, v) {
			return usage(cmd, "%s is %q:%s %s are there", flag, v, didYouMean(client.Nearest(v, allowed)), strings.Join(allowed, ", "))
		}
	}
	return nil
}

// before is the moment so long before now, the zero time for no age.
func before(now time.Time, flag, age string) (time.Time, error) {
	if age == "" {
		return time.Time{}, nil
	}
	d, err := ageOf(age)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s is %q: a time such as 90m, 2h or 3d is wanted", flag, age)
	}
	return now.Add(-d), nil
}

// ageOf reads a duration that may be given in days.
func ageOf(text string) (d time.Duration, err error) {
	if days, is := strings.CutSuffix(text, "d"); is {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || !(n >= 0 && n < 36500) {
			return 0, fmt.Errorf("%q are no days", days)
		}
		return time.Duration(n * 24 * float64(time.Hour)), nil
	}
	if d, err = time.ParseDuration(text); err == nil && d < 0 {
		return 0, fmt.Errorf("%s is before", text)
	}
	return d, err
}
