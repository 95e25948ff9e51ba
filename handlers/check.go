package handlers

import (
	"context"
	"errors"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// rule is one constraint that a request's data alone can break.
type rule[D any] struct {
	// id names the constraint for people: kebab case, the same wherever it
	// holds, such as "name-characters".
	id string
	// says is the constraint in words, with the section of the API reference.
	says string
	find func(D, ims.Profile) messages.Problems
}

// check is one constraint that only the cloud can tell.
type check[D, C any] struct {
	id, says string // as of a rule
	// ask returns nil where the constraint holds, and where it cannot be told
	// from the answer. It reads; what several checks read is read once.
	ask func(ctx context.Context, cloud C, data D) error
}

// named lists rules and checks by their names.
func named[D, C any](rules []rule[D], checks []check[D, C]) []Rule {
	list := make([]Rule, 0, len(rules)+len(checks))
	for _, r := range rules {
		list = append(list, Rule{ID: r.id, Says: r.says})
	}
	for _, c := range checks {
		list = append(list, Rule{ID: c.id, Says: c.says, Asks: true})
	}
	return list
}

// judge finds what is wrong by any of the rules.
func judge[D any](rules []rule[D], data D, p ims.Profile) (ps messages.Problems) {
	for _, r := range rules {
		ps = append(ps, r.find(data, p)...)
	}
	return ps
}

// ask goes through the checks. One that could not be asked ends them.
func ask[D, C any](ctx context.Context, checks []check[D, C], cloud C, data D) error {
	var broken Refusals
	for _, c := range checks {
		var several Refusals
		err := c.ask(ctx, cloud, data)
		switch {
		case err == nil:
		case errors.As(err, &several):
			broken = append(broken, several...)
		case refuses(err):
			broken = append(broken, Refusal{Rule: c.id, Err: err})
		default:
			return err
		}
	}
	return broken.orNil()
}

// refuses reports whether an error says what Submit would have been told,
// rather than that the cloud could not be asked.
func refuses(err error) bool {
	switch ims.VerdictOf(err) {
	case ims.Refused, ims.Park, ims.Already:
		return true
	default:
		return false
	}
}

// Refusal is one rule that is broken.
type Refusal struct {
	Rule string
	Err  error
}

// Refusals are the rules that a request breaks, found before its call; never
// empty. The gravest stands first in Unwrap, so that its verdict counts.
type Refusals []Refusal

// orNil is the refusals as an error, nil where there are none.
func (rs Refusals) orNil() error {
	if len(rs) == 0 {
		return nil
	}
	return rs
}

// Error names all of them.
func (rs Refusals) Error() string {
	words := make([]string, 0, len(rs))
	for _, r := range rs {
		words = append(words, r.Rule+": "+r.Err.Error())
	}
	return strings.Join(words, "; ")
}

// Unwrap returns the errors, those that no waiting helps first.
func (rs Refusals) Unwrap() []error {
	var grave, passing []error
	for _, r := range rs {
		if ims.VerdictOf(r.Err) == ims.Park {
			passing = append(passing, r.Err)
		} else {
			grave = append(grave, r.Err)
		}
	}
	return append(grave, passing...)
}

// Problems puts the refusals into an event's words.
func (rs Refusals) Problems() (ps messages.Problems) {
	for _, r := range rs {
		words := r.Err.Error()
		if e, ok := errors.AsType[*ims.Error](r.Err); ok && e.Message != "" {
			words = e.Message
		}
		ps = append(ps, messages.Problem{Message: r.Rule + ": " + words})
	}
	return ps
}
