package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/ims"
)

// explanation is what is known of a code of the cloud.
type explanation struct {
	Code    string `json:"code"`
	Meaning string `json:"meaning"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"` // of the event, where the request ends by it
	Worker  string `json:"worker"` // what the worker does when a submission is answered with it
	Job     string `json:"job"`    // what it does when a job fails with it
	Remedy  string `json:"remedy"`
}

// afterJob is what the worker does with a code that a job has failed with.
const afterJob = "ends the request as failed, reason job_failed; nothing is repeated by itself"

func newExplain() *cobra.Command {
	cmd := &cobra.Command{
		Use: "explain CODE", Short: "Say what an error code of the cloud means and what to do about it", Args: cobra.ExactArgs(1),
		Long: `Says of an error code that the cloud's vendors document what it means, what the worker does when a submission is answered with
it or a job fails with it, and what a person can do. It asks nobody. A code that is not documented ends with exit code 1: the worker
goes by the HTTP status then.`,
		Example: "  imsworker explain IMG.0136\n  imsworker explain APIGW.0308 -o json",
	}
	output := outputFlag(cmd)
	cmd.RunE = work(func(cmd *cobra.Command, args []string) error {
		m, known := ims.Explain(args[0])
		if !known {
			return fmt.Errorf("%q is no documented code of the image, disk, backup, identity service or their gateway; the worker goes by the HTTP status of such an answer, "+
				"and shows the cloud's words in `imsworker requests get`", args[0])
		}
		e := explanation{
			Code: m.Code, Meaning: m.Text, Verdict: m.Verdict.String(), Reason: m.Reason,
			Worker: m.Verdict.Does(), Job: afterJob, Remedy: m.Remedy,
		}
		return output.print(cmd.OutOrStdout(), e, func(w io.Writer) { e.table(w) })
	})
	return cmd
}

func (e explanation) table(w io.Writer) {
	for _, line := range [][2]string{
		{"code", e.Code}, {"meaning", e.Meaning}, {"verdict", e.Verdict}, {"reason", e.Reason},
		{"the worker", e.Worker}, {"of a job", e.Job}, {"what to do", e.Remedy},
	} {
		row(w, line[0], line[1])
	}
}
