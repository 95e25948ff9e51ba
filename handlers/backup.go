package handlers

import (
	"context"
	"fmt"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// typeCBR is the whole_image_type of backups that CBR holds.
const typeCBR = "CBR"

// The codes with which the cloud refuses a backup when the image is asked for
// (API reference 6.6). The check before uses the same ones, so that both
// refusals have one verdict and one remedy.
const (
	codeNotAvailable = "IMG.0132"
	codeUsed         = "IMG.0134"
	codeNoSystemDisk = "IMG.0195"
	codeOfDisk       = "IMG.0033"
	codeUnfit        = "IMG.0198"
)

// checkBackup asks CBR whether an image can be made of the backup (API
// reference, section 5). Servers and CSBS backups are not asked about.
func checkBackup(ctx context.Context, c wholeImager, d messages.CreateWholeImage) error {
	if d.WholeImageType != typeCBR {
		return nil
	}
	backup, err := c.Backup(ctx, d.BackupID)
	if err != nil {
		return fmt.Errorf("read backup %s: %w", d.BackupID, err)
	}
	return judgeBackup(backup)
}

func judgeBackup(b ims.Backup) error {
	switch {
	case b.ResourceType != ims.ServerBackup:
		return refusal(codeOfDisk, "backup %s is of %s; a whole image needs a backup of a server", b.ID, b.ResourceType)
	case b.ContainSystemDisk != nil && !*b.ContainSystemDisk:
		return refusal(codeNoSystemDisk, "backup %s contains no system disk", b.ID)
	case len(b.ImageIDs) > 0:
		return refusal(codeUsed, "backup %s has an image already: %s", b.ID, strings.Join(b.ImageIDs, ", "))
	}
	return judgeStatus(b)
}

// judgeStatus tells states that pass from those that do not. A state that is
// not known may pass.
func judgeStatus(b ims.Backup) error {
	switch b.Status {
	case "available":
		return nil
	case "error", "deleting", "waiting_delete":
		return refusal(codeUnfit, "backup %s is in state %s and will not become available", b.ID, b.Status)
	default:
		return refusal(codeNotAvailable, "backup %s is in state %s, not available yet", b.ID, b.Status)
	}
}

// refusal is what the cloud would have answered to the creating call.
func refusal(code, format string, args ...any) error {
	return &ims.Error{Call: "Preflight", Code: code, Message: fmt.Sprintf(format, args...)}
}
