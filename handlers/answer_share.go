package handlers

import (
	"context"
	"errors"
	"fmt"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// shareAnswerer is what answer-share needs of the cloud.
type shareAnswerer interface {
	AnswerMembers(ctx context.Context, a ims.ShareAnswer) (string, error)
	OwnMember(ctx context.Context, imageID string) (ims.Member, error)
	Image(ctx context.Context, id string) (ims.Image, error)
	Vault(ctx context.Context, id string) (ims.Vault, error)
}

// answerShare accepts or rejects images that others have shared (API reference
// 2.10). The recipient makes the call, so the request goes to the recipient's
// entry of clouds.yaml. The native call is not used: it cannot accept whole
// images.
//
// It is safe to run twice: the same answer is given again. What a lost call has
// done is seen in the state of the own membership.
func answerShare() Operation {
	type data = messages.AnswerShare
	return define(plan[data, shareAnswerer]{
		name:    "answer-share",
		bucket:  "members",
		policy:  byState,
		takes:   "images",
		options: func(d data) messages.Options { return d.Options },
		rules: []rule[data]{
			{"members-told", "the outcome of each image fits into one event", func(d data, _ ims.Profile) (ps messages.Problems) {
				if n := len(d.Images); n > mostPairs {
					ps.Add("images", "has %d entries, at most %d are told in one event; send several requests", n, mostPairs)
				}
				return ps
			}},
			optionsRule(func(d data) messages.Options { return d.Options }),
		},
		checks: []check[data, shareAnswerer]{
			{"image-shared", "the images are shared with this project (2.10)", checkShared},
			{"vault-given", "to accept a whole image a vault is given (2.10)", checkVaultGiven},
			{"vault-fits", "the vault is one for server backups, usable, and has room (2.10, 5)", func(ctx context.Context, c shareAnswerer, d data) error {
				return vaultFits(ctx, c, d.VaultID)
			}},
		},
		submit: submitAnswer,
		find:   orRefused(findAnswers),
		read:   func(d data, job ims.Job) Outcome { return readMembers(answeredMembers(d), job) },
	})
}

func submitAnswer(ctx context.Context, c shareAnswerer, d messages.AnswerShare, _ Call) (Submission, error) {
	job, err := c.AnswerMembers(ctx, ims.ShareAnswer{Images: d.Images, ProjectID: d.ProjectID, Status: d.Status, VaultID: d.VaultID})
	if err != nil {
		return Submission{}, fmt.Errorf("answer %s to %d images: %w", d.Status, len(d.Images), err)
	}
	return Submission{JobID: job}, nil
}

// findAnswers compares the state of each membership with the answer.
func findAnswers(ctx context.Context, c shareAnswerer, d messages.AnswerShare, _ Search) (Found, error) {
	members := answeredMembers(d)
	for i, m := range members {
		own, err := c.OwnMember(ctx, m.ImageID)
		if err != nil {
			return Found{}, fmt.Errorf("read membership of image %s: %w", m.ImageID, err)
		}
		members[i].Status = memberStatus(own.Status == d.Status)
		if m.ProjectID == "" {
			members[i].ProjectID = own.ID
		}
	}
	return allMembers(members)
}

// answeredMembers are the images with the project, which is empty where the
// request does not name it.
func answeredMembers(d messages.AnswerShare) []messages.Member {
	var members []messages.Member
	for _, image := range d.Images {
		members = append(members, messages.Member{ImageID: image, ProjectID: d.ProjectID})
	}
	return members
}

// checkShared looks for images that are not shared with this project.
func checkShared(ctx context.Context, c shareAnswerer, d messages.AnswerShare) error {
	var broken Refusals
	for _, id := range looked(d.Images) {
		_, err := c.OwnMember(ctx, id)
		switch {
		case errors.Is(err, ims.ErrNotFound):
			broken = append(broken, Refusal{Rule: "image-shared", Err: refusal("IMG.0027", "image %s is not shared with this project", id)})
		case err != nil:
			return fmt.Errorf("read membership of image %s: %w", id, err)
		}
	}
	return broken.orNil()
}

// checkVaultGiven looks for whole images where there is no vault.
func checkVaultGiven(ctx context.Context, c shareAnswerer, d messages.AnswerShare) error {
	if d.Status != ims.MemberAccepted || d.VaultID != "" {
		return nil
	}
	var broken Refusals
	for _, id := range looked(d.Images) {
		image, err := c.Image(ctx, id)
		switch {
		case errors.Is(err, ims.ErrNotFound):
		case err != nil:
			return fmt.Errorf("read image %s: %w", id, err)
		case image.Whole:
			broken = append(broken, Refusal{Rule: "vault-given", Err: refusal("IMG.0184", "image %s is a whole image; give vault_id, a vault of this project that takes its backup", id)})
		}
	}
	return broken.orNil()
}
