package engine

import (
	"strings"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// ofLeg is the failure of a request; that of a leg tells to retry its bulk,
// which begins what did not succeed again and counts it, and nothing beside it.
func ofLeg(r *ledger.Record, f *messages.Failure) *messages.Failure {
	leg, is := legParent(r)
	if !is || f == nil {
		return f
	}
	retry := "`imsworker requests retry " + leg.Key + "` (failed legs only)"
	told := *f
	told.Remedy = strings.NewReplacer(
		ownRetry+", or "+sendAgain, retry,
		ownRetry+", or "+sendRest, retry,
		ownRetry, retry,
		"retry this attempt, or "+sendAgain, "go on with "+retry,
		"and "+sendAgain, "then go on with "+retry,
		sendAgain, "go on with "+retry,
	).Replace(f.Remedy)
	return &told
}

// What remedies tell to do with a request that belongs to no bulk.
const (
	ownRetry  = "`imsworker requests retry`"
	sendAgain = "send the request again under a new id"
	sendRest  = "send a request for the rest"
)
