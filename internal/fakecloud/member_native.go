package fakecloud

import (
	"net/http"
	"slices"
)

// The native calls for members (API reference 2.10, 4.9) do at once what the
// batch calls do by a job, but know no vault: they cannot accept whole images.

// addMember is POST /v2/images/{image_id}/members.
func (c *cloud) addMember(q *request) *answer {
	var body struct {
		Member string `json:"member"`
	}
	image := c.images[q.vars["image"]]
	if image == nil || !image.visible(q.now) {
		return noImageNatively(q)
	}
	if a := firstRefusal(
		func() *answer { return decodeBody(q.body, &body) },
		func() *answer { return c.checkShared(image, q.now) },
		func() *answer { return c.checkRecipient(body.Member) },
	); a != nil {
		return a
	}
	c.share(image, Member{ID: body.Member, Kind: memberProject}, q.now, q.now)
	c.accept(q, Mutation{ImageID: image.ID})
	return ok(viewMember(image, image.Members[image.memberAt(body.Member, q.now)], q.now))
}

// answerMember is PUT /v2/images/{image_id}/members/{member_id}, sent by the
// recipient.
func (c *cloud) answerMember(q *request) *answer {
	var body struct {
		Status string `json:"status"`
	}
	image := c.images[q.vars["image"]]
	if image == nil || !image.visible(q.now) || image.Type != "shared" {
		return noImageNatively(q)
	}
	if a := decodeBody(q.body, &body); a != nil {
		return a
	}
	switch {
	case q.vars["member"] != c.ProjectID:
		return native(http.StatusForbidden, "Only the member can change its status")
	case !slices.Contains([]string{"accepted", "rejected", "pending"}, body.Status):
		return native(http.StatusBadRequest, "Invalid status")
	case image.Whole && body.Status == "accepted":
		return native(http.StatusForbidden, "The whole image cannot be accepted without a vault")
	}
	c.answerShare(image, body.Status, q.now, q.now)
	c.accept(q, Mutation{ImageID: image.ID})
	return ok(viewMember(image, image.Members[0], q.now))
}

// deleteMember is DELETE /v2/images/{image_id}/members/{member_id}.
func (c *cloud) deleteMember(q *request) *answer {
	image := c.images[q.vars["image"]]
	switch {
	case image == nil || !image.visible(q.now):
		return noImageNatively(q)
	case image.Owner != c.ProjectID:
		return native(http.StatusForbidden, "Only the owner can delete members")
	case image.memberAt(q.vars["member"], q.now) < 0:
		return native(http.StatusNotFound, q.vars["member"]+" not found in the member list of the image "+image.ID)
	}
	c.unshare(image, Member{ID: q.vars["member"]}, q.now, q.now)
	c.accept(q, Mutation{ImageID: image.ID})
	return noContent()
}
