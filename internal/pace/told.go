package pace

import "time"

const (
	// often is how much sooner than usual a job is looked at, or expected to end,
	// at most because of what the cloud tells, seldom how much later.
	often, seldom = 4, 4
	// percent is how exact a share is: the cloud tells whole ones, rounded down.
	percent = 0.01
)

// Share is what the cloud tells of a job: how much of the work is done.
type Share struct {
	Now    float64       // 0 to 1
	Before float64       // at the look before, 0 for nothing
	Since  time.Duration // how long ago it was first told; 0 if it has changed
}

// grows reports whether the share tells anything of a job that takes that long
// by its account: it can stick, jump and lie.
func (s Share) grows(whole time.Duration) bool {
	stuck := s.Now == s.Before && float64(s.Since) > 2*percent*float64(whole)
	return s.Now > 0 && s.Now < 1 && s.Now >= s.Before && !stuck
}

// whole is how long a job takes of which that share was done at that age.
func (s Share) whole(age time.Duration) time.Duration {
	return time.Duration(float64(age) / (s.Now + percent/2))
}

// Told is Wait after a look at which the cloud said that such a share of the
// work is done. What tells nothing, since it does not grow, changes nothing, and
// the rest moves the look within limits: it comes a few times sooner or later
// than it would without, and no later than the bound's Max, if that is more.
// near: the end is expected then, so that the look should not stand in line.
func (p Plan) Told(age time.Duration, s Share) (wait time.Duration, near bool) {
	usual := p.Wait(age)
	if age <= 0 || s.Now <= 0 {
		return usual, false
	}
	whole := s.whole(age)
	if !s.grows(whole) {
		return usual, false
	}
	left := max(0, whole-age)
	due := left + p.Bound.Of(whole)/2 + p.Grace
	if due < usual+p.Line {
		return max(due, usual/often), true
	}
	return max(usual, min(left/2, seldom*usual, p.mostTold(usual))), false
}

// mostTold is the latest that a percentage may have a job looked at.
func (p Plan) mostTold(usual time.Duration) time.Duration {
	latest := max(usual, p.Bound.Max)
	if p.Most > 0 {
		latest = min(latest, max(usual, p.Most))
	}
	return latest
}

// Sharpened is Remaining for a job of that age of which the cloud told a share
// some time ago. What tells nothing, or has promised an end that is over,
// changes nothing, and the rest moves the end within limits: the job is taken
// to last a few times shorter or longer than it would be without. Where nothing
// is known of such jobs nobody could say whether a share lies.
func (o Outlook) Sharpened(age time.Duration, s Share, ago time.Duration) (left time.Duration, known bool) {
	usual, known := o.Remaining(age)
	first := age - ago - s.Since
	if !known || first <= 0 || s.Now <= 0 {
		return usual, known
	}
	whole := s.whole(first)
	if !s.grows(whole) || whole <= age {
		return usual, true
	}
	return min(max(whole-age, usual/often), seldom*usual), true
}
