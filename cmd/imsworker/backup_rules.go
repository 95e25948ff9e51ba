package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/backup"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/cloud"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

func newBackupRules() *cobra.Command {
	return group("backup-rules", "Try the rules that say which backups become images", "  imsworker backup-rules test -f backup.json", newRulesTest())
}

// ruled is what the rules want of a backup.
type ruled struct {
	Backup   string            `json:"backup"`
	Rule     int               `json:"rule"` // 0: none matches
	Line     int               `json:"line"`
	Image    bool              `json:"image"`
	Name     string            `json:"name,omitempty"`
	Subject  string            `json:"subject,omitempty"`
	Key      string            `json:"key,omitempty"`
	Data     json.RawMessage   `json:"data,omitempty"`
	Note     string            `json:"note,omitempty"`
	Problems messages.Problems `json:"problems"`
}

type rulesTest struct {
	file, rules, cloud, vault string
}

func newRulesTest() *cobra.Command {
	var o rulesTest
	cmd := &cobra.Command{
		Use: "test", Short: "Say which rule matches a backup, and the request that it leads to", Args: cobra.NoArgs,
		Long: `Reads a backup as CBR answers GET /v3/{project_id}/backups/{backup_id}, and says which rule of IMSWORKER_BACKUP_RULES (or --rules) matches,
the image's name and the whole request. It asks nobody: the name of the backup's vault, where rules want it, is given with --vault.
A request that a worker would reject ends with exit code 1, rules with mistakes with 2.`,
		Example: "  imsworker backup-rules test -f backup.json --cloud eu-de-prod\n  imsworker backup-rules test --rules rules.yaml -f - -o json < backup.json",
	}
	cmd.Flags().StringVarP(&o.file, "file", "f", "-", "file with the backup as CBR shows it; - is standard input")
	cmd.Flags().StringVar(&o.rules, "rules", "", "file of rules (default: IMSWORKER_BACKUP_RULES)")
	cmd.Flags().StringVar(&o.cloud, "cloud", "", "the cloud that has the backup (default: the only one of clouds.yaml)")
	cmd.Flags().StringVar(&o.vault, "vault", "", "name of the backup's vault")
	output := outputFlag(cmd)
	cmd.RunE = work(func(cmd *cobra.Command, _ []string) error {
		r, err := o.test(cmd)
		if err != nil {
			return err
		}
		if err := output.print(cmd.OutOrStdout(), r, r.table); err != nil || len(r.Problems) == 0 {
			return err
		}
		return errQuiet
	})
	return cmd
}

func (o rulesTest) test(cmd *cobra.Command) (ruled, error) {
	entry, set, err := o.entry(cmd)
	if err != nil {
		return ruled{}, err
	}
	rules, err := o.load(cmd, set)
	if err != nil {
		return ruled{}, err
	}
	text, err := readInput(cmd, o.file)
	if err != nil {
		return ruled{}, err
	}
	b, err := backup.ReadSaved(text)
	if err != nil {
		return ruled{}, usage(cmd, "%s: %w", nameOfInput(o.file), err)
	}
	facts := backup.FactsOf(entry.Name, b)
	facts.Vault.Name = o.vault
	choice, err := rules.Choose(facts, entry.Profile)
	if err != nil {
		return ruled{}, err
	}
	r := ruled{Backup: b.ID, Rule: choice.Rule, Line: choice.Line, Image: !choice.Skip && backup.Fit(b) && len(b.ImageIDs) == 0, Problems: messages.Problems{}}
	switch {
	case choice.Rule == 0:
		r.Note = "no rule matches: no image"
	case choice.Skip:
		r.Note = "the rule skips it: no image"
	case backup.Fit(b):
		r.ask(choice, entry, set)
	}
	if why := backup.Unusable(b); why != "" {
		r.Note += orSemicolon(r.Note) + why
	}
	if rules.WantsVault() && o.vault == "" {
		r.Note += orSemicolon(r.Note) + "rules want the name of the vault: give it with --vault"
	}
	return r, nil
}

func orSemicolon(before string) string {
	if before == "" {
		return ""
	}
	return "; "
}

// entry is the cloud that is meant. Where no clouds.yaml can be read, a name is enough.
func (o rulesTest) entry(cmd *cobra.Command) (cloud.Cloud, *cloud.Set, error) {
	set, err := entries()
	if err != nil {
		return cloud.Cloud{Name: o.cloud, Profile: ims.ProfileOTC}, nil, nil //nolint:nilerr // it is judged without
	}
	name, names := o.cloud, set.Names()
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	c, known := set.Get(name)
	switch {
	case known:
		return c, set, nil
	case name == "":
		return c, set, usage(cmd, "--cloud is missing: clouds.yaml has %s; say which of them has the backup", strings.Join(names, ", "))
	}
	meant := ""
	if near := client.Nearest(name, names); near != "" {
		meant = fmt.Sprintf("; did you mean %q?", near)
	}
	return c, set, usage(cmd, "--cloud is %q, which clouds.yaml does not have for workers; it has %s%s", name, strings.Join(names, ", "), meant)
}

func (o rulesTest) load(cmd *cobra.Command, set *cloud.Set) (*backup.Rules, error) {
	path := o.rules
	if path == "" {
		cfg, _ := config.Load() // other mistakes are no matter here
		path = cfg.BackupRules
	}
	if path == "" {
		return nil, usage(cmd, "no rules: name their file with --rules or in IMSWORKER_BACKUP_RULES")
	}
	return loadRules(path, set)
}

// loadRules reads rules for the clouds that are known, or for any.
func loadRules(path string, set *cloud.Set) (*backup.Rules, error) {
	var clouds backup.Clouds
	if set != nil {
		clouds.Names = set.Entries()
		for _, name := range set.Names() {
			if c, _ := set.Get(name); !slices.Contains(clouds.Profiles, c.Profile) {
				clouds.Profiles = append(clouds.Profiles, c.Profile)
			}
		}
	}
	if len(clouds.Profiles) == 0 {
		clouds.Profiles = []ims.Profile{ims.ProfileOTC}
	}
	return backup.Load(path, clouds)
}

// ask fills in the request, and what a worker would find wrong with it.
func (r *ruled) ask(choice backup.Choice, entry cloud.Cloud, set *cloud.Set) {
	id := messages.BackupIdentity(entry.Name, r.Backup)
	r.Name, r.Data = choice.Name, choice.Data
	if entry.Name != "" {
		r.Subject, r.Key = messages.RequestSubject(entry.Name, backup.Operation), messages.Key(entry.Name, id.Source, id.ID)
	}
	profileOf := func(name string) ims.Profile {
		if set != nil {
			if c, known := set.Get(name); known {
				return c.Profile
			}
		}
		return entry.Profile
	}
	r.Problems = append(r.Problems, choice.Judge(handlers.Place{Cloud: entry.Name, Profile: profileOf})...)
	if set == nil {
		return
	}
	if !entry.Settings.Allows(backup.Operation) {
		r.Problems.Add("", "cloud %q does not allow the operation %s", entry.Name, backup.Operation)
	}
	for _, step := range handlers.Plan(entry.Name, choice.Data) {
		if !entry.AllowsTarget(step.Cloud) {
			r.Problems.Add(step.Field+".cloud", "the cloud %q is not in `allow_targets` of cloud %q", step.Cloud, entry.Name)
		}
		if there, known := set.Get(step.Cloud); known && !there.Settings.Allows(step.Operation) {
			r.Problems.Add(step.Field+".operation", "cloud %q does not allow the operation %s", step.Cloud, step.Operation)
		}
	}
}

func (r ruled) table(w io.Writer) {
	row(w, "backup", r.Backup)
	if r.Rule > 0 {
		row(w, "rule", fmt.Sprintf("%d, in line %d", r.Rule, r.Line))
	}
	if r.Name != "" {
		row(w, "name", r.Name)
		row(w, "subject", r.Subject)
		row(w, "key", r.Key)
		row(w, "data", asIs(oneLine(r.Data)))
	}
	for _, p := range r.Problems {
		row(w, "problem", p.String())
	}
	if r.Note != "" {
		row(w, "note", r.Note)
	}
}
