// Package broker is the worker's side of NATS JetStream: the list of every
// stream, subject and consumer (names.go, topology.go), the server inside the
// process, the connection, the four primitives that all state stands on (Put,
// Last, Tail and the topology's Plan), and Watermill's subscriber and
// publisher. It knows neither operations nor records nor clouds.
package broker

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// The streams that every worker uses. The ledger's streams, one a shard, are
// named by TrackStream.
const (
	StreamRequests = "IMS_REQUESTS"
	StreamEvents   = "IMS_EVENTS"
	StreamDead     = "IMS_DEAD"
	StreamState    = "IMS_STATE"
)

// LeftoverConsumer is the durable consumer of StreamRequests that holds what
// the subject transform did not match: a wrong number of tokens, or tokens that
// are wildcards, literally. Every replica fetches from it, without a lease.
const LeftoverConsumer = "leftover"

// NotifyConsumer is the durable consumer of StreamEvents that holds what the
// notifiers of all replicas have yet to post. It exists where one is switched
// on.
const NotifyConsumer = "notify"

// ReaderConsumer returns the durable consumer of StreamEvents for a reader who
// has no right to make one: all events of a cloud, or of all where cloud is
// EveryCloud. Each reader has a consumer of its own.
func ReaderConsumer(cloud string) string {
	if cloud == EveryCloud {
		return "reader"
	}
	return "reader-" + cloud
}

// EveryCloud stands for the clouds of a reader that reads all.
const EveryCloud = "*"

// The subject filters that are used in more than one place.
const (
	RequestFilter = "ims.request.>"
	LeaseFilter   = "ims.lease.*"
	MemberFilter  = memberPrefix + "*"
	memberPrefix  = "ims.member."
)

// TokenHeader carries the token that Put writes beside a message, so that the
// writer's own message can be told from a foreign one after a lost answer.
const TokenHeader = "Ims-Token"

// HeirHeader stands on a released lease and names the session that the shard
// is meant for; the others leave it alone for a moment.
const HeirHeader = "Ims-Heir"

// TrackStream returns the name of the ledger stream of a shard: IMS_TRACK_05.
func TrackStream(shard int) string { return fmt.Sprintf("IMS_TRACK_%02d", shard) }

// TrackSubject returns the subject of a record: ims.track.05.<key>.
func TrackSubject(shard int, key string) string {
	return fmt.Sprintf("ims.track.%02d.%s", shard, key)
}

// TrackPageSubject returns the subject of a page of a bulk's record:
// ims.track.05.<key>.<page>. Who reads records alone does not see it.
func TrackPageSubject(shard int, key string, page int) string {
	return TrackSubject(shard, key) + "." + strconv.Itoa(page)
}

// TrackFilter returns the filter that matches the whole ledger of a shard.
func TrackFilter(shard int) string { return fmt.Sprintf("ims.track.%02d.>", shard) }

// ShardConsumer returns the durable consumer of StreamRequests that belongs to
// a shard: shard-05.
func ShardConsumer(shard int) string { return fmt.Sprintf("shard-%02d", shard) }

// InboxFilter returns the filter of a shard's consumer: ims.inbox.5.>. The
// server writes partitions without leading zeros; a padded filter is accepted
// and never matches.
func InboxFilter(shard int) string { return "ims.inbox." + strconv.Itoa(shard) + ".>" }

// LeaseSubject returns the subject of a shard's lease: ims.lease.05.
func LeaseSubject(shard int) string { return fmt.Sprintf("ims.lease.%02d", shard) }

// MemberSubject returns the subject under which a replica announces itself:
// ims.member.<instance>. What cannot stand in a subject is replaced, with a
// part of its hash behind, so that no two names become one.
func MemberSubject(instance string) string {
	token := strings.Map(plainRune, instance)
	if token != instance || len(token) > mostToken {
		sum := sha256.Sum256([]byte(instance))
		token = token[:min(len(token), mostToken)] + "_" + hex.EncodeToString(sum[:4])
	}
	return memberPrefix + token
}

// mostToken is how much of an instance's name stands in its subject.
const mostToken = 80

func plainRune(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
		return r
	}
	return '-'
}

// PacePrefix begins the subjects of learned durations,
// ims.pace.<cloud>.<operation>, and limits, ims.pace.<cloud>.limits.
const PacePrefix = "ims.pace."

// AccountPrefix begins the subjects that say which cloud works an account. They
// stand among what is learned, where workers may write and a stream that an
// earlier version has made takes them; no cloud is called _.
const AccountPrefix = PacePrefix + "_."

// AccountSubject returns the subject of an account, which is a project at an
// identity service: ims.pace._.<digest>.
func AccountSubject(identity, project string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(identity + "\n" + project)))
	return AccountPrefix + hex.EncodeToString(sum[:16])
}

// PausedPrefix begins the subjects of pauses, ims.paused.<cloud>.<operation>.
const PausedPrefix = "ims.paused."

// WatchedPrefix begins the subjects that say up to when a cloud's backups have
// been looked at, ims.watched.<cloud>.
const WatchedPrefix = "ims.watched."

// HeardPrefix begins the subjects of messages of a hook that must not be taken
// a second time, ims.heard.<digest>.
const HeardPrefix = "ims.heard."

// HintSubject returns the subject of a backup notice that waits for its backup:
// ims.hint.05.<cloud>.<name>.
func HintSubject(shard int, cloud, name string) string {
	return fmt.Sprintf("ims.hint.%02d.%s.%s", shard, cloud, name)
}

// HintFilter returns the filter of all notices of a shard that wait.
func HintFilter(shard int) string { return fmt.Sprintf("ims.hint.%02d.>", shard) }

// ShardOf returns the shard that the broker puts a cloud's messages into: its
// partition is this hash of the token.
func ShardOf(cloud string, shards int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(cloud)) // never fails
	return int(h.Sum32() % uint32(shards))
}

// DeadFilter returns the filter of the dead letters of a cloud, or of all where
// it is empty. What people did with them stands under subjects with more tokens.
func DeadFilter(cloud string) string { return DeadSubject(cmp.Or(cloud, "*"), "*") }

// DeadSubject returns the subject of the dead letters of an operation:
// ims.dead.<cloud>.<operation>.
func DeadSubject(cloud, operation string) string { return "ims.dead." + cloud + "." + operation }

// DeadLogSubject returns the subject under which it stands what people did with
// a dead letter: ims.dead._.log.<number>. No cloud is called _.
func DeadLogSubject(number uint64) string { return deadLog + strconv.FormatUint(number, 10) }

// DeadLogFilter returns the filter of what people did with dead letters.
func DeadLogFilter() string { return deadLog + "*" }

const deadLog = "ims.dead._.log."

// QuerySubject returns the subject on which the owner of a shard answers live
// questions: ims.query.05.limits.
func QuerySubject(shard int, what string) string {
	return fmt.Sprintf("ims.query.%02d.%s", shard, what)
}

// QueryFilter returns the filter of all questions about a shard.
func QueryFilter(shard int) string { return QuerySubject(shard, "*") }
