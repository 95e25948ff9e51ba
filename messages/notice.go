package messages

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// VerbReady is the last token of the subject of backup notices.
const VerbReady = "ready"

// NoticeType is the CloudEvents type of a backup notice.
const NoticeType = "io.imsworker.backup.ready.v1"

// NoticeSchema is the address of the schema of a notice's data.
const NoticeSchema = "https://imsworker.io/schemas/backup.v1.json"

// The channels on which the worker itself hears of backups; others name theirs.
const (
	ChannelWatch       = "watch"
	ChannelCloudEvents = "cloudevents"
	ChannelSMN         = "smn"
)

// NoticeSubject is where a notice of a cloud's backup is published.
func NoticeSubject(cloud string) string { return "ims.backup." + cloud + "." + VerbReady }

// backupSources begins the sources of requests that backup notices have led
// to: nobody else may use them.
const backupSources = "/imsworker/backup/"

// BackupIdentity is the identity of the request for the image of a backup,
// however many notices speak of it.
func BackupIdentity(cloud, backupID string) Identity {
	return Identity{Source: backupSources + cloud, ID: strings.ToLower(backupID)}
}

// OfBackup reports whether an identity is one of those of BackupIdentity.
func OfBackup(i Identity) bool { return strings.HasPrefix(i.Source, backupSources) }

// Notice is a hint that a backup may be usable. It is believed in nothing: the
// worker asks the cloud. Of its ids at least one is given.
type Notice struct {
	Backup struct {
		ID           string `json:"id,omitempty"`
		VaultID      string `json:"vault_id,omitempty"`
		CheckpointID string `json:"checkpoint_id,omitempty"`
	} `json:"backup,omitzero"`
	Resource struct {
		ID string `json:"id,omitempty"`
	} `json:"resource,omitzero"`
	// IDs may each be of a backup, a vault, a server or a restore point: not
	// every channel says which.
	IDs      []string `json:"ids,omitempty"`
	Evidence struct {
		Channel  string `json:"channel,omitempty"`
		NativeID string `json:"native_id,omitempty"`
	} `json:"evidence,omitzero"`
}

// MaxNoticeIDs is how many ids of unknown kind a notice may have.
const MaxNoticeIDs = 20

// Vague are the ids that may lead to a backup, where the notice names none.
func (n Notice) Vague() []string {
	if n.Backup.ID != "" {
		return nil
	}
	all := append([]string{n.Backup.CheckpointID, n.Backup.VaultID, n.Resource.ID}, n.IDs...)
	all = slices.DeleteFunc(all, func(id string) bool { return id == "" })
	for i := range all {
		all[i] = strings.ToLower(all[i])
	}
	return slices.Compact(all)
}

// ReadNotice takes a message on a notice's subject apart, in the same forms as
// requests. Fields that are not known are left alone: other programs say more.
func ReadNotice(header map[string][]string, body []byte) (Notice, Problems) {
	r := reader{want: NoticeType, about: "a backup notice"}
	r.read(header, body)
	if r.Data == nil {
		return Notice{}, r.problems.Limited()
	}
	n, ps := noticeOf(r.Data)
	return n, append(r.problems, ps...).Limited()
}

func noticeOf(data []byte) (n Notice, ps Problems) {
	if err := json.Unmarshal(data, &n); err != nil {
		ps.Add("", "the data is no notice of a backup, as backup.v1.json describes it: %s", strings.TrimPrefix(err.Error(), "json: "))
		return n, ps
	}
	n.Backup.ID = strings.ToLower(n.Backup.ID)
	given := []Problem{{"backup.id", n.Backup.ID}, {"backup.vault_id", n.Backup.VaultID}, {"backup.checkpoint_id", n.Backup.CheckpointID}, {"resource.id", n.Resource.ID}}
	for _, id := range n.IDs {
		given = append(given, Problem{"ids", id})
	}
	for _, id := range given {
		if id.Message != "" && !ValidID(id.Message) {
			ps.Add(id.Field, "is %q; an id like 9b27efab-4a17-4c06-bfa2-3e0cf021d3c3 is wanted (a UUID)", brief(id.Message))
		}
	}
	if n.Backup.ID == "" && len(n.Vague()) == 0 {
		ps.Add("backup.id", "is missing; give the backup's id, or one of backup.vault_id, backup.checkpoint_id, resource.id and ids")
	}
	if len(n.IDs) > MaxNoticeIDs {
		ps.Add("ids", "has %d entries, at most %d are allowed", len(n.IDs), MaxNoticeIDs)
	}
	return n, ps
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// ValidID reports whether a text has the form of the ids of backups, vaults
// and servers.
func ValidID(id string) bool { return uuid.MatchString(id) }

// EncodeNotice writes a notice as CloudEvents binary mode on NATS and names
// the subject it belongs to.
func EncodeNotice(cloud string, id Identity, n Notice, at time.Time) (subject string, header map[string][]string, body []byte, err error) {
	if body, err = json.Marshal(n); err != nil {
		return "", nil, nil, err
	}
	header = attributeHeaders([]attribute{
		{"ce-specversion", "1.0"}, {"ce-type", NoticeType}, {"ce-source", id.Source}, {"ce-id", id.ID},
		{"ce-time", at.UTC().Format(time.RFC3339Nano)}, {"ce-datacontenttype", "application/json"}, {"ce-dataschema", NoticeSchema},
	})
	return NoticeSubject(cloud), header, body, nil
}

// CloudEvent is an event of somebody else's, of any type.
type CloudEvent struct {
	Identity
	Type, Subject string
	Time          time.Time
	Data          json.RawMessage
}

// ReadCloudEvent takes an event in structured or binary mode apart, of NATS or
// HTTP alike. Attributes that are not needed are not judged: some senders leave
// a dataschema empty.
func ReadCloudEvent(header map[string][]string, body []byte) (CloudEvent, Problems) {
	var r reader
	r.read(header, body)
	if r.is == "" && len(r.problems) == 0 {
		r.add("ce-specversion", "is missing; the body is no CloudEvent without it, or without the content type application/cloudevents+json")
	}
	return CloudEvent{Identity: r.Identity, Type: r.is, Subject: r.topic, Time: r.Time, Data: r.Data}, r.problems.Limited()
}
