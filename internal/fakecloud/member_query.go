package fakecloud

import (
	"fmt"
	"net/http"
	"time"
)

// memberView is a member as the native calls show it (API reference 4.9); the
// newer ones tell its kind too.
type memberView struct {
	ImageID   string `json:"image_id"`
	ID        string `json:"member_id"`
	Status    string `json:"status"`
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
	Schema    string `json:"schema"`
	Kind      string `json:"member_type,omitempty"`
	URN       string `json:"urn,omitempty"`
}

func viewMember(i *Image, m Member, now time.Time) memberView {
	updated := m.Since
	if m.Answered.After(updated) && !m.Answered.After(now) {
		updated = m.Answered
	}
	return memberView{ImageID: i.ID, ID: m.ID, Status: m.status(now),
		CreatedAt: m.Since.Format(imageTime), UpdatedAt: updated.Format(imageTime), Schema: "/v2/schemas/member"}
}

// shownMembers are those that the caller may see: all of an own image, itself
// of one that is shared with it.
func (c *cloud) shownMembers(q *request) (*Image, []Member) {
	image := c.images[q.vars["image"]]
	switch {
	case image == nil || !image.visible(q.now) || image.Type == "gold":
		return nil, nil
	case image.Type == "shared" && len(image.Members) == 0:
		return image, []Member{{ID: c.ProjectID, Kind: memberProject, Before: image.MemberStatus, Since: image.Created}}
	default:
		return image, image.members(q.now)
	}
}

func noImageNatively(q *request) *answer {
	return native(http.StatusNotFound, fmt.Sprintf("No image found with ID %s", q.vars["image"]))
}

// listMembers is GET /v2/images/{image_id}/members. It knows projects only.
func (c *cloud) listMembers(q *request) *answer {
	image, members := c.shownMembers(q)
	if image == nil {
		return noImageNatively(q)
	}
	views := []memberView{}
	for _, m := range members {
		if m.Kind == memberProject {
			views = append(views, viewMember(image, m, q.now))
		}
	}
	return ok(map[string]any{"members": views, "schema": "/v2/schemas/members"})
}

// showMember is GET /v2/images/{image_id}/members/{member_id}.
func (c *cloud) showMember(q *request) *answer {
	image, members := c.shownMembers(q)
	if image == nil {
		return noImageNatively(q)
	}
	for _, m := range members {
		if m.ID == q.vars["member"] {
			return ok(viewMember(image, m, q.now))
		}
	}
	return native(http.StatusNotFound, q.vars["member"]+" not found in the member list of the image "+image.ID)
}

// listAllMembers is Huawei Cloud's GET /v1/{project_id}/cloudimages/{image_id}/members.
func (c *cloud) listAllMembers(q *request) *answer {
	image, members := c.shownMembers(q)
	if image == nil {
		return refuse("IMG.0027", "The image does not exist.")
	}
	views := []memberView{}
	for _, m := range members {
		v := viewMember(image, m, q.now)
		v.Kind = m.Kind
		if m.Kind == memberOrganization {
			v.URN = m.ID
		}
		views = append(views, v)
	}
	return ok(map[string]any{"members": views, "page_info": map[string]any{"current_count": len(views), "next_marker": nil}})
}
