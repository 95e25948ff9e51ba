package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/cloud"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/ops"
	"github.com/imsworker/imsworker/messages"
)

// submitSource is the source of requests that name no other.
const submitSource = "/imsworker/submit"

// maxInput is where reading a request's data ends: far above what any worker takes.
const maxInput = 4 << 20

type submitOptions struct {
	cloud, file, id, source, profile string
	correlation                      string
	wait, dryRun, unchecked          bool
	timeout                          time.Duration
}

func newSubmit() *cobra.Command {
	cmd := &cobra.Command{
		Use: "submit OPERATION --cloud CLOUD", Short: "Publish a request, and wait for its end if asked to", Args: cobra.ExactArgs(1),
		Long: `Publishes a request whose data is read from a file or standard input. The same --source and --id are the same request: sending
it again changes nothing. What a worker would reject is not published (exit code 1). With --wait the exit code is 1 unless the
request succeeds.

Data is judged by the entry that the cloud has in clouds.yaml, its profile and what it allows; where that cannot be read, only what no
profile takes is refused.`,
		Example: `  imsworker submit copy-image --cloud demo -f copy.json --wait
  echo '{"image_id": "...", "name": "copy"}' | imsworker submit copy-image --cloud demo --id copy-1
  imsworker submit copy-image --cloud demo -f copy.json --dry-run`,
	}
	output := outputFlag(cmd)
	o := submitFlags(cmd)
	cmd.RunE = work(func(cmd *cobra.Command, args []string) error {
		request, err := o.request(cmd, args[0])
		if err != nil {
			return err
		}
		if o.dryRun {
			return o.rehearse(cmd, output, request)
		}
		if problems := o.judge(request); len(problems) > 0 && !o.unchecked {
			return refused(problems)
		}
		noteUnknown(cmd.ErrOrStderr(), request.Cloud)
		return o.submit(cmd, output, request)
	})
	return cmd
}

func submitFlags(cmd *cobra.Command) *submitOptions {
	o := &submitOptions{}
	f := cmd.Flags()
	f.StringVar(&o.cloud, "cloud", "", "the cloud that does the work (required)")
	f.StringVarP(&o.file, "file", "f", "-", "file with the request's data as JSON, - for standard input")
	f.StringVar(&o.id, "id", "", "the request's id; one is made up if it is empty")
	f.StringVar(&o.source, "source", submitSource, "the request's source")
	f.StringVar(&o.correlation, "correlation-id", "", "goes into every event of the request")
	f.StringVar(&o.profile, "profile", "", "judge by this profile, otc or huaweicloud, instead of the one in clouds.yaml")
	f.BoolVar(&o.wait, "wait", false, "wait until the request has ended")
	f.BoolVar(&o.dryRun, "dry-run", false, "judge the request, show the message and the cloud's call, publish nothing")
	f.BoolVar(&o.unchecked, "no-check", false, "publish also what a worker would reject")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "no-check")
	f.DurationVar(&o.timeout, "timeout", 0, "give up after this time (exit code 3); the request goes on")
	return o
}

// request reads the data and checks what a person can get wrong on the command line; the worker judges the rest.
func (o *submitOptions) request(cmd *cobra.Command, operation string) (messages.Request, error) {
	if !slices.Contains(client.Operations(), operation) {
		return messages.Request{}, usage(cmd, "there is no operation %q:%s %s are there",
			operation, didYouMean(client.NearestOperation(operation)), strings.Join(client.Operations(), ", "))
	}
	if o.profile != "" && !slices.Contains(client.Profiles(), o.profile) {
		return messages.Request{}, usage(cmd, "--profile is %q: %s are there", o.profile, strings.Join(client.Profiles(), " and "))
	}
	if o.cloud == "" {
		return messages.Request{}, usage(cmd, "--cloud is missing: the name of a cloud as it stands in clouds.yaml is wanted")
	}
	if strings.ContainsAny(o.cloud, ".*> ") {
		return messages.Request{}, usage(cmd, "--cloud is %q: the name of a cloud as it stands in clouds.yaml is wanted", o.cloud)
	}
	if o.id == "" {
		o.id = strings.ToLower(rand.Text())
	}
	data, err := readInput(cmd, o.file)
	if err != nil {
		return messages.Request{}, err
	}
	return messages.Request{
		Identity: messages.Identity{Source: o.source, ID: o.id}, Cloud: o.cloud, Operation: operation,
		Time: time.Now().UTC(), CorrelationID: o.correlation, Data: data,
	}, nil
}

// judge says what a worker would find wrong, by the profile that is asked for, else by that of the cloud, else by all.
func (o *submitOptions) judge(r messages.Request) messages.Problems {
	c, known := entryOf(r.Cloud)
	var problems messages.Problems
	if known && !c.Settings.Allows(r.Operation) {
		problems.Add("", "cloud %q does not allow the operation %s; add it to `allow` of its entry in clouds.yaml, or ask another cloud", r.Cloud, r.Operation)
	}
	switch {
	case o.profile != "":
		return append(problems, client.Judge(r, o.profile)...)
	case known:
		return append(problems, client.Judge(r, string(c.Profile))...)
	}
	return client.Judge(r, client.Profiles()...)
}

// entryOf looks a cloud up in clouds.yaml, which only workers must have.
func entryOf(name string) (cloud.Cloud, bool) {
	set, err := entries()
	if err != nil {
		return cloud.Cloud{}, false
	}
	return set.Get(name)
}

// entries are all clouds of clouds.yaml.
func entries() (*cloud.Set, error) {
	cfg, err := config.Load()
	if err != nil {
		return nil, err
	}
	cfg.Clouds = nil
	return loadClouds(cfg)
}

// noteUnknown says that a request goes to a cloud that clouds.yaml does not have. A worker elsewhere may know it.
func noteUnknown(w io.Writer, name string) {
	set, err := entries()
	if err != nil {
		return
	}
	if _, known := set.Get(name); !known {
		fmt.Fprintf(w, "note: clouds.yaml here has no cloud %q, only %s; a worker that knows it has to take the request\n", name, strings.Join(set.Names(), ", "))
	}
}

// refused says, one a line, why a request is not published.
func refused(problems messages.Problems) error {
	var lines strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&lines, "\n  %s", p.String())
	}
	return fmt.Errorf("nothing is published, a worker would reject it (--no-check publishes it all the same):%s", lines.String())
}

func didYouMean(near string) string {
	if near == "" {
		return ""
	}
	return " did you mean " + near + "?"
}

// readInput reads the JSON of a file, or of standard input where it is named -.
func readInput(cmd *cobra.Command, path string) ([]byte, error) {
	in, name := cmd.InOrStdin(), nameOfInput(path)
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, usage(cmd, "%v", err)
		}
		defer func() { _ = file.Close() }()
		in = file
	} else if !cmd.Flags().Changed("file") && isTerminal(in) {
		return nil, usage(cmd, "no data: name a file with -f, or - to type it")
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInput))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if problems := messages.CheckJSON(data); len(problems) > 0 {
		return nil, usage(cmd, "%s: %w", name, problems)
	}
	return data, nil
}

// nameOfInput is what messages call a file that readInput reads.
func nameOfInput(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && ops.IsTerminal(f)
}

// submit publishes, and waits where that is asked for.
func (o *submitOptions) submit(cmd *cobra.Command, output *format, r messages.Request) error {
	ctx := cmd.Context()
	if o.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.timeout)
		defer cancel()
	}
	return connected(ctx, func(c *client.Client) error {
		s, err := c.Submit(ctx, r)
		if err != nil {
			return err
		}
		if !o.wait {
			return output.print(cmd.OutOrStdout(), s, func(w io.Writer) {
				head(w, "KEY", "SUBJECT", "ID")
				row(w, s.Key, s.Subject, s.ID)
			})
		}
		return o.follow(ctx, cmd, output, c, s)
	})
}

func (o *submitOptions) follow(ctx context.Context, cmd *cobra.Command, output *format, c *client.Client, s client.Submission) error {
	line := newProgress(cmd.ErrOrStderr(), s.Operation)
	defer line.expectFirst(cmd.ErrOrStderr(), firstWord, s.Cloud)()
	final, err := c.Wait(ctx, s, func(_ messages.EventMeta, e messages.Event) { line.show(e) })
	line.clear()
	if errors.Is(err, context.DeadlineExceeded) {
		return timedOut(fmt.Sprintf("%s after %s%s; the request goes on, `imsworker requests get %s` shows it", line.last, o.timeout, line.doubt(s.Cloud), s.Key))
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("stopped waiting; the request goes on, `imsworker requests get %s` shows it", s.Key)
	}
	if err != nil {
		return err
	}
	if err := output.print(cmd.OutOrStdout(), final, func(w io.Writer) { finalTable(w, s, final) }); err != nil {
		return err
	}
	if final.NotSucceeded() {
		return errQuiet
	}
	return nil
}

func finalTable(w io.Writer, s client.Submission, e messages.Event) {
	head(w, "KEY", "STATE", folded("DETAIL"))
	row(w, s.Key, toned{e.State, stateTone(string(e.State))}, eventDetail(e))
	for _, warning := range warningsOf(e) {
		row(w, "", "warning", warning)
	}
	endedLegRows(w, s.Key, e)
	if e.Error == nil {
		return
	}
	for _, p := range e.Error.Problems {
		row(w, "", "problem", p.String())
	}
	if e.Error.Remedy != "" {
		row(w, "", "remedy", e.Error.Remedy)
	}
}
