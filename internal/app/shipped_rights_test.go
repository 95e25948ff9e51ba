package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/messages"
)

// may reports whether rights cover every subject that matches.
func may(p *server.SubjectPermission, subject string) bool {
	covers := func(filter string) bool { return server.SubjectsCollide(subject, filter) && subset(subject, filter) }
	return slices.ContainsFunc(p.Allow, covers) && !slices.ContainsFunc(p.Deny, covers)
}

// subset reports whether filter matches all that subject does.
func subset(subject, filter string) bool {
	s, f := strings.Split(subject, "."), strings.Split(filter, ".")
	for i, token := range f {
		switch {
		case token == ">":
			return len(s) > i
		case i >= len(s) || s[i] == ">" || token != "*" && token != s[i]:
			return false
		}
	}
	return len(s) == len(f)
}

// TestShippedRightsAreTheCodes: what the lists of rights say is what the streams
// and the code say, in both directions. A new subject, verb or reader that is
// missing in the file fails here.
func TestShippedRightsAreTheCodes(t *testing.T) {
	t.Parallel()
	s := brokertest.StartShipped(t, nil)
	worker, operator := s.Rights(t, "worker").Publish, s.Rights(t, "operator").Publish
	readers := s.Consumers(t)
	streams := broker.Topology(broker.TopologyOptions{Shards: 99, EventsMaxAge: time.Hour, Notify: true})
	var stored []string
	for _, stream := range streams {
		stored = append(stored, stream.Config.Subjects...)
		name := stream.Config.Name
		for _, verb := range []string{"STREAM.INFO.", "STREAM.MSG.GET."} {
			if !may(worker, "$JS.API."+verb+name) || !may(operator, "$JS.API."+verb+name) {
				t.Errorf("%s%s is missing", verb, name)
			}
		}
		for _, consumer := range stream.Consumers {
			if !may(worker, "$JS.API.CONSUMER.MSG.NEXT."+name+"."+consumer.Name) || !may(worker, "$JS.ACK."+name+"."+consumer.Name+".>") {
				t.Errorf("the worker cannot fetch from %s of %s", consumer.Name, name)
			}
		}
		if name != broker.StreamRequests {
			for _, subject := range stream.Config.Subjects {
				if !may(worker, subject) {
					t.Errorf("the worker cannot write %s", subject)
				}
			}
		}
	}
	for user, p := range map[string]*server.SubjectPermission{"worker": worker, "operator": operator} {
		for _, subject := range p.Allow {
			if strings.HasPrefix(subject, "ims.") && !strings.HasPrefix(subject, "ims.query.") &&
				!slices.ContainsFunc(stored, func(all string) bool { return server.SubjectsCollide(subject, all) }) {
				t.Errorf("%s may publish %s, which no stream takes", user, subject)
			}
		}
		for _, consumer := range readers {
			if may(p, "$JS.API.CONSUMER.MSG.NEXT.IMS_EVENTS."+consumer) || may(p, "$JS.API.CONSUMER.CREATE.IMS_EVENTS."+consumer+".ims.event.demo.>") {
				t.Errorf("%s may take or change what is for %s: deny it", user, consumer)
			}
		}
	}
	for _, verb := range []string{messages.VerbCancel, messages.VerbRetry, messages.VerbResolve, messages.VerbPause, messages.VerbResume} {
		if !may(operator, messages.ControlSubject("demo", verb)) {
			t.Errorf("the operator may not %s", verb)
		}
	}
	if may(operator, messages.ControlSubject("demo", messages.VerbChildFinished)) || !may(worker, messages.ControlSubject("demo", messages.VerbChildFinished)) {
		t.Error("only a worker may tell of children")
	}
	for _, operation := range handlers.Names() {
		if !may(worker, messages.RequestSubject("demo", operation)) || !may(operator, messages.RequestSubject("demo", operation)) {
			t.Errorf("%s cannot be asked for", operation)
		}
	}
	for _, what := range []string{messages.AskLimits, messages.AskWaiting, messages.AskRecord} {
		if subject := broker.QuerySubject(5, what); !may(operator, subject) || !may(s.Rights(t, "worker").Subscribe, subject) {
			t.Errorf("%s cannot be asked or answered", subject)
		}
	}
	if len(readers) == 0 || !slices.Contains(readers, broker.ReaderConsumer("demo")) {
		t.Errorf("readers %v", readers)
	}
	administrates(t, s.Rights(t, "administrator").Publish, streams)
}

// administrates: the administrator may make all of it, whatever its filters.
func administrates(t *testing.T, p *server.SubjectPermission, streams []broker.Stream) {
	t.Helper()
	for _, stream := range streams {
		for _, verb := range []string{"INFO.", "CREATE.", "UPDATE."} {
			if !may(p, "$JS.API.STREAM."+verb+stream.Config.Name) {
				t.Errorf("the administrator lacks STREAM.%s%s", verb, stream.Config.Name)
			}
		}
		for _, consumer := range stream.Consumers {
			verb := "CONSUMER.CREATE." + stream.Config.Name + "." + consumer.Name
			if consumer.FilterSubject != "" {
				verb += "." + consumer.FilterSubject
			}
			if !may(p, "$JS.API."+verb) {
				t.Errorf("the administrator lacks %s", verb)
			}
		}
	}
}
