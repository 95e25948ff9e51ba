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

// NearestOperation returns the operation that was probably meant by a name, empty if none is near.
func NearestOperation(name string) string { return Nearest(name, Operations()) }

// Nearest returns the known word that a mistyped one may have meant, or "".
func Nearest(word string, known []string) string {
	best, least := "", 1+max(2, len(word)/3)
	for _, k := range known {
		if d := levenshtein.Distance(word, k, nil); d < least {
			best, least = k, d
		}
	}
	return best
}

// Profiles returns the names of the profiles that a request can be judged for.
func Profiles() []string { return []string{string(ims.ProfileOTC), string(ims.ProfileHuawei)} }

// Judge says what a worker would find wrong with a request, without asking the cloud. Of several profiles, of which the cloud
// may have any, only that counts which is wrong in all.
func Judge(r messages.Request, profiles ...string) messages.Problems {
	problems := judge(r, profiles[0])
	for _, profile := range profiles[1:] {
		others := judge(r, profile)
		problems = slices.DeleteFunc(problems, func(p messages.Problem) bool {
			return !slices.ContainsFunc(others, func(other messages.Problem) bool { return other.Field == p.Field })
		})
	}
	return problems
}

func judge(r messages.Request, profile string) messages.Problems {
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
	return append(problems, messages.PutOffTooFar(envelope.Data, r.Time)...)
}
