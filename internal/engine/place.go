package engine

import (
	"fmt"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/messages"
)

// Is reports whether the account is that of a region and a project's name. The
// default project of a region has the region's name (ims-api.md 1.1).
func (a *Account) Is(region, project string) bool {
	own := a.Project
	if own == "" {
		own = a.Region
	}
	return a.Region == region && own == project
}

// place is the account in which the work's result appears: the one that does
// the work, or a destination; false where that is no configured cloud.
func (g *Engine) place(conf *Account, work handlers.Work) (*Account, bool) {
	to, elsewhere := work.Destination()
	if !elsewhere {
		return conf, true
	}
	return g.Clouds.At(to.Region, to.Project)
}

// sees reports whether the work's result can be looked for. Where it cannot,
// nothing tells whether a lost call was carried out, and it is not sent again.
func (g *Engine) sees(conf *Account, work handlers.Work) bool {
	_, known := g.place(conf, work)
	return known
}

// placeless is the failure of a request whose result nobody here could look
// at.
func placeless(work handlers.Work) *messages.Failure {
	to, _ := work.Destination()
	return &messages.Failure{
		Reason:  messages.ReasonConstraint,
		Message: fmt.Sprintf("the destination, project %s in region %s, is no configured cloud", to.Project, to.Region),
		Remedy:  "add an entry for it to clouds.yaml, or set `cross_region_result: job-only` in this cloud's entry to follow the job alone",
	}
}
