package backup

import (
	"slices"
	"strings"

	"github.com/imsworker/imsworker/messages"
)

// match is the condition of a rule: all that is given must hold. Nil is not
// given.
type match struct {
	cloud, vaultID, vault, resourceID, resourceName, backupName, kind []string
}

// matchKeys are the keys of a rule's match, in the order of docs/backups.md.
var matchKeys = []string{"cloud", "vault_id", "vault", "resource_id", "resource_name", "backup_name", "kind"}

func (m *match) field(key string) *[]string {
	return map[string]*[]string{
		"cloud": &m.cloud, "vault_id": &m.vaultID, "vault": &m.vault, "resource_id": &m.resourceID,
		"resource_name": &m.resourceName, "backup_name": &m.backupName, "kind": &m.kind,
	}[key]
}

// everything reports whether nothing is given.
func (m *match) everything() bool {
	return !slices.ContainsFunc(matchKeys, func(key string) bool { return *m.field(key) != nil })
}

func (m *match) holds(f Facts) bool {
	return anyGlob(m.cloud, f.Cloud) && anyGlob(m.vaultID, strings.ToLower(f.Vault.ID)) && anyGlob(m.vault, f.Vault.Name) &&
		anyGlob(m.resourceID, strings.ToLower(f.Resource.ID)) && anyGlob(m.resourceName, f.Resource.Name) &&
		anyGlob(m.backupName, f.Backup.Name) && anyGlob(m.kind, f.Kind)
}

// anyGlob reports whether a text fits one of the patterns, or there are none.
func anyGlob(patterns []string, text string) bool {
	return patterns == nil || slices.ContainsFunc(patterns, func(p string) bool { return messages.Fits(p, text) })
}
