package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"text/template"
	"time"
	"unicode"

	"github.com/imsworker/imsworker/internal/ims"
)

// Facts are what rules may ask of a backup, and templates name.
type Facts struct {
	Cloud string
	// Kind is policy, manual or replication.
	Kind   string
	Backup struct {
		ID, Name             string
		CreatedAt, ExpiresAt time.Time
	}
	Resource struct{ ID, Name, Type string }
	Vault    struct{ ID, Name string }
}

// The kinds of backups.
const (
	kindPolicy      = "policy"
	kindManual      = "manual"
	kindReplication = "replication"
)

// FactsOf are those of a backup of the cloud; the name of its vault is not
// among them.
func FactsOf(cloud string, b ims.Backup) Facts {
	f := Facts{Cloud: cloud, Kind: kindManual}
	switch {
	case b.ImageType == kindReplication:
		f.Kind = kindReplication
	case b.Automatic != nil && *b.Automatic:
		f.Kind = kindPolicy
	}
	f.Backup.ID, f.Backup.Name, f.Backup.CreatedAt, f.Backup.ExpiresAt = b.ID, b.Name, b.CreatedAt, b.ExpiredAt
	f.Resource.ID, f.Resource.Name, f.Resource.Type = b.ResourceID, b.ResourceName, b.ResourceType
	f.Vault.ID = b.VaultID
	return f
}

// functions are what templates may call.
var functions = template.FuncMap{
	"date":    func(layout string, t time.Time) string { return t.UTC().Format(layout) },
	"lower":   strings.ToLower,
	"upper":   strings.ToUpper,
	"replace": func(old, with, text string) string { return strings.ReplaceAll(text, old, with) },
	"trunc": func(n int, text string) string {
		runes := []rune(text)
		return string(runes[:min(max(n, 0), len(runes))])
	},
}

// templateFields are what a template can name.
const templateFields = ".Cloud, .Kind, .Backup.ID, .Backup.Name, .Backup.CreatedAt, .Backup.ExpiresAt, .Resource.ID, .Resource.Name, .Resource.Type, .Vault.ID, .Vault.Name"

// templateError tells a template's mistake in words for its writer.
type templateError struct{ error }

func (e templateError) Unwrap() error { return e.error }

var (
	noField    = regexp.MustCompile(`<(\.[^>]*)>: can't evaluate field`)
	noFunction = regexp.MustCompile(`function "([^"]*)" not defined`)
	ownWords   = regexp.MustCompile(`^template: [^:]*:\d+(:\d+)?: (executing "[^"]*" )?`)
)

func (e templateError) Error() string {
	text := e.error.Error()
	if m := noField.FindStringSubmatch(text); m != nil {
		return "there is no " + m[1] + "; there are " + templateFields
	}
	if m := noFunction.FindStringSubmatch(text); m != nil {
		return "there is no function " + m[1] + "; there are date, lower, upper, replace, trunc and those of text/template"
	}
	return ownWords.ReplaceAllString(text, "")
}

// Limits of what the cloud takes (API reference 4.4), in characters.
const (
	mostName        = 128
	mostDescription = 1024
)

// fitName makes a name of a text that the cloud takes. One that had to be
// changed gets a part of the backup's digest, so that two of them stay apart;
// of one backup it is always the same.
func fitName(text string, p ims.Profile, backupID string) string {
	fit := strings.Trim(strings.Map(func(r rune) rune { return nameRune(r, p) }, text), " ")
	if fit == text && fit != "" && len([]rune(fit)) <= mostName {
		return fit
	}
	sum := sha256.Sum256([]byte(backupID))
	suffix := "-" + hex.EncodeToString(sum[:4])
	if fit == "" {
		fit = "backup"
	}
	runes := []rune(fit)
	return strings.TrimRight(string(runes[:min(len(runes), mostName-len(suffix))]), " ") + suffix
}

// nameRune is r, or what stands for it in a name.
func nameRune(r rune, p ims.Profile) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-._ ", r):
		return r
	case p == ims.ProfileHuawei && (r >= '一' && r <= '鿿' || r >= '㐀' && r <= '䶿'):
		return r
	case unicode.IsSpace(r):
		return ' '
	}
	return '-'
}

// fitDescription leaves out what no description may have.
func fitDescription(text string) string {
	text = strings.NewReplacer("\r", "", "<", "", ">", "").Replace(text)
	runes := []rune(text)
	return string(runes[:min(len(runes), mostDescription)])
}
