package fakecloud

import "time"

// answerRequest is the body of PUT /v1/cloudimages/members (API reference
// 2.10); its sender is the recipient.
type answerRequest struct {
	Images    []string `json:"images"`
	ProjectID string   `json:"project_id"`
	Status    string   `json:"status"`
	VaultID   string   `json:"vault_id"`
}

// answerMembers accepts or rejects images that others have shared.
func (c *cloud) answerMembers(q *request) *answer {
	var body answerRequest
	if a := decodeBody(q.body, &body); a != nil {
		return a
	}
	switch {
	case len(body.Images) == 0:
		return refuse("IMG.0001", "The images cannot be left blank.")
	case body.Status != "accepted" && body.Status != "rejected":
		return refuse("IMG.0001", "The status must be accepted or rejected.")
	case body.ProjectID != c.ProjectID:
		return refuse("IMG.0067", "The project ID is incorrect.")
	}
	var all []pair
	for _, id := range body.Images {
		image := c.images[id]
		if a := c.checkAnswer(image, body, q.now); a != nil {
			return a
		}
		all = append(all, pair{image, Member{ID: c.ProjectID}})
	}
	return c.memberJob(q, jobUpdateMembers, "IMG.0061", all, func(image *Image, _ Member, at time.Time) {
		c.answerShare(image, body.Status, q.now, at)
	})
}

// checkAnswer: a whole image needs a vault that can take its backup.
func (c *cloud) checkAnswer(image *Image, body answerRequest, now time.Time) *answer {
	switch {
	case image == nil || !image.visible(now) || image.Type != "shared":
		return refuse("IMG.0027", "The image does not exist.")
	case !image.Whole || body.Status != "accepted":
		return nil
	}
	return c.checkVaultRoom(c.vaults[body.VaultID], image.MinDisk)
}

func (c *cloud) checkVaultRoom(vault *Vault, sizeGB int) *answer {
	switch {
	case vault == nil:
		return refuse("IMG.0184", "The vault does not exist.")
	case vault.ObjectType != "server":
		return refuse("IMG.0193", "The vault is not a server backup vault.")
	case vault.Status != "available":
		return refuse("IMG.0188", "The vault is unavailable.")
	case vault.UsedGB+sizeGB > vault.SizeGB:
		return refuse("IMG.0182", "The vault capacity is insufficient.")
	}
	return nil
}

// answerShare keeps the answer with the recipient's row and with the owner.
func (c *cloud) answerShare(image *Image, status string, now, at time.Time) {
	if len(image.Members) == 0 {
		image.Members = []Member{{ID: c.ProjectID, Kind: memberProject, Before: image.MemberStatus}}
	}
	image.Members[0] = image.Members[0].answered(status, now, at)
	c.saveImage(image)
	owner := c.neighbour(image.Owner)
	if owner == nil || owner.images[image.ID] == nil {
		return
	}
	theirs := owner.images[image.ID]
	if n := theirs.memberAt(c.ProjectID, now); n >= 0 {
		theirs.Members[n] = theirs.Members[n].answered(status, now, at)
		owner.saveImage(theirs)
	}
}
