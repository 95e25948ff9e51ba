package messages

import "time"

// What the owner of a shard can be asked: request and reply on
// ims.query.<shard>.<what>, question and answer in JSON. Nobody answers for a
// shard without an owner.
const (
	AskLimits  = "limits"  // LimitsQuestion, LimitsAnswer
	AskWaiting = "waiting" // WaitingQuestion, ProspectsAnswer
	AskRecord  = "record"  // RecordQuestion, ProspectsAnswer
)

// Bounds of one answer: the rest is on the next page.
const (
	LimitsPage    = 40  // clouds
	ProspectsPage = 400 // requests
)

// LimitsQuestion asks for the budgets of some clouds, or of all those of the
// shard.
type LimitsQuestion struct {
	Clouds []string `json:"clouds,omitempty"`
	// After is LimitsAnswer.Next of the page before.
	After string `json:"after,omitempty"`
}

// LimitsAnswer is one page of budgets, the clouds sorted by name.
type LimitsAnswer struct {
	Shard    int           `json:"shard"`
	Instance string        `json:"instance"` // the replica that answers
	Clouds   []CloudLimits `json:"clouds"`
	Next     string        `json:"next,omitempty"` // empty on the last page
	Error    string        `json:"error,omitempty"`
}

// CloudLimits is how one account stands to its limits.
type CloudLimits struct {
	Cloud      string `json:"cloud"`
	Configured bool   `json:"configured"`
	// Waiting are the requests that have not been submitted, Following those
	// whose work at the cloud has not ended.
	Waiting   int `json:"waiting"`
	Following int `json:"following"`
	// RefusedUntil is set while the cloud refuses the credentials: nothing is
	// asked of it before.
	RefusedUntil *time.Time `json:"refused_until"`
	// Paused are the operations of which nothing new is submitted since somebody
	// said so, until they are resumed; PausedAll is the operation's name for all of
	// them, alone. What is paused stands in no line.
	Paused  []string    `json:"paused,omitempty"`
	Buckets []BucketUse `json:"buckets"`
}

// PausedAll stands in CloudLimits.Paused for the whole cloud.
const PausedAll = "*"

// Kinds of a bucket.
const (
	BucketCreates = "creates" // a sliding window for calls that create something
	BucketQueries = "queries" // questions, spread over the window
	BucketSlots   = "slots"   // how many may run at the cloud at once
)

// BucketUse is the use of one limit. Limit is nil where there is none, Left
// where none is or where questions are spread.
type BucketUse struct {
	Bucket string `json:"bucket"`
	Kind   string `json:"kind"`
	Limit  *int   `json:"limit"`
	// Configured is what clouds.yaml or the profile says, where the worker has
	// learned that less gets through.
	Configured *int    `json:"configured"`
	Seconds    float64 `json:"window_seconds,omitempty"`
	// Used are the calls of the window before now, or the jobs under way, that
	// the cloud counts; Refused those that it has refused for coming too fast, and
	// does not count: they use up nothing but what is configured.
	Used    int  `json:"used"`
	Refused int  `json:"refused,omitempty"`
	Left    *int `json:"left"`
	Running int  `json:"running"` // calls, or for slots jobs, under way
	Waiting int  `json:"waiting"` // requests in the line, or questions that are due
	// Next is when a slot comes back, nil while there is one.
	Next *time.Time `json:"next"`
	// ClosedUntil is set while the cloud has told to wait, ClosedBy is then what
	// it said: its code, or "HTTP." and the status, and its words.
	ClosedUntil *time.Time `json:"closed_until"`
	ClosedBy    string     `json:"closed_by,omitempty"`
}

// WaitingQuestion asks for the line of one bucket of a cloud, in the order in
// which it will be submitted as things stand.
type WaitingQuestion struct {
	Cloud  string `json:"cloud"`
	Bucket string `json:"bucket"`
	// From is how many of the line to leave out: those of earlier pages.
	From int `json:"from,omitempty"`
	// Limit is how many to tell at most, ProspectsPage if 0.
	Limit int `json:"limit,omitempty"`
}

// RecordQuestion asks for the prospects of requests, ProspectsPage of them at
// most.
type RecordQuestion struct {
	Keys []string `json:"keys"`
}

// ProspectsAnswer tells of those requests that the shard has and that have not
// ended.
type ProspectsAnswer struct {
	Shard    int        `json:"shard"`
	Instance string     `json:"instance"`
	Requests []Prospect `json:"requests"`
	More     bool       `json:"more,omitempty"` // the line goes on
	Error    string     `json:"error,omitempty"`
}

// Prospect is what the worker expects of one request now. What nobody can know
// is nil.
type Prospect struct {
	Key       string     `json:"key"`
	Cloud     string     `json:"cloud"`
	Operation string     `json:"operation"`
	State     string     `json:"state"` // of its record
	Waits     WaitReason `json:"waits"`
	// Bucket is the limit that its next creating call takes from; empty once
	// there is none to make.
	Bucket string `json:"bucket,omitempty"`
	// Ahead is how many requests go before it, nil where it is not in line.
	Ahead *int `json:"ahead"`
	// Until is when it is looked at again, where it waits for a moment.
	Until *time.Time `json:"until"`
	Estimate
	// Risk is the probability, from 0 to 1, that it ends after its deadline.
	Risk *float64 `json:"risk"`
}

// WaitReason is why a request has not gone on.
type WaitReason string

// The closed list of reasons.
const (
	WaitsAnnounced   WaitReason = "announced"    // for its accepted event to be told
	WaitsTurn        WaitReason = "turn"         // for its turn, which is there as soon as a call can be made
	WaitsBudget      WaitReason = "budget"       // for a slot of its bucket's window
	WaitsSlot        WaitReason = "slot"         // for a job that runs at the cloud to end
	WaitsThrottled   WaitReason = "throttled"    // for a bucket that the cloud has closed
	WaitsCredentials WaitReason = "credentials"  // for the cloud to take the credentials
	WaitsPaused      WaitReason = "paused"       // for a person to resume the operation
	WaitsAccount     WaitReason = "account"      // another cloud is the same account and works it
	WaitsConfigured  WaitReason = "unconfigured" // for the cloud to be in clouds.yaml
	WaitsNotBefore   WaitReason = "not_before"   // for the time that it names
	WaitsParked      WaitReason = "parked"       // the cloud has put it off
	WaitsRetry       WaitReason = "retry"        // for a moment: the last try did not get through
	WaitsAnswer      WaitReason = "answer"       // for the cloud's answer to the submission
	WaitsSearch      WaitReason = "search"       // the answer was lost, the cloud is searched
	WaitsEnd         WaitReason = "end"          // for the cloud's work to end
	WaitsLegs        WaitReason = "legs"         // a bulk: for its legs to end
	WaitsCancel      WaitReason = "cancel"       // it is being cancelled
	WaitsTrail       WaitReason = "trail"        // cancelled and told; what it had started still runs
	WaitsPerson      WaitReason = "person"       // unresolved: a person must look
	WaitsTold        WaitReason = "told"         // for its end to be told
)

// WaitReasons returns all of them.
func WaitReasons() []WaitReason {
	return []WaitReason{
		WaitsAnnounced, WaitsTurn, WaitsBudget, WaitsSlot, WaitsThrottled, WaitsCredentials, WaitsPaused, WaitsAccount, WaitsConfigured,
		WaitsNotBefore, WaitsParked, WaitsRetry, WaitsAnswer, WaitsSearch, WaitsEnd, WaitsLegs, WaitsCancel, WaitsTrail, WaitsPerson, WaitsTold,
	}
}
