package fakecloud

import (
	"slices"
	"time"
)

// Kinds of those that an image can be shared with.
const (
	memberProject      = "project"
	memberDomain       = "domain"
	memberOrganization = "organization"
)

// Most members of an image (API reference 2.10).
const (
	mostMembersOTC    = 256
	mostMembersHuawei = 128
	mostMembersWhole  = 10
)

// Member is somebody that an image is shared with, with the moments of it.
type Member struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Since    time.Time `json:"since"`
	Answer   string    `json:"answer,omitempty"` // accepted or rejected, from Answered on
	Answered time.Time `json:"answered,omitzero"`
	Before   string    `json:"before,omitempty"` // the answer before that one
	Gone     time.Time `json:"gone,omitzero"`
}

func (m Member) lives(now time.Time) bool {
	return !now.Before(m.Since) && !m.leaves(now)
}

func (m Member) leaves(now time.Time) bool { return !m.Gone.IsZero() && !now.Before(m.Gone) }

// status is pending until there is an answer.
func (m Member) status(now time.Time) string {
	if m.Answer != "" && !now.Before(m.Answered) {
		return m.Answer
	}
	return orElse(m.Before, "pending")
}

// answered is the member with an answer from then on.
func (m Member) answered(status string, now, at time.Time) Member {
	m.Before, m.Answer, m.Answered = m.status(now), status, at
	return m
}

// members are those that the image is shared with now.
func (i *Image) members(now time.Time) []Member {
	return slices.DeleteFunc(slices.Clone(i.Members), func(m Member) bool { return !m.lives(now) })
}

// memberAt finds the member that has not gone, also one still to come.
func (i *Image) memberAt(id string, now time.Time) int {
	return slices.IndexFunc(i.Members, func(m Member) bool { return m.ID == id && !m.leaves(now) })
}

// memberStatus is what the recipient of a shared image has said.
func (i *Image) memberStatus(now time.Time) string {
	if len(i.Members) == 0 {
		return i.MemberStatus
	}
	return i.Members[0].status(now)
}

// lockAll locks every cloud, in the one order that all callers use.
func (f *Fake) lockAll() (unlock func()) {
	for _, name := range f.names {
		f.clouds[name].mu.Lock()
	}
	return func() {
		for _, name := range f.names {
			f.clouds[name].mu.Unlock()
		}
	}
}

// neighbour is the cloud of another project in this region, nil where this
// fake does not play it.
func (c *cloud) neighbour(project string) *cloud {
	for _, name := range c.fake.names {
		if other := c.fake.clouds[name]; other != c && other.ProjectID == project && other.Region == c.Region {
			return other
		}
	}
	return nil
}

// checkRecipient is the rule for one project.
func (c *cloud) checkRecipient(project string) *answer {
	elsewhere := slices.ContainsFunc(c.fake.names, func(name string) bool { return c.fake.clouds[name].ProjectID == project })
	switch {
	case project == c.ProjectID:
		return refuse("IMG.0076", "The image cannot be shared with yourself.")
	case c.neighbour(project) != nil, slices.Contains(c.Neighbours, project):
		return nil
	case elsewhere:
		return refuse("IMG.0177", "The source and target tenants are in different regions.")
	default:
		return refuse("IMG.0108", "The tenant to share with does not exist.")
	}
}

// checkShared refuses the kinds of the API reference's section 2.13.
func (c *cloud) checkShared(i *Image, now time.Time) *answer {
	switch {
	case i == nil || !i.visible(now):
		return refuse("IMG.0027", "The image does not exist.")
	case i.Type == "gold":
		return refuse("IMG.0089", "Public images cannot be shared.")
	case i.Owner != c.ProjectID:
		return refuse("IMG.0047", "Only the owner of the image can perform this operation.")
	case i.CMK != "" && !i.KeyGranted:
		return refuse("IMG.0098", "Encrypted images cannot be shared.")
	case i.Whole && !c.shareableBackup(i):
		return refuse("IMG.0135", "The whole image cannot be shared.")
	case i.status(now) != "active":
		return refuse("IMG.0046", "The image is unavailable.")
	}
	return nil
}

// shareableBackup: only whole images of CBR backups that nobody has shared.
func (c *cloud) shareableBackup(i *Image) bool {
	b := c.backups[i.BackupID]
	return b == nil || b.Service == serviceCBR && !b.Shared
}

// mostMembers is how many an image can be shared with.
func (c *cloud) mostMembers(i *Image) int {
	switch {
	case i.Whole:
		return mostMembersWhole
	case c.Profile == ProfileHuawei:
		return mostMembersHuawei
	default:
		return mostMembersOTC
	}
}
