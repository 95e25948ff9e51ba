package fakecloud

// Outcome is an order for the next jobs, or exports of disks, that begin. Like
// a Fault it lives in memory.
type Outcome struct {
	Call string `json:"call"` // a call that starts a job, or ExportVolume; "*" is any
	// Count, Probability and Seed are as of a Fault, by jobs.
	Count       int     `json:"count"`
	Probability float64 `json:"probability,omitempty"`
	Seed        int64   `json:"seed,omitempty"`

	Code   string `json:"code"` // not empty: the job fails with it
	Reason string `json:"reason"`
	Killed bool   `json:"killed"` // of a failed job: the image stays, killed
	Gone   bool   `json:"gone"`   // of a failed export of a disk: the image goes instead of staying killed
	Stuck  bool   `json:"stuck"`  // the job runs for ever

	MembersFailed int `json:"members_failed"` // of a member job: so many of its items fail, the first ones

	ImageLate  Duration `json:"image_late"`
	ImageNever bool     `json:"image_never"`
	ImageEarly bool     `json:"image_early"`
	Run        Duration `json:"run"` // how long it runs; 0 as usual

	Forgotten      bool     `json:"forgotten"`       // the job cannot be asked for, its image comes all the same
	ForgottenAfter Duration `json:"forgotten_after"` // the job is forgotten that long after its beginning
}

func (o Outcome) terms() terms {
	return terms{call: o.Call, count: o.Count, probability: o.Probability, seed: o.Seed}
}

func (o Outcome) left(count int) Outcome {
	o.Count = count
	return o
}

func (o Outcome) check() error { return nil }

// Decide adds outcomes for the next jobs. If one is wrong, none is added.
func (f *Fake) Decide(cloud string, outcomes ...Outcome) error {
	c, err := f.cloud(cloud)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.outcomes.add(c, outcomes)
}

// nextOutcome uses up one order for a job; the lock is held.
func (c *cloud) nextOutcome(call string) Outcome {
	outcome, _ := c.outcomes.next(call, func(Outcome) bool { return true })
	return outcome
}
