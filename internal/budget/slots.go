package budget

import "time"

// Slots are how many pieces of work may run at once. Whoever begins one holds a
// slot until it has ended at the cloud, not only until its call is answered.
// The zero Slots have no limit.
type Slots struct {
	limit   int
	held    int
	learned int  // so many does the cloud let run, of ours
	full    bool // learned is known: the cloud has refused one more
	closure closure
}

// NewSlots returns slots that are all free. A limit of 0 is no limit.
func NewSlots(limit int) *Slots { return &Slots{limit: limit} }

// Resize changes the limit; slots that are held stay held.
func (s *Slots) Resize(limit int) {
	if limit != s.limit {
		s.limit, s.full = limit, false
	}
}

// Limit is how many may be held; 0 where there is no limit.
func (s *Slots) Limit() int { return s.limit }

// Held is how many are held.
func (s *Slots) Held() int { return s.held }

// Hold takes a slot, whether one is free or not: the work runs already, or
// Next has said so.
func (s *Slots) Hold() { s.held++ }

// Release gives a slot back. As many as were held can run at once.
func (s *Slots) Release() {
	if s.full && s.held > s.learned {
		s.learned = s.held
		s.full = s.limit <= 0 || s.learned < s.limit
	}
	s.held--
}

// Throttled says that the cloud refused to let one more run, which holds no
// slot any more. As many as are held now may be held, and one more is tried
// after the wait that belongs to the number of times in a row.
func (s *Slots) Throttled(begun, now time.Time, wait func(times int) time.Duration) {
	s.learned, s.full = s.held, true
	if begun.After(s.closure.since) {
		s.closure.shut(now, wait)
	} else {
		s.closure.extend(now, wait)
	}
}

// Next is the earliest time at which one more may begin; false where the end of
// one that runs has to be awaited.
func (s *Slots) Next(now time.Time) (time.Time, bool) {
	switch {
	case s.limit > 0 && s.held >= s.limit, s.full && s.held > s.learned:
		return now, false
	case s.full && s.held == s.learned:
		return s.closure.open(now), true
	}
	return now, true
}
