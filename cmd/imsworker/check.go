package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/cloud"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/otlp"
)

// pingTime is how long one cloud may take to answer.
const pingTime = 20 * time.Second

// finding is what was looked at, and what came of it.
type finding struct {
	What    string `json:"what"`
	Ok      bool   `json:"ok"`
	Warning bool   `json:"warning,omitempty"` // no mistake, but probably not what was meant
	Detail  string `json:"detail"`
	err     error
}

// found is a finding whose detail is the error where there is one.
func found(what, detail string, err error) finding {
	if err != nil {
		return finding{What: what, Detail: err.Error(), err: err}
	}
	return finding{What: what, Ok: true, Detail: detail}
}

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use: "check", Short: "Say everything that is wrong with the configuration", Args: cobra.NoArgs,
		Long: `Reads the environment and clouds.yaml as 'imsworker serve' does and says everything that is wrong, at once. With --online it also
connects to the broker, compares the streams, looks whether the missing ones could be made and whether live questions may be answered and
asked, and makes one cheap call to every cloud.
Nothing is changed anywhere.`,
		Example: "  imsworker check\n  imsworker check --online",
	}
	output := outputFlag(cmd)
	online := cmd.Flags().Bool("online", false, "also ask the broker and the clouds")
	cmd.RunE = work(func(cmd *cobra.Command, _ []string) error {
		findings := check(cmd.Context(), *online)
		if err := output.print(cmd.OutOrStdout(), findings, func(w io.Writer) { findingTable(w, findings) }); err != nil {
			return err
		}
		return failed(findings)
	})
	return cmd
}

func check(ctx context.Context, online bool) []finding {
	cfg, set, findings := offline()
	if !online || failed(findings) != nil {
		return findings
	}
	findings = append(findings, brokerFindings(ctx, cfg)...)
	owners := make(map[string]string)
	for _, name := range set.Names() {
		c, _ := set.Get(name)
		findings = append(findings, ping(ctx, c, owners))
	}
	return findings
}

// offline reads both sources, the second one also when the first has mistakes, so that all are told at once.
func offline() (config.Config, *cloud.Set, []finding) {
	cfg, err := config.LoadToServe()
	environment := found("environment", "all settings are valid", err)
	set, err := loadClouds(cfg)
	if err != nil {
		return cfg, nil, append([]finding{environment, found("clouds.yaml", "", err)}, tracesFindings(os.Getenv)...)
	}
	findings := []finding{environment, found("clouds.yaml", "serves "+strings.Join(set.Names(), ", "), nil)}
	for _, w := range set.Warnings() {
		findings = append(findings, finding{What: "clouds.yaml", Ok: true, Warning: true, Detail: w.String()})
	}
	findings = append(findings, tracesFindings(os.Getenv)...)
	return cfg, set, append(findings, rulesFindings(cfg, set)...)
}

// tracesFindings are about OpenTelemetry's variables; where they ask for nothing, there are none.
func tracesFindings(env func(string) string) []finding {
	wanted, err := otlp.Wanted(env)
	switch {
	case err != nil:
		return []finding{{What: "traces", Ok: true, Warning: true, Detail: "none are made: " + err.Error()}}
	case wanted:
		return []finding{found("traces", "are sent as OpenTelemetry's variables say", nil)}
	}
	return nil
}

// rulesFindings are about the rules for backups, and about what has no effect without them.
func rulesFindings(cfg config.Config, set *cloud.Set) (findings []finding) {
	if cfg.BackupRules != "" {
		rules, err := loadRules(cfg.BackupRules, set)
		if err != nil {
			return []finding{found("backup rules", "", err)}
		}
		return []finding{found("backup rules", fmt.Sprintf("%d rules", rules.Len()), nil)}
	}
	for _, name := range set.Names() {
		if c, _ := set.Get(name); c.Settings.BackupWatch.Every > 0 {
			findings = append(findings, finding{What: "backup rules", Ok: true, Warning: true, Detail: "backup_watch of cloud " + name + " has no effect: IMSWORKER_BACKUP_RULES names no rules"})
		}
	}
	return findings
}

func loadClouds(cfg config.Config) (*cloud.Set, error) {
	return cloud.Load(cloud.Options{File: cfg.CloudsFile, Names: cfg.Clouds, Operations: client.Operations()})
}

func brokerFindings(ctx context.Context, cfg config.Config) []finding {
	if cfg.IsInside() {
		return []finding{found("broker", "runs inside the worker, not asked", nil)}
	}
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		return []finding{found("broker", "", err)}
	}
	defer c.Close()
	return []finding{streamsFinding(ctx, c, cfg), questionsFinding(ctx, c, cfg)}
}

func streamsFinding(ctx context.Context, c *client.Client, cfg config.Config) finding {
	streams, err := c.Streams(ctx, cfg, client.Others{})
	switch {
	case err == nil && !streams.Plan.Applicable():
		return found("broker", "", fmt.Errorf("streams do not fit:\n%s", streams.Plan))
	case len(streams.Plan) > 0:
		return found("broker", fmt.Sprintf("connected; the start makes %d changes to the streams, see `imsworker streams`", len(streams.Plan)), err)
	default:
		return found("broker", "connected, all streams fit", err)
	}
}

// questionsFinding is about the rights on live questions. Without them all work is done, and little is seen of what waits.
func questionsFinding(ctx context.Context, c *client.Client, cfg config.Config) finding {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	const what = "live questions"
	answers, asks := c.MayAnswer(ctx, cfg), c.MayAsk(ctx, cfg)
	for _, err := range []error{answers, asks} {
		if err != nil && !errors.Is(err, broker.ErrDenied) {
			return found(what, "", err)
		}
	}
	var missing []string
	if answers != nil {
		missing = append(missing, "as a worker, let this user subscribe to ims.query.>: without it nobody can ask it for limits and expected times")
	}
	if asks != nil {
		missing = append(missing, "for `imsworker limits` and what `requests` expects, let this user publish to ims.query.>, unless others use these commands")
	}
	if len(missing) > 0 {
		return finding{What: what, Ok: true, Warning: true, Detail: "not permitted: " + strings.Join(missing, "\n")}
	}
	return found(what, "may be answered and asked", nil)
}

// ping asks a cloud one cheap question, and which project it answers for: two entries of one project, of which one names it and
// the other gives its id, look like two until then. Owners are the entries by the projects found so far.
func ping(ctx context.Context, c cloud.Cloud, owners map[string]string) finding {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	var project string
	api, err := ims.New(c.Client)
	if err == nil {
		defer api.Close()
		err = api.Ping(ctx)
	}
	if err == nil {
		project, err = api.ProjectID(ctx)
	}
	if other := owners[project]; err == nil && other != "" {
		err = fmt.Errorf("is the same account as cloud %s, project %s: each would spend the account's limits by itself, so remove one of the entries", other, project)
	}
	owners[project] = c.Name
	return found("cloud "+c.Name, fmt.Sprintf("answers, profile %s, region %s", c.Profile, c.Region), withRemedy(err))
}

func findingTable(w io.Writer, findings []finding) {
	for _, f := range findings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.word(), visible(f.What), strings.ReplaceAll(visibleLines(strings.TrimSpace(f.Detail)), "\n", "\n\t\t"))
	}
}

func (f finding) word() string {
	switch {
	case !f.Ok:
		return "BAD"
	case f.Warning:
		return "WARN"
	default:
		return "ok"
	}
}

// failed joins what is wrong into an error that is printed no second time.
func failed(findings []finding) error {
	var all []error
	for _, f := range findings {
		if f.err != nil {
			all = append(all, f.err)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", errQuiet, errors.Join(all...))
}
