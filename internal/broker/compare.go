package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

const codeConsumerNotFound = 10014

func (c *Conn) lookStream(ctx context.Context, name string) (jetstream.StreamInfo, bool, error) {
	info, err := c.streamInfo(ctx, name)
	if api, ok := apiError(err); ok && api.ErrorCode == codeStreamNotFound {
		return info, false, nil
	}
	return info, err == nil, explainLook(err)
}

func (c *Conn) lookConsumer(ctx context.Context, stream, name string) (jetstream.ConsumerConfig, bool, error) {
	var info jetstream.ConsumerInfo
	err := c.ask(ctx, "CONSUMER.INFO."+stream+"."+name, nil, &info)
	if api, ok := apiError(err); ok && api.ErrorCode == codeConsumerNotFound {
		return info.Config, false, nil
	}
	if err != nil {
		err = fmt.Errorf("look at consumer %s of stream %s: %w", name, stream, err)
	}
	return info.Config, err == nil, explainLook(err)
}

func explainLook(err error) error {
	if errors.Is(err, ErrDenied) {
		return fmt.Errorf("%w (the worker's user needs to publish to that subject)", err)
	}
	return err
}

// field is one line of a comparison.
type field struct {
	name       string
	is, should string
	remedy     string // not empty: the server cannot change it
}

// compareStream lists the differences that matter. Fields that the server adds
// by itself and those that are an administrator's affair (placement, metadata,
// description, compression, republishing) are not looked at.
func compareStream(is, should jetstream.StreamConfig) Plan {
	fields := append(shardFields(is, should), fixedFields(is, should)...)
	return differences(is.Name, "", append(fields, looseFields(is, should)...))
}

// shardFields come first: another number of shards would send the requests of
// most clouds to ledgers that do not know them.
func shardFields(is, should jetstream.StreamConfig) []field {
	remedy := fmt.Sprintf("set SHARDS back to what the streams were made with%s; it cannot be changed in place", shardsOf(is))
	return []field{{"subject_transform", transform(is.SubjectTransform), transform(should.SubjectTransform), remedy}}
}

func transform(t *jetstream.SubjectTransformConfig) string {
	if t == nil || t.Source == "" && t.Destination == "" {
		return "none"
	}
	return t.Source + " -> " + t.Destination
}

// shardsOf reads the number of shards out of an existing transform.
func shardsOf(c jetstream.StreamConfig) string {
	if c.SubjectTransform == nil {
		return ""
	}
	var n int
	_, after, found := strings.Cut(c.SubjectTransform.Destination, "partition(")
	if _, err := fmt.Sscanf(after, "%d,", &n); !found || err != nil {
		return ""
	}
	return fmt.Sprintf(" (%d)", n)
}

func fixedFields(is, should jetstream.StreamConfig) []field {
	const again = "the server cannot change it: when the stream is empty, delete it and start again"
	return []field{
		{"retention", is.Retention.String(), should.Retention.String(), again},
		{"storage", is.Storage.String(), should.Storage.String(), again},
		{"mirror", source(is.Mirror), source(should.Mirror), again},
		{"sealed", yes(is.Sealed), yes(should.Sealed), again},
		{"deny_delete", yes(is.DenyDelete), yes(should.DenyDelete), again},
		{"deny_purge", yes(is.DenyPurge), yes(should.DenyPurge), again},
		{"allow_msg_counter", yes(is.AllowMsgCounter), yes(should.AllowMsgCounter), again},
		{"persist_mode", is.PersistMode.String(), should.PersistMode.String(), again},
		{"max_consumers", number(is.MaxConsumers), number(should.MaxConsumers), again},
	}
}

func looseFields(is, should jetstream.StreamConfig) []field {
	fields := []field{
		{"subjects", list(is.Subjects), list(should.Subjects), ""},
		{"discard", is.Discard.String(), should.Discard.String(), ""},
		{"discard_new_per_subject", yes(is.DiscardNewPerSubject), yes(should.DiscardNewPerSubject), ""},
		{"max_msgs", number(is.MaxMsgs), number(should.MaxMsgs), ""},
		{"max_bytes", number(is.MaxBytes), number(should.MaxBytes), ""},
		{"max_age", is.MaxAge.String(), should.MaxAge.String(), ""},
		{"max_msgs_per_subject", number(is.MaxMsgsPerSubject), number(should.MaxMsgsPerSubject), ""},
		{"max_msg_size", number(is.MaxMsgSize), number(should.MaxMsgSize), ""},
		{"duplicate_window", is.Duplicates.String(), should.Duplicates.String(), ""},
		{"no_ack", yes(is.NoAck), yes(should.NoAck), ""},
		{"sources", number(len(is.Sources)), number(len(should.Sources)), ""},
		{"allow_rollup_hdrs", yes(is.AllowRollup), yes(should.AllowRollup), ""},
		{"allow_direct", yes(is.AllowDirect), yes(should.AllowDirect), ""},
		{"allow_msg_ttl", yes(is.AllowMsgTTL), yes(should.AllowMsgTTL), ""},
		{"subject_delete_marker_ttl", is.SubjectDeleteMarkerTTL.String(), should.SubjectDeleteMarkerTTL.String(), ""},
	}
	if should.Replicas > 0 {
		fields = append(fields, field{"num_replicas", number(is.Replicas), number(should.Replicas), ""})
	}
	return fields
}

// onto puts everything that compareStream looks at onto an existing
// configuration.
func onto(is, should jetstream.StreamConfig) jetstream.StreamConfig {
	should.Description, should.Placement, should.Metadata = is.Description, is.Placement, is.Metadata
	should.Compression, should.RePublish, should.FirstSeq = is.Compression, is.RePublish, is.FirstSeq
	should.ConsumerLimits, should.MirrorDirect = is.ConsumerLimits, is.MirrorDirect
	should.AllowAtomicPublish, should.AllowMsgSchedules = is.AllowAtomicPublish, is.AllowMsgSchedules
	should.AllowBatchPublish = is.AllowBatchPublish
	if should.Replicas == 0 {
		should.Replicas = is.Replicas
	}
	return should
}

func compareConsumer(stream string, is, should jetstream.ConsumerConfig) Plan {
	const again = "the server cannot change it: delete the consumer and start again"
	return differences(stream, should.Name, []field{
		{"deliver_policy", is.DeliverPolicy.String(), should.DeliverPolicy.String(), again},
		{"ack_policy", is.AckPolicy.String(), should.AckPolicy.String(), again},
		{"deliver_subject", is.DeliverSubject, should.DeliverSubject, again},
		{"filter_subjects", filters(is), filters(should), ""},
		{"ack_wait", is.AckWait.String(), should.AckWait.String(), ""},
		{"max_deliver", number(is.MaxDeliver), number(should.MaxDeliver), ""},
		{"max_ack_pending", number(is.MaxAckPending), number(should.MaxAckPending), ""},
		{"backoff", number(len(is.BackOff)), number(len(should.BackOff)), ""},
		{"headers_only", yes(is.HeadersOnly), yes(should.HeadersOnly), ""},
		{"inactive_threshold", is.InactiveThreshold.String(), should.InactiveThreshold.String(), ""},
	})
}

func filters(c jetstream.ConsumerConfig) string {
	if len(c.FilterSubjects) > 0 {
		return list(c.FilterSubjects)
	}
	return c.FilterSubject
}

func differences(stream, consumer string, fields []field) Plan {
	var plan Plan
	for _, f := range fields {
		if f.is == f.should {
			continue
		}
		change := Change{Stream: stream, Consumer: consumer, Action: ActionUpdate, Field: f.name, Is: f.is, Should: f.should}
		if f.remedy != "" {
			change.Action, change.Remedy = ActionManual, f.remedy
		}
		plan = append(plan, change)
	}
	return plan
}

func source(s *jetstream.StreamSource) string {
	if s == nil {
		return "none"
	}
	return s.Name
}

func list(names []string) string {
	return strings.Join(slices.Sorted(slices.Values(names)), " ")
}

func yes(b bool) string { return fmt.Sprint(b) }

// number shows -1 and 0, which both mean "no limit", as one.
func number[N int | int32 | int64](n N) string {
	if n <= 0 {
		return "unlimited"
	}
	return fmt.Sprint(n)
}
