package handlers

import (
	"context"
	"fmt"
	"slices"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// imageSharer is what share-image and unshare-image need of the cloud.
type imageSharer interface {
	AddMembers(ctx context.Context, s ims.Shares) (string, error)
	DeleteMembers(ctx context.Context, s ims.Shares) (string, error)
	Members(ctx context.Context, imageID string) ([]ims.Member, error)
	Image(ctx context.Context, id string) (ims.Image, error)
	Backup(ctx context.Context, id string) (ims.Backup, error)
}

// shareImage shares images with others (API reference 2.10).
//
// It is safe to run twice: an image that is shared already stays so. What a
// lost call has done is seen in the members of the images, and so is what a job
// has done that does not say it of each image and recipient.
func shareImage() Operation {
	p := sharing("share-image", true)
	p.checks = shareChecks()
	return define(p)
}

// unshareImage takes shared images away again (API reference 2.10). It is safe
// to run twice for the same reasons.
func unshareImage() Operation { return define(sharing("unshare-image", false)) }

// sharing is what both have in common; share says whether the images shall be
// shared afterwards or not.
func sharing(name string, share bool) plan[messages.ShareImage, imageSharer] {
	type data = messages.ShareImage
	return plan[data, imageSharer]{
		name:    name,
		bucket:  "members",
		policy:  byState,
		takes:   "images",
		options: func(d data) messages.Options { return d.Options },
		rules:   shareRules(),
		submit: func(ctx context.Context, c imageSharer, d data, _ Call) (Submission, error) {
			return submitShare(ctx, c, d, share)
		},
		find: orRefused(func(ctx context.Context, c imageSharer, d data, _ Search) (Found, error) {
			return findShares(ctx, c, d, share)
		}),
		read: func(d data, job ims.Job) Outcome { return readMembers(wantedMembers(d), job) },
	}
}

// mostPairs is how many images and recipients one request may combine: the
// outcome of each stands in its event.
const mostPairs = 500

func shareRules() []rule[messages.ShareImage] {
	type data = messages.ShareImage
	return []rule[data]{
		{"recipients-of-profile", "Open Telekom Cloud shares with projects only (2.10)", func(d data, p ims.Profile) (ps messages.Problems) {
			if p == ims.ProfileHuawei {
				return nil
			}
			for field, list := range map[string][]string{"domains": d.Domains, "organizations": d.Organizations} {
				if len(list) > 0 {
					ps.Add(field, "clouds of profile %s share with projects only; name the projects in projects", p)
				}
			}
			return ps
		}},
		{"members-told", "the outcome of each image and recipient fits into one event", func(d data, _ ims.Profile) (ps messages.Problems) {
			if n := len(d.Images) * len(d.Recipients()); n > mostPairs {
				ps.Add("images", "%d images with %d recipients are %d outcomes, at most %d are told in one event; send several requests",
					len(d.Images), len(d.Recipients()), n, mostPairs)
			}
			return ps
		}},
		optionsRule(func(d data) messages.Options { return d.Options }),
	}
}

func submitShare(ctx context.Context, c imageSharer, d messages.ShareImage, share bool) (Submission, error) {
	call, what := c.AddMembers, "share"
	if !share {
		call, what = c.DeleteMembers, "unshare"
	}
	job, err := call(ctx, ims.Shares{Images: d.Images, Projects: d.Projects, Domains: d.Domains, Organizations: d.Organizations})
	if err != nil {
		return Submission{}, fmt.Errorf("%s %d images: %w", what, len(d.Images), err)
	}
	return Submission{JobID: job}, nil
}

// findShares compares the members of each image with what was asked for.
func findShares(ctx context.Context, c imageSharer, d messages.ShareImage, share bool) (Found, error) {
	var of []messages.Member
	for _, image := range d.Images {
		members, err := c.Members(ctx, image)
		if err != nil {
			return Found{}, fmt.Errorf("read members of image %s: %w", image, err)
		}
		for _, recipient := range d.Recipients() {
			shared := slices.ContainsFunc(members, func(m ims.Member) bool { return m.ID == recipient })
			of = append(of, messages.Member{ImageID: image, ProjectID: recipient, Status: memberStatus(shared == share)})
		}
	}
	return allMembers(of)
}

// wantedMembers are all images with all recipients, in order.
func wantedMembers(d messages.ShareImage) []messages.Member {
	var wanted []messages.Member
	for _, image := range d.Images {
		for _, recipient := range d.Recipients() {
			wanted = append(wanted, messages.Member{ImageID: image, ProjectID: recipient})
		}
	}
	return wanted
}
