package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// recent is how old a backup may be that a notice of a vault or a server leads
// to.
const recent = 24 * time.Hour

// find reads the backups that a notice may speak of. ErrNotFound: CBR knows
// none.
func (s sight) find(ctx context.Context, n messages.Notice) ([]ims.Backup, error) {
	if n.Backup.ID != "" {
		b, err := s.conf.Client.Backup(ctx, n.Backup.ID)
		if err != nil {
			return nil, fmt.Errorf("read backup %s: %w", n.Backup.ID, err)
		}
		return []ims.Backup{b}, nil
	}
	var all []ims.Backup
	for _, id := range n.Vague() {
		found, err := s.named(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		return nil, ims.ErrNotFound
	}
	slices.SortFunc(all, func(a, b ims.Backup) int { return a.CreatedAt.Compare(b.CreatedAt) })
	all = slices.CompactFunc(all, func(a, b ims.Backup) bool { return a.ID == b.ID })
	return s.fresh(ctx, all)
}

// named reads what an id of unknown kind leads to: a backup, or the young ones
// of a restore point, a vault or a server.
func (s sight) named(ctx context.Context, id string) ([]ims.Backup, error) {
	b, err := s.conf.Client.Backup(ctx, id)
	if err == nil {
		return []ims.Backup{b}, nil
	}
	if !errors.Is(err, ims.ErrNotFound) {
		return nil, fmt.Errorf("read backup %s: %w", id, err)
	}
	for _, f := range []ims.BackupFilter{{CheckpointID: id}, {VaultID: id}, {ResourceID: id}} {
		all, err := s.conf.Client.Backups(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("list backups of %s: %w", id, err)
		}
		if len(all) > 0 {
			return slices.DeleteFunc(all, func(b ims.Backup) bool { return b.CreatedAt.Before(cloudNow(s.conf.Client).Add(-recent)) }), nil
		}
	}
	return nil, nil
}

// fresh leaves out those that have led to a request, or to an image, before:
// the notice does not speak of them. Where nothing is left it is a duplicate,
// or speaks of the youngest, whose image somebody else has made.
func (s sight) fresh(ctx context.Context, all []ims.Backup) (left []ims.Backup, err error) {
	heard := false
	for _, b := range all {
		asked, err := s.Requests.BackupAsked(ctx, s.cloud, b.ID)
		if err != nil {
			return nil, err
		}
		if heard = heard || asked; !asked && stateOf(b) != used {
			left = append(left, b)
		}
	}
	if len(left) == 0 && !heard {
		return all[max(0, len(all)-1):], nil
	}
	s.count(len(left) == 0, s.cloud, resultDuplicate)
	return left, nil
}

// cloudNow is the time by the cloud's clock, as far as it is known.
func cloudNow(c client) time.Time {
	ahead, _ := c.CloudTime()
	return time.Now().Add(ahead)
}

// ReadSaved reads a backup as CBR shows it, for trying rules out: the whole
// answer, or what stands in it.
func ReadSaved(text []byte) (ims.Backup, error) {
	b, err := ims.DecodeBackup(text)
	if err != nil {
		return b, err
	}
	if !messages.ValidID(b.ID) {
		return b, errors.New("it has no id: want what GET /v3/{project_id}/backups/{backup_id} answers")
	}
	return b, nil
}
