package hooks

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/imsworker/imsworker/messages"
)

// finding is what a message of a cloud's service says of backups.
type finding struct {
	notice  messages.Notice
	nothing string // why there is no notice in it
}

// good are the names of what is worth a look: those of Cloud Eye's events and of
// traces of the Cloud Trace Service. The meaning of others is that no backup
// has been finished.
var good = []string{
	"backupSucceeded", "replicationSucceeded",
	"createBackup", "createVaultBackup", "replicateBackup", "replicateVaultBackup", "importBackup", "syncBackup",
}

var uuids = regexp.MustCompile(`\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b`)

// search looks for backups in what a service has sent: the forms are not
// documented in full, and ids are believed in nothing, so every field that may
// hold one will do. A text that is JSON again is looked into.
func search(data []byte, subject string) finding {
	s := seeker{}
	s.text(string(data), 0)
	s.texts = append(s.texts, subject)
	if s.wrong != "" {
		return finding{nothing: s.wrong}
	}
	var n messages.Notice
	switch {
	case s.backup != "":
		n.Backup.ID = s.backup
		return finding{notice: n}
	case len(s.ids) == 0: // words for people, perhaps
		for _, text := range s.texts {
			s.ids = append(s.ids, uuids.FindAllString(text, messages.MaxNoticeIDs)...)
		}
	}
	for _, id := range s.ids {
		if id = strings.ToLower(id); !slices.Contains(n.IDs, id) && len(n.IDs) < messages.MaxNoticeIDs {
			n.IDs = append(n.IDs, id)
		}
	}
	if len(n.IDs) == 0 {
		return finding{nothing: "it names no backup, vault or server"}
	}
	return finding{notice: n}
}

// seeker collects what stands in a message.
type seeker struct {
	backup string // known to be one
	ids    []string
	texts  []string
	wrong  string // why it is no news of a finished backup
}

// mostDepth bounds texts in texts; real ones have two.
const mostDepth = 16

func (s *seeker) text(text string, depth int) {
	var value any
	if trimmed := strings.TrimSpace(text); depth < mostDepth && (strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[")) {
		if json.Unmarshal([]byte(trimmed), &value) == nil {
			s.value(value, depth+1)
			return
		}
	}
	s.texts = append(s.texts, text)
}

func (s *seeker) value(value any, depth int) {
	if depth > mostDepth {
		return
	}
	switch v := value.(type) {
	case string:
		s.text(v, depth)
	case []any:
		for _, each := range v {
			s.value(each, depth+1)
		}
	case map[string]any:
		s.object(v, depth)
	}
}

func (s *seeker) object(o map[string]any, depth int) {
	field := func(name string) string { text, _ := o[name].(string); return text }
	for _, name := range []string{"event_name", "trace_name"} {
		if event := field(name); event != "" && !slices.Contains(good, event) {
			s.wrong = fmt.Sprintf("it tells of %s, not of a finished backup", brief(event))
		}
	}
	for _, name := range []string{"trace_rating", "trace_status"} {
		if rating := field(name); rating == "warning" || rating == "incident" {
			s.wrong = "it tells of something that went wrong"
		}
	}
	if id := field("backup_id"); messages.ValidID(id) {
		s.backup = id
	}
	if id := field("resource_id"); messages.ValidID(id) && field("resource_type") == "backup" && s.backup == "" {
		s.backup = id
	}
	for _, name := range []string{"resource_id", "checkpoint_id", "vault_id", "instance_id"} {
		if id := field(name); messages.ValidID(id) {
			s.ids = append(s.ids, id)
		}
	}
	for name, each := range o {
		if backup, is := each.(map[string]any); is && name == "backup" {
			if id, _ := backup["id"].(string); messages.ValidID(id) {
				s.backup = id
			}
		}
		s.value(each, depth+1)
	}
}
