package broker

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TopologyOptions are the few things an operator may choose.
type TopologyOptions struct {
	Shards       int           // fixed when the streams are made
	Replicas     int           // copies of every stream; 0: three on a cluster of three or more, else one, and existing streams keep theirs
	EventsMaxAge time.Duration // how long events are kept
	Notify       bool          // whether a notifier reads what did not succeed
	Readers      []string      // clouds whose events somebody reads who may not make a consumer; see ReaderConsumer
}

// Stream is one stream as it should be, with its durable consumers.
type Stream struct {
	Config    jetstream.StreamConfig
	Consumers []jetstream.ConsumerConfig
}

// Limits of the streams.
const (
	RequestsMaxBytes   = 1 << 30   // of StreamRequests; a full queue refuses
	RequestMaxMsgBytes = 512 << 10 // largest message of StreamRequests, headers included
	// DeadWindow is how long StreamDead knows a delivery whose letter it has. The
	// same delivery comes again when the answer to it was lost or its worker died;
	// a condition cannot guard against a second letter, as all letters of an
	// operation share a subject. It costs the server about 130 bytes of memory a
	// letter for that time.
	DeadWindow      = 24 * time.Hour
	duplicateWindow = 2 * time.Minute
	leastWindow     = 100 * time.Millisecond // the least that the server accepts
	markerTTL       = time.Minute            // of delete markers in StreamState
)

// AckWait is how long a request may stay with a consumer that is silent.
const AckWait = 5 * time.Second

// MaxAckPending is how many requests of one consumer may be unanswered.
const MaxAckPending = 256

// Topology lists every stream and consumer as they should be.
func Topology(o TopologyOptions) []Stream {
	streams := []Stream{requests(o.Shards), events(o), dead(), state()}
	for shard := range o.Shards {
		streams = append(streams, track(shard))
	}
	for i := range streams {
		streams[i].Config.Replicas = o.Replicas
	}
	return streams
}

// plain is a stream that keeps everything, in the form the server gives back.
func plain(name, description string, subjects ...string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: name, Description: description, Subjects: subjects,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, Storage: jetstream.FileStorage,
		MaxConsumers: -1, MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1,
		Duplicates: duplicateWindow, AllowDirect: true,
	}
}

// requests is the work queue. The server spreads clouds over the shards.
func requests(shards int) Stream {
	c := plain(StreamRequests, "requests, control messages and backup notices that wait for a worker",
		RequestFilter, "ims.control.*.*", "ims.backup.*.*")
	c.Retention, c.Discard = jetstream.WorkQueuePolicy, jetstream.DiscardNew
	c.MaxBytes, c.MaxMsgSize, c.Duplicates = RequestsMaxBytes, RequestMaxMsgBytes, leastWindow
	c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: "ims.*.*.*", Destination: inboxTransform(shards)}
	s := Stream{Config: c, Consumers: []jetstream.ConsumerConfig{puller(LeftoverConsumer, leftoverFilters()...)}}
	for shard := range shards {
		s.Consumers = append(s.Consumers, puller(ShardConsumer(shard), InboxFilter(shard)))
	}
	return s
}

// leftoverFilters match every subject that the stream takes, in words that are
// not the stream's own on purpose: a consumer with exactly those counts as
// unfiltered for the server, whatever the transform does, and no request that
// its shard has acked would ever leave the work queue.
func leftoverFilters() []string { return []string{RequestFilter, "ims.control.>", "ims.backup.>"} }

func inboxTransform(shards int) string {
	return fmt.Sprintf("ims.inbox.{{partition(%d,2)}}.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}", shards)
}

// puller is a durable consumer; one filter stands in another field than several,
// as in what the server gives back.
func puller(name string, filters ...string) jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		Name: name, Durable: name,
		DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: AckWait, MaxDeliver: -1, MaxAckPending: MaxAckPending,
	}
	if len(filters) == 1 {
		c.FilterSubject = filters[0]
	} else {
		c.FilterSubjects = filters
	}
	return c
}

func events(o TopologyOptions) Stream {
	c := plain(StreamEvents, "what became of requests, as CloudEvents", "ims.event.>")
	c.MaxMsgsPerSubject, c.MaxAge = 1, o.EventsMaxAge
	if o.EventsMaxAge > 0 {
		c.Duplicates = min(duplicateWindow, o.EventsMaxAge)
	}
	s := Stream{Config: c}
	if o.Notify {
		s.Consumers = append(s.Consumers, notifier())
	}
	for _, cloud := range o.Readers {
		s.Consumers = append(s.Consumers, forReader(cloud))
	}
	return s
}

// forReader begins with the oldest event that is kept: who was late to be let in
// has missed nothing.
func forReader(cloud string) jetstream.ConsumerConfig {
	c := puller(ReaderConsumer(cloud), "ims.event."+cloud+".>")
	c.AckWait, c.MaxAckPending = NotifyAckWait, NotifyMaxAckPending
	return c
}

// NotifyAckWait is how long an event may stay with a notifier that is silent.
const NotifyAckWait = 30 * time.Second

// NotifyMaxAckPending is how many events may wait for another try at the
// notifier's receiver while later ones are posted.
const NotifyMaxAckPending = 1024

// notifier begins with what comes after it was made: who switches notices on
// does not want those of the last month. What ended while it was switched off
// again, or while the receiver was away, stays in the stream for it.
func notifier() jetstream.ConsumerConfig {
	c := puller(NotifyConsumer, notifyFilters()...)
	c.DeliverPolicy, c.AckWait, c.MaxAckPending = jetstream.DeliverNewPolicy, NotifyAckWait, NotifyMaxAckPending
	return c
}

// notifyFilters match the ends that are no success, and those of all bulks, of
// which the data alone says how they ended.
func notifyFilters() []string {
	return []string{
		"ims.event.*.*.final.failed.>", "ims.event.*.*.final.rejected.>",
		"ims.event.*.*.final.unresolved.>", "ims.event.*.*.final.batch-completed.>",
	}
}

func dead() Stream {
	c := plain(StreamDead, "messages that could not become a record", "ims.dead.>")
	c.Duplicates = DeadWindow
	return Stream{Config: c}
}

// state holds leases and members (with a time to live, their end seen as a
// delete marker), learned durations, pauses, and of backups what waits, what was
// looked at and which messages of hooks are known. A hint or a message that came
// back after a hard crash would be looked at once more, which changes nothing.
func state() Stream {
	c := plain(StreamState, "leases, members, learned durations, pauses, what is known of backups",
		LeaseFilter, MemberFilter, PacePrefix+"*.*", PausedPrefix+"*.*", WatchedPrefix+"*", HeardPrefix+"*", "ims.hint.*.*.*")
	c.MaxMsgsPerSubject = 1
	c.AllowMsgTTL, c.AllowRollup, c.SubjectDeleteMarkerTTL = true, true, markerTTL
	return Stream{Config: c}
}

// track is the ledger of one shard. It has no limit per subject on purpose:
// with one, and messages that expire, the server brings replaced messages back
// after a hard crash (nats-server issue 8505). Every update is a rollup
// instead.
func track(shard int) Stream {
	c := plain(TrackStream(shard), fmt.Sprintf("ledger of shard %02d", shard), TrackFilter(shard))
	c.AllowRollup, c.AllowMsgTTL = true, true
	return Stream{Config: c}
}
