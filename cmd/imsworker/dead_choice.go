package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
)

// deadChoice are the flags that choose dead letters.
type deadChoice struct {
	filter         client.DeadFilter
	status         string
	statuses       []string
	older, younger string
}

func deadChoiceFlags(cmd *cobra.Command) *deadChoice {
	o := &deadChoice{}
	f := cmd.Flags()
	f.StringSliceVar(&o.filter.Clouds, "cloud", nil, "only those of these clouds; _ where the subject had none")
	f.StringSliceVar(&o.filter.Operations, "operation", nil, "only those of these operations; of control messages and notices the verb, such as retry")
	f.StringVar(&o.filter.Subject, "subject", "", "only those that were published to a subject like this; * stands for any characters")
	f.StringSliceVar(&o.filter.Reasons, "reason", nil, "only those for these reasons: "+strings.Join(client.DeadReasons(), ", "))
	f.StringVar(&o.filter.Text, "text", "", "only those in whose detail this stands")
	f.StringVar(&o.older, "older-than", "", "only those that died longer ago than this: 90m, 2h, 3d")
	f.StringVar(&o.younger, "younger-than", "", "only those that died since then: 90m, 2h, 3d")
	return o
}

func (o *deadChoice) statusFlag(cmd *cobra.Command, statuses []string) {
	o.statuses = statuses
	cmd.Flags().StringVar(&o.status, "status", "", "only those that stand so: "+strings.Join(statuses, ", "))
}

// chosen reports whether any of the flags was given.
func (o *deadChoice) chosen() bool {
	f := o.filter
	return len(f.Clouds)+len(f.Operations)+len(f.Reasons) > 0 || f.Subject+f.Text+o.status+o.older+o.younger != ""
}

// read checks the flags, all at once, and returns what they choose.
func (o *deadChoice) read(cmd *cobra.Command) (f client.DeadFilter, err error) {
	f = o.filter
	now := time.Now()
	var older, younger error
	f.Before, older = before(now, "--older-than", o.older)
	f.After, younger = before(now, "--younger-than", o.younger)
	wrong := []error{
		known(cmd, "--reason", f.Reasons, client.DeadReasons()), older, younger, soundClouds(f.Clouds),
	}
	if o.status != "" {
		wrong = append(wrong, known(cmd, "--status", []string{o.status}, o.statuses))
		f.Status = client.DeadStatus(o.status)
	}
	if !f.Before.IsZero() && f.After.After(f.Before) {
		wrong = append(wrong, fmt.Errorf("--older-than %s and --younger-than %s leave no time between them", o.older, o.younger))
	}
	if err := errors.Join(wrong...); err != nil {
		return f, usage(cmd, "%w", err)
	}
	return f, nil
}

func soundClouds(names []string) error {
	for _, name := range names {
		if strings.ContainsAny(name, ".*> ") {
			return fmt.Errorf("--cloud is %q: the name of a cloud is wanted, or _ where the subject had none", name)
		}
	}
	return nil
}
