package fakecloud

import "time"

// Types of member jobs.
const (
	jobAddMembers    = "imsAddImageMembersJob"
	jobDeleteMembers = "imsDelImageMembersJob"
	jobUpdateMembers = "imsUpdateImageMembersJob"
)

// MemberResult is what became of one image and one recipient.
type MemberResult struct {
	ImageID string `json:"image_id"`
	Member  string `json:"member"`
	Failed  bool   `json:"failed,omitempty"`
}

// memberRequest is the body of POST and DELETE /v1/cloudimages/members (API
// reference 2.10).
type memberRequest struct {
	Images        []string `json:"images"`
	Projects      []string `json:"projects"`
	Domains       []string `json:"domains"`
	Organizations []string `json:"organizations"`
}

// recipients are all whom the body names. Open Telekom Cloud knows projects
// only, and says nothing of the rest.
func (c *cloud) recipients(body memberRequest) []Member {
	var all []Member
	add := func(kind string, ids []string) {
		for _, id := range ids {
			all = append(all, Member{ID: id, Kind: kind})
		}
	}
	add(memberProject, body.Projects)
	if c.Profile == ProfileHuawei {
		add(memberDomain, body.Domains)
		add(memberOrganization, body.Organizations)
	}
	return all
}

// readMembers is what adding and deleting have in common.
func (c *cloud) readMembers(q *request) (images []*Image, members []Member, a *answer) {
	var body memberRequest
	if a := decodeBody(q.body, &body); a != nil {
		return nil, nil, a
	}
	members = c.recipients(body)
	switch {
	case len(body.Images) == 0:
		return nil, nil, refuse("IMG.0001", "The images cannot be left blank.")
	case len(members) == 0:
		return nil, nil, refuse("IMG.0041", "The list of authorized accounts is empty.")
	}
	for _, id := range body.Images {
		image := c.images[id]
		if a := c.checkShared(image, q.now); a != nil {
			return nil, nil, a
		}
		images = append(images, image)
	}
	return images, members, nil
}

// addMembers shares images. An image that is shared already stays so.
func (c *cloud) addMembers(q *request) *answer {
	images, members, a := c.readMembers(q)
	if a != nil {
		return a
	}
	for _, m := range members {
		if m.Kind != memberProject {
			continue
		}
		if a := c.checkRecipient(m.ID); a != nil {
			return a
		}
	}
	for _, image := range images {
		if c.grown(image, members, q.now) > c.mostMembers(image) {
			return refuse("IMG.0088", "The number of tenants that the image is shared with exceeds the limit.")
		}
	}
	return c.memberJob(q, jobAddMembers, "IMG.0112", pairs(images, members), func(image *Image, m Member, at time.Time) { c.share(image, m, q.now, at) })
}

// grown counts the members that an image would have.
func (c *cloud) grown(image *Image, members []Member, now time.Time) int {
	count := len(image.members(now))
	for _, m := range members {
		if image.memberAt(m.ID, now) < 0 {
			count++
		}
	}
	return count
}

// share makes a member and shows the image to it, from then on.
func (c *cloud) share(image *Image, m Member, now, at time.Time) {
	if image.memberAt(m.ID, now) >= 0 {
		return
	}
	m.Since = at
	image.Members = append(image.Members, m)
	c.saveImage(image)
	other := c.neighbour(m.ID)
	if other == nil {
		return
	}
	row := *image
	row.Type, row.Appears, row.Gone, row.Members = "shared", at, time.Time{}, []Member{m}
	other.addImage(&row)
}

// deleteMembers takes images away. One that is not shared is no mistake.
func (c *cloud) deleteMembers(q *request) *answer {
	images, members, a := c.readMembers(q)
	if a != nil {
		return a
	}
	return c.memberJob(q, jobDeleteMembers, "IMG.0113", pairs(images, members), func(image *Image, m Member, at time.Time) { c.unshare(image, m, q.now, at) })
}

func (c *cloud) unshare(image *Image, m Member, now, at time.Time) {
	n := image.memberAt(m.ID, now)
	if n < 0 {
		return
	}
	image.Members[n].Gone = at
	c.saveImage(image)
	if other := c.neighbour(m.ID); other != nil && other.images[image.ID] != nil {
		other.leave(other.images[image.ID], at)
		other.saveImage(other.images[image.ID])
	}
}

// pair is one image and one member.
type pair struct {
	image  *Image
	member Member
}

func pairs(images []*Image, members []Member) []pair {
	var all []pair
	for _, image := range images {
		for _, m := range members {
			all = append(all, pair{image, m})
		}
	}
	return all
}

// memberJob starts the job that does all pairs. What is done is there from the
// job's end on; which pairs fail is an order (Outcome.MembersFailed), and the
// job fails only where all do.
func (c *cloud) memberJob(q *request, jobType, allFailed string, all []pair, do func(*Image, Member, time.Time)) *answer {
	outcome := c.nextOutcome(q.route.call)
	if outcome.MembersFailed >= len(all) {
		outcome.Code = orElse(outcome.Code, allFailed)
	}
	job := &Job{ID: c.newJobID(), Type: jobType, Call: q.route.call, Begin: q.now, Members: true}
	c.plan(job, outcome)
	for n, p := range all {
		failed := job.Code != "" || n < outcome.MembersFailed
		job.Results = append(job.Results, MemberResult{ImageID: p.image.ID, Member: p.member.ID, Failed: failed})
		if !failed {
			do(p.image, p.member, job.End)
		}
	}
	c.saveJob(job)
	c.accept(q, Mutation{JobID: job.ID})
	return c.jobStarted(job)
}

type resultView struct {
	ImageID   string `json:"image_id"`
	ProjectID string `json:"project_id,omitempty"`
	Status    string `json:"status"`
}

// addResults shows what became of each pair; nothing of members that were
// taken away (API reference 3.4).
func (c *cloud) addResults(v *jobView, job *Job) {
	if !job.Members || v.Status != "SUCCESS" {
		return
	}
	results := []resultView{}
	for _, r := range job.Results {
		shown := resultView{ImageID: r.ImageID, ProjectID: r.Member, Status: "success"}
		if r.Failed {
			shown.Status = "failed"
		}
		if c.switches.NoMemberProject {
			shown.ProjectID = ""
		}
		results = append(results, shown)
	}
	if job.Type == jobDeleteMembers {
		results = results[:0]
	}
	v.Entities.Results = &results
}
