package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// ofBackups is the operation that backup notices lead to.
const ofBackups = "create-whole-image"

// notice takes a backup notice; one that names no backup is a dead letter.
func (in *Intake) notice(ctx context.Context, msg *message.Message, d broker.Delivery, cloud, verb string) error {
	if _, known := in.Cloud(cloud); !known && in.unknown.wait(d, unknownLimit) {
		broker.Delay(msg, unknownPause)
		return fmt.Errorf("cloud %q is not known here; the notice waits", cloud)
	}
	in.unknown.done(d)
	n, verdict := in.readNotice(d, msg.Payload, cloud, verb)
	if len(verdict.Problems) > 0 {
		return in.Dead.Store(ctx, letter(d, msg.Payload, cloud, verb), verdict)
	}
	crash.At(crash.Delivered)
	return in.Hear(ctx, cloud, n, d.Time)
}

func (in *Intake) readNotice(d broker.Delivery, body []byte, cloud, verb string) (messages.Notice, Verdict) {
	if verb != messages.VerbReady {
		return messages.Notice{}, Verdict{ReasonUnknownOperation, messages.Problems{{Message: fmt.Sprintf("there is no backup notice %q; known is %s", brief(verb), messages.VerbReady)}}}
	}
	if _, known := in.Cloud(cloud); !known {
		return messages.Notice{}, Verdict{ReasonUnknownCloud, messages.Problems{unknownCloud(cloud)}}
	}
	n, problems := messages.ReadNotice(d.Header, body)
	return n, Verdict{ReasonInvalid, problems}
}

// BackupAsked reports whether a request for the backup's image is known, to
// the ledger or, longer, to its events; it counts a duplicate if so.
func (in *Intake) BackupAsked(ctx context.Context, cloud, backupID string) (bool, error) {
	id := messages.BackupIdentity(cloud, backupID)
	key := messages.Key(cloud, id.Source, id.ID)
	_, err := in.Records.Get(ctx, key)
	if err != nil && !errors.Is(err, ledger.ErrNone) {
		return false, err
	}
	asked := err == nil
	if !asked {
		if _, asked, err = in.History.Accepted(ctx, cloud, key, 1); err != nil {
			return false, err
		}
	}
	if !asked { // one that was refused before it was accepted has but a final event
		if _, asked, err = in.History.Final(ctx, cloud, key, 1); err != nil {
			return false, err
		}
	}
	if asked {
		in.Count.Request(cloud, ofBackups, "duplicate")
	}
	return asked, nil
}

// AskOfBackup makes the record of the request for a backup's image, unless
// there is one. The data is the rules' word: what cannot be a request is told
// as problems, and nothing is stored.
func (in *Intake) AskOfBackup(ctx context.Context, cloud, backupID string, data []byte) (messages.Problems, error) {
	conf, known := in.Cloud(cloud)
	op, exists := handlers.Lookup(ofBackups)
	if !known || !exists {
		return nil, fmt.Errorf("ask for an image of backup %s: cloud %q is not known here", backupID, cloud)
	}
	work, problems := op.DecodeAt(data, in.place(cloud, conf.Profile))
	if len(problems) > 0 {
		return problems, nil
	}
	r := in.record(&request{cloud: cloud, operation: ofBackups, envelope: messages.Envelope{
		Identity: messages.BackupIdentity(cloud, backupID), HasIdentity: true, Data: data,
	}}, work, conf)
	beyond, err := in.overreach(ctx, r, conf)
	switch {
	case err != nil:
		return nil, err
	case len(beyond) > 0:
		forbidSteps(r, beyond)
	}
	if !conf.Allows(ofBackups) {
		forbid(r)
	}
	err = in.Records.Create(ctx, r)
	if errors.Is(err, ledger.ErrExists) {
		in.Count.Request(cloud, ofBackups, "duplicate")
		return nil, nil
	}
	crash.At(crash.Recorded)
	return nil, err
}

// BuryNotice stores a dead letter that has the notice for its body, so that it
// can be replayed when what was in its way is mended. Of a backup there is one
// for each cause within broker.DeadWindow, however many notices come to it.
func (in *Intake) BuryNotice(ctx context.Context, cloud string, n messages.Notice, ps messages.Problems) error {
	name := messages.Key(cloud, cmp.Or(strings.ToLower(n.Backup.ID), fmt.Sprint(n)), ps.Error())
	subject, header, body, err := messages.EncodeNotice(cloud, messages.Identity{Source: "/imsworker/notices", ID: name}, n, time.Now())
	if err != nil {
		return fmt.Errorf("encode notice: %w", err)
	}
	l := Letter{Cloud: cloud, Operation: messages.VerbReady, Subject: subject, Header: header, Body: body, Name: "notice-" + name}
	return in.Dead.Store(ctx, l, Verdict{Reason: ReasonBackup, Problems: ps})
}
