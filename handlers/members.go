package handlers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// The states of a member in a result: the cloud's word for what it has done,
// and ours for what is not there although it should be.
const (
	memberDone    = "success"
	memberMissing = "missing"
)

func memberStatus(done bool) string {
	if done {
		return memberDone
	}
	return memberMissing
}

// allMembers is what was found: done where every member is, else nothing, with
// what is known of each.
func allMembers(members []messages.Member) (Found, error) {
	found := Found{Result: messages.Result{Members: members}, Done: notDone(members) == ""}
	if !found.Done {
		return found, ErrNotFound
	}
	return found, nil
}

// readMembers reads what a job did for each of the wanted members. Jobs that
// take away tell nothing, one of the two job queries tells nothing either, and
// some clouds leave out the projects (API reference 3.4, 3.5): where not each
// member's outcome is told, the members themselves have to be looked at.
func readMembers(wanted []messages.Member, job ims.Job) Outcome {
	told, complete := toldMembers(wanted, job.Results)
	if !complete {
		return Outcome{Unnamed: true}
	}
	return Outcome{Result: messages.Result{Members: told}, Failed: notDone(told)}
}

func toldMembers(wanted []messages.Member, results []ims.MemberResult) (told []messages.Member, complete bool) {
	done := func(r ims.MemberResult) bool { return r.Status == memberDone }
	nameless := func(r ims.MemberResult) bool { return r.ProjectID == "" }
	allDone := len(results) == len(wanted) && !slices.ContainsFunc(results, func(r ims.MemberResult) bool { return !done(r) })
	for _, w := range wanted {
		n := slices.IndexFunc(results, func(r ims.MemberResult) bool {
			return strings.EqualFold(r.ImageID, w.ImageID) && (w.ProjectID == "" || strings.EqualFold(r.ProjectID, w.ProjectID))
		})
		switch {
		case n >= 0:
			w.Status, w.ProjectID = results[n].Status, cmp.Or(w.ProjectID, results[n].ProjectID)
		case allDone && slices.ContainsFunc(results, nameless):
			w.Status = memberDone
		default:
			return nil, false
		}
		told = append(told, w)
	}
	return told, true
}

// notDone says in words which members are not done; empty where all are.
func notDone(members []messages.Member) string {
	const shown = 5
	var words []string
	for _, m := range members {
		if m.Status != memberDone {
			words = append(words, fmt.Sprintf("image %s with %s: %s", m.ImageID, m.ProjectID, m.Status))
		}
	}
	if len(words) == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of %d images and recipients were not done: ", len(words), len(members)) + strings.Join(words[:min(shown, len(words))], "; ")
	if len(words) > shown {
		text += "; and others"
	}
	return text
}
