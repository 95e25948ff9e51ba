package backup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// look does with a notice what can be done now, and returns what must be
// looked at again. Errors are ours, not the cloud's: the notice is to be taken
// once more.
func (d *Desk) look(ctx context.Context, cloud string, n messages.Notice, since time.Time) (later []messages.Notice, err error) {
	c, known := d.Cloud(cloud)
	rules := d.Rules()
	switch {
	case !known && time.Since(since) > untilAvailable:
		return nil, d.bury(ctx, cloud, n, "the cloud %s has not been configured for %s: add its entry to clouds.yaml, then replay this", cloud, untilAvailable)
	case !known:
		return []messages.Notice{n}, nil
	case rules == nil:
		return nil, d.bury(ctx, cloud, n, "there are no backup rules: name their file in IMSWORKER_BACKUP_RULES, then replay this")
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if n.Backup.ID != "" {
		if asked, err := d.Requests.BackupAsked(ctx, cloud, n.Backup.ID); err != nil || asked {
			d.count(asked, cloud, resultDuplicate)
			return nil, err
		}
	}
	if ctx, err = d.Pace(ctx, cloud); err != nil {
		return nil, err
	}
	one := sight{Desk: d, cloud: cloud, conf: c, rules: rules, since: since}
	backups, err := one.find(ctx, n)
	switch {
	case errors.Is(err, ims.ErrNotFound):
		return one.absent(ctx, n)
	case err != nil:
		return one.unanswered(ctx, n, err)
	}
	for _, b := range backups {
		again, err := one.judge(ctx, n, b)
		if err != nil {
			return nil, err
		}
		if again {
			later = append(later, about(b.ID, n))
		}
	}
	return later, nil
}

func (d *Desk) count(is bool, cloud, result string) {
	if is {
		d.Metrics.notice(cloud, result)
	}
}

// about is a notice of one backup, with the evidence of another one.
func about(backupID string, of messages.Notice) (n messages.Notice) {
	n.Backup.ID, n.Evidence = strings.ToLower(backupID), of.Evidence
	return n
}

func (d *Desk) bury(ctx context.Context, cloud string, n messages.Notice, format string, args ...any) error {
	d.Metrics.notice(cloud, resultDead)
	return d.Requests.BuryNotice(ctx, cloud, n, messages.Problems{{Message: fmt.Sprintf(format, args...)}})
}

// sight is one look at what a notice speaks of.
type sight struct {
	*Desk
	cloud string
	conf  Cloud
	rules *Rules
	since time.Time
}

// over reports whether the notice is older than it may be.
func (s sight) over(limit time.Duration) bool {
	return time.Since(s.since) > s.conf.Scale(limit)
}

// absent is for what CBR does not know: it may show late.
func (s sight) absent(ctx context.Context, n messages.Notice) ([]messages.Notice, error) {
	if !s.over(untilThere) {
		return []messages.Notice{n}, nil
	}
	s.Log.Warn("a backup notice speaks of nothing that CBR knows", "cloud", s.cloud, "backup", n.Backup.ID, "channel", n.Evidence.Channel)
	return nil, s.bury(ctx, s.cloud, n, "CBR knows no such backup in this project (looked for %s)", untilThere)
}

// unanswered is for a cloud that cannot be asked: it may answer later.
func (s sight) unanswered(ctx context.Context, n messages.Notice, why error) ([]messages.Notice, error) {
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err // it is we who stop
	}
	if s.over(untilAvailable) {
		return nil, s.bury(ctx, s.cloud, n, "CBR could not be asked about it within %s: %s", untilAvailable, why)
	}
	s.Log.Warn("CBR cannot be asked about a backup; trying again", "cloud", s.cloud, "backup", n.Backup.ID, "error", why)
	return []messages.Notice{n}, nil
}

// judge asks for the image of a backup if it may become one; true: not yet.
func (s sight) judge(ctx context.Context, n messages.Notice, b ims.Backup) (later bool, err error) {
	switch state := stateOf(b); state {
	case usable:
		return false, s.ask(ctx, n, b)
	case early:
		if !s.over(untilAvailable) {
			return true, nil
		}
		s.Log.Warn("a backup has not become available in time", "cloud", s.cloud, "backup", b.ID, "status", b.Status)
		return false, s.bury(ctx, s.cloud, about(b.ID, n), "the backup is in state %s and has not become available within %s", b.Status, untilAvailable)
	case used:
		s.Log.Info("a backup has an image already; none is made", "cloud", s.cloud, "backup", b.ID, "images", strings.Join(b.ImageIDs, " "))
		s.Metrics.notice(s.cloud, resultUsed)
	default:
		s.Log.Info("a backup cannot become an image", "cloud", s.cloud, "backup", b.ID, "status", b.Status, "resource_type", b.ResourceType)
		s.Metrics.notice(s.cloud, resultUnfit)
	}
	return false, nil
}

// state is what a backup is good for.
type state int

const (
	usable state = iota
	early        // not available yet
	used         // an image was made of it
	unfit        // no image can be made of it
)

// stateOf judges a backup (API reference, section 5). A status that is not
// known may pass.
func stateOf(b ims.Backup) state {
	switch {
	case b.ResourceType != ims.ServerBackup, b.ContainSystemDisk != nil && !*b.ContainSystemDisk:
		return unfit
	case len(b.ImageIDs) > 0:
		return used
	}
	switch b.Status {
	case "available":
		return usable
	case "error", "deleting", "waiting_delete":
		return unfit
	}
	return early
}

// Unusable says in words why no image is made of a backup as it is now, empty
// if one is.
func Unusable(b ims.Backup) string {
	switch stateOf(b) {
	case early:
		return "the backup is in state " + b.Status + ": it is waited for"
	case used:
		return "the backup has an image already, " + strings.Join(b.ImageIDs, ", ") + ": no other is made"
	case unfit:
		return "no image can be made of the backup, nothing happens: " + whyUnfit(b)
	}
	return ""
}

func whyUnfit(b ims.Backup) string {
	switch {
	case b.ResourceType != ims.ServerBackup:
		return fmt.Sprintf("it is no backup of a server (%s) but of %q", ims.ServerBackup, b.ResourceType)
	case b.ContainSystemDisk != nil && !*b.ContainSystemDisk:
		return "it has no system disk"
	}
	return "it is in state " + b.Status
}

// Fit reports whether a backup is of a kind of which images are made, be it
// that none is any more.
func Fit(b ims.Backup) bool { return stateOf(b) != unfit }

// ask asks the rules, and for the image if they want one.
func (s sight) ask(ctx context.Context, n messages.Notice, b ims.Backup) error {
	facts, err := s.facts(ctx, b)
	if err != nil {
		return err
	}
	choice, err := s.rules.Choose(facts, s.conf.Profile)
	switch {
	case err != nil:
		return s.bury(ctx, s.cloud, about(b.ID, n), "%s", err)
	case choice.Skip:
		s.Log.Debug("the rules want no image of a backup", "cloud", s.cloud, "backup", b.ID, "rule", choice.Rule)
		s.Metrics.notice(s.cloud, resultSkipped)
		return nil
	}
	problems, err := s.Requests.AskOfBackup(ctx, s.cloud, b.ID, choice.Data)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		s.Metrics.notice(s.cloud, resultDead)
		return s.Requests.BuryNotice(ctx, s.cloud, about(b.ID, n), problems)
	}
	s.Log.Info("a backup is to become an image", "cloud", s.cloud, "backup", b.ID, "name", choice.Name, "rule", choice.Rule, "channel", n.Evidence.Channel)
	s.Metrics.notice(s.cloud, resultAsked)
	return nil
}

// facts are those of the backup, with the name of its vault where a rule wants
// it. A vault that is gone has none.
func (s sight) facts(ctx context.Context, b ims.Backup) (Facts, error) {
	return ReadFacts(ctx, s.conf.Client, s.cloud, b, s.rules)
}

// vaultReader is what ReadFacts asks of a cloud.
type vaultReader interface {
	Vault(ctx context.Context, id string) (ims.Vault, error)
}

// ReadFacts are the facts of a backup, with the name of its vault where the
// rules want it: that takes one more call.
func ReadFacts(ctx context.Context, c vaultReader, cloud string, b ims.Backup, rules *Rules) (Facts, error) {
	f := FactsOf(cloud, b)
	if !rules.WantsVault() || b.VaultID == "" {
		return f, nil
	}
	v, err := c.Vault(ctx, b.VaultID)
	if err != nil && !errors.Is(err, ims.ErrNotFound) {
		return f, fmt.Errorf("read vault %s: %w", b.VaultID, err)
	}
	f.Vault.Name = v.Name
	return f, nil
}
