package ims

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// The states of a member of a shared image (API reference 4.9).
const (
	MemberPending  = "pending"
	MemberAccepted = "accepted"
	MemberRejected = "rejected"
)

// Shares names images and whom they are shared with; API reference 2.10.
// Domains and Organizations exist on Huawei Cloud only.
type Shares struct {
	Images        []string `json:"images"`
	Projects      []string `json:"projects,omitempty"`
	Domains       []string `json:"domains,omitempty"`
	Organizations []string `json:"organizations,omitempty"`
}

// ShareAnswer is a recipient's answer; API reference 2.10. An empty ProjectID
// is filled with the client's own.
type ShareAnswer struct {
	Images    []string `json:"images"`
	ProjectID string   `json:"project_id"`
	Status    string   `json:"status"`             // MemberAccepted or MemberRejected
	VaultID   string   `json:"vault_id,omitempty"` // to accept whole images of CBR backups
}

const membersPath = "/v1/cloudimages/members"

// AddMembers starts to share images and returns the id of the job. It is sent
// at most once; ctx alone limits its time.
func (c *Client) AddMembers(ctx context.Context, s Shares) (string, error) {
	return c.start(ctx, call{name: "AddMembers", path: membersPath}, s)
}

// DeleteMembers starts to take shared images away and returns the id of the
// job. It is sent at most once; ctx alone limits its time.
func (c *Client) DeleteMembers(ctx context.Context, s Shares) (string, error) {
	return c.start(ctx, call{name: "DeleteMembers", method: http.MethodDelete, path: membersPath}, s)
}

// AnswerMembers starts to accept or reject images that others have shared with
// the client's project, and returns the id of the job. It is sent at most once;
// ctx alone limits its time.
func (c *Client) AnswerMembers(ctx context.Context, a ShareAnswer) (string, error) {
	k := call{name: "AnswerMembers", method: http.MethodPut, path: membersPath}
	if a.ProjectID == "" {
		project, err := c.auth.project(ctx)
		if err != nil {
			return "", c.unaddressed(k, err)
		}
		a.ProjectID = project
	}
	return c.start(ctx, k, a)
}

// unaddressed is the error of a call that was not sent since its project is not
// known.
func (c *Client) unaddressed(k call, err error) error {
	e := failure(nil, err, c.veil)
	e.Call, e.Cloud, e.NotSent = k.name, c.cfg.Cloud, true
	return e
}

// Member is somebody that an image is shared with. ID is a project's or a
// domain's id, or the URN of an organisation.
type Member struct {
	ID, Status string
}

// wireMember is a member as both queries write it.
type wireMember struct {
	ID     text `json:"member_id"`
	URN    text `json:"urn"` // of organisations
	Status text `json:"status"`
}

func (w wireMember) member() Member {
	return Member{ID: first(w.URN, w.ID), Status: strings.ToLower(w.Status.word())}
}

// Members returns whom an image is shared with. Huawei Cloud's newer query
// knows domains and organisations too; where it is missing the native one is
// asked, which knows projects only (API reference 4.9). An image that does not
// exist is an error for which errors.Is(err, ErrNotFound) holds.
func (c *Client) Members(ctx context.Context, imageID string) ([]Member, error) {
	if c.cfg.Profile == ProfileHuawei {
		members, err := c.allMembers(ctx, imageID)
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != codeNoSuchAPI {
			return members, err
		}
	}
	k := call{name: "Members", path: "/v2/images/", id: imageID, tail: "/members"}
	members, _, err := c.memberPage(ctx, k)
	return members, err
}

// allMembers goes through the pages of the newer query.
func (c *Client) allMembers(ctx context.Context, imageID string) ([]Member, error) {
	k := call{name: "Members", path: "/v1/{project_id}/cloudimages/", id: imageID, tail: "/members"}
	var all []Member
	for {
		page, next, err := c.memberPage(ctx, k)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == "" || next == k.query.Get("marker") || len(page) == 0 {
			return all, nil
		}
		k.query = url.Values{"marker": {next}}
	}
}

func (c *Client) memberPage(ctx context.Context, k call) ([]Member, string, error) {
	k.method, k.service, k.limit = http.MethodGet, imageService, maxList
	var wire struct {
		Members *[]wireMember `json:"members"`
		Page    struct {
			Next text `json:"next_marker"`
		} `json:"page_info"`
	}
	if err := c.get(ctx, k, &wire); err != nil {
		return nil, "", err
	}
	if wire.Members == nil {
		return nil, "", c.unreadable(k, errors.New("the answer has no list of members"))
	}
	members := make([]Member, 0, len(*wire.Members))
	for _, w := range *wire.Members {
		members = append(members, w.member())
	}
	return members, wire.Page.Next.trim(), nil
}

// OwnMember returns what the client's project is to an image that was shared
// with it. An image that was not is an error for which errors.Is(err,
// ErrNotFound) holds.
func (c *Client) OwnMember(ctx context.Context, imageID string) (Member, error) {
	k := call{name: "OwnMember", method: http.MethodGet, service: imageService, path: "/v2/images/", id: imageID, tail: "/members/{project_id}"}
	var wire wireMember
	if err := c.get(ctx, k, &wire); err != nil {
		return Member{}, err
	}
	if wire.Status == "" {
		return Member{}, c.unreadable(k, errors.New("the answer has no status of a member"))
	}
	return wire.member(), nil
}
