package client

import (
	"slices"

	"github.com/agext/levenshtein"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// Operations returns the names of all operations.
func Operations() []string { return handlers.Names() }

// NearestOperation returns the operation whose name is most like the one given.
func NearestOperation(name string) string {
	return slices.MinFunc(Operations(), func(a, b string) int {
		return levenshtein.Distance(name, a, nil) - levenshtein.Distance(name, b, nil)
	})
}

// Judge says what a worker would find wrong with a request for a cloud of that profile, without asking the cloud.
func Judge(r messages.Request, profile string) messages.Problems {
	_, header, body := messages.EncodeRequest(r)
	envelope, problems := messages.ReadEnvelope(r.Operation, header, body)
	if len(problems) > 0 {
		return problems
	}
	operation, ok := handlers.Lookup(r.Operation)
	if !ok {
		problems.Add("", "there is no operation %q", r.Operation)
		return problems
	}
	_, problems = operation.Decode(envelope.Data, ims.Profile(profile))
	return problems
}
