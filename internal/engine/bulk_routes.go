package engine

import (
	"cmp"
	"context"
	"fmt"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// routes resolves the targets of a bulk. A place to which nothing can be copied
// is one with a problem; an error means that a cloud could not be asked.
func (g *Engine) routes(ctx context.Context, conf *Account, d messages.BulkCopy) ([]handlers.BulkTarget, error) {
	all := make([]handlers.BulkTarget, 0, len(d.Targets))
	for i, t := range d.Targets {
		to, err := g.route(ctx, conf, t)
		if err != nil {
			return nil, err
		}
		if to.Problem == nil {
			to.Problem = cmp.Or(misplaced(t, to), doubled(d, all, i, to))
		}
		all = append(all, to)
	}
	return all, nil
}

// misplaced is the problem of a target whose cloud is in another region than
// the one that it names beside it; nil if it has none.
func misplaced(t messages.BulkTarget, to handlers.BulkTarget) *messages.Failure {
	if t.Cloud == "" || t.Region == "" || t.Region == to.Region {
		return nil
	}
	return &messages.Failure{
		Reason:  messages.ReasonInvalid,
		Message: fmt.Sprintf("the target names region %s, but the cloud %s is in region %s", t.Region, t.Cloud, to.Region),
		Remedy:  "Leave region out, which the cloud's entry tells, or name the cloud that is meant.",
	}
}

// doubled is the problem of the target i if one of those before leads to the
// same copies: that is known only here, as {} and the own cloud's name, or a
// cloud and its region with its project, are one place.
func doubled(d messages.BulkCopy, before []handlers.BulkTarget, i int, to handlers.BulkTarget) *messages.Failure {
	t := d.Targets[i]
	for first, was := range before {
		b := d.Targets[first]
		if was.Problem == nil && was.Cloud == to.Cloud && was.Region == to.Region && was.Project == to.Project &&
			cmp.Or(b.Name, d.NameTemplate) == cmp.Or(t.Name, d.NameTemplate) && b.CmkID == t.CmkID {
			return &messages.Failure{
				Reason:  messages.ReasonInvalid,
				Message: fmt.Sprintf("targets[%d] is the same place as targets[%d], with the same name and key", i, first),
				Remedy:  "Take one of them out, or give it another name.",
			}
		}
	}
	return nil
}

func plain(targets []handlers.BulkTarget) []messages.BulkRoute {
	all := make([]messages.BulkRoute, 0, len(targets))
	for _, t := range targets {
		all = append(all, t.BulkRoute)
	}
	return all
}

// route is how an image of a cloud gets to a target.
func (g *Engine) route(ctx context.Context, conf *Account, t messages.BulkTarget) (handlers.BulkTarget, error) {
	here := messages.BulkRoute{Way: messages.WayHere, Cloud: conf.Name, Region: conf.Region}
	switch {
	case t.Cloud == conf.Name, t.Cloud == "" && t.Region == "":
		return handlers.BulkTarget{BulkRoute: here, Profile: conf.Profile}, nil
	case t.Cloud == "" && conf.Is(t.Region, t.ProjectName):
		return handlers.BulkTarget{BulkRoute: here, Profile: conf.Profile}, nil
	case t.Cloud == "":
		return g.routeAbroad(conf, t), nil
	}
	there, known := g.Clouds.Account(t.Cloud)
	if !known {
		return blocked(conf, messages.BulkRoute{Way: messages.WayAcross, Cloud: t.Cloud}, messages.ReasonConstraint,
			fmt.Sprintf("the cloud %s is not configured here", t.Cloud), "Add an entry for it to clouds.yaml, or correct the name."), nil
	}
	if there.Region != conf.Region {
		to := messages.BulkRoute{Way: messages.WayAcross, Cloud: there.Name, Region: there.Region, Project: cmp.Or(there.Project, there.Region)}
		return g.reachable(ctx, there, across(conf, there.Profile, to, t))
	}
	return g.routeShared(ctx, conf, there)
}

// blocked is a target with a problem.
func blocked(conf *Account, to messages.BulkRoute, reason messages.Reason, message, remedy string) handlers.BulkTarget {
	to.Problem = &messages.Failure{Reason: reason, Message: message, Remedy: remedy}
	return handlers.BulkTarget{BulkRoute: to, Profile: conf.Profile}
}

// routeAbroad is the way to a place that is named by region and project.
func (g *Engine) routeAbroad(conf *Account, t messages.BulkTarget) handlers.BulkTarget {
	to := messages.BulkRoute{Way: messages.WayAcross, Region: t.Region, Project: t.ProjectName}
	if t.Region == conf.Region {
		return blocked(conf, to, messages.ReasonConstraint, fmt.Sprintf("the project %s is in the images' own region %s", t.ProjectName, t.Region),
			"Name the project's entry of clouds.yaml as cloud of the target: images go there by being shared and accepted.")
	}
	there, known := g.Clouds.At(t.Region, t.ProjectName)
	if known {
		to.Cloud = there.Name
	} else if !conf.JobOnly {
		return blocked(conf, to, messages.ReasonConstraint, fmt.Sprintf("the destination, project %s in region %s, is no configured cloud", t.ProjectName, t.Region),
			"Add an entry for it to clouds.yaml, or set `cross_region_result: job-only` in the entry of the images' cloud to follow the jobs alone.")
	}
	return across(conf, conf.Profile, to, t)
}

// across is the way to another region, as far as there is one.
func across(conf *Account, profile ims.Profile, to messages.BulkRoute, t messages.BulkTarget) handlers.BulkTarget {
	switch {
	case conf.Profile != ims.ProfileHuawei || profile != ims.ProfileHuawei:
		return blocked(conf, to, messages.ReasonConstraint, fmt.Sprintf("only clouds of profile huaweicloud copy to other regions, and %s is in region %s", cmp.Or(to.Cloud, to.Project), to.Region),
			"Export the images (export-image), bring the files into a bucket of the other region, and import them there (import-image).")
	case t.AgencyName == "":
		return blocked(conf, to, messages.ReasonInvalid, fmt.Sprintf("a copy to region %s needs an agency", to.Region),
			"Give the target agency_name, an agency of IMS with rights in the destination.")
	case t.CmkID != "" || t.EnterpriseProjectID != "":
		return blocked(conf, to, messages.ReasonInvalid, "copies to other regions take neither cmk_id nor enterprise_project_id",
			"Leave them out, and copy the copy within its region with them.")
	}
	return handlers.BulkTarget{BulkRoute: to, Profile: profile}
}

// reachable asks a destination whether its credentials are good, before the
// first call of a leg.
func (g *Engine) reachable(ctx context.Context, there *Account, to handlers.BulkTarget) (handlers.BulkTarget, error) {
	if to.Problem != nil {
		return to, nil
	}
	return refusing(to, there.Client.Ping(ctx))
}

// refusing makes a problem of what a destination has refused for good.
func refusing(to handlers.BulkTarget, err error) (handlers.BulkTarget, error) {
	switch ims.VerdictOf(err) {
	case ims.Accepted:
		return to, nil
	case ims.Refused, ims.Account:
		to.Problem = failure(err)
		to.Problem.Message = fmt.Sprintf("the cloud %s cannot be worked on: %s", to.Cloud, to.Problem.Message)
		return to, nil
	}
	return to, fmt.Errorf("ask the destination %s: %w", to.Cloud, err)
}

// routeShared is the way to another project of the region.
func (g *Engine) routeShared(ctx context.Context, conf, there *Account) (handlers.BulkTarget, error) {
	to := handlers.BulkTarget{BulkRoute: messages.BulkRoute{Way: messages.WayShare, Cloud: there.Name, Region: there.Region}, Profile: there.Profile}
	own, err := conf.Client.ProjectID(ctx)
	if err != nil {
		return to, err
	}
	id, err := there.Client.ProjectID(ctx)
	if err != nil {
		return refusing(to, err)
	}
	if to.ProjectID = id; id == own {
		return blocked(conf, to.BulkRoute, messages.ReasonConstraint, fmt.Sprintf("the cloud %s is the images' own project", there.Name), "Leave cloud out of the target."), nil
	}
	return g.reachable(ctx, there, to)
}
