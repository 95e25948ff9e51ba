package handlers

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// bulkReader is what bulk-copy needs of the cloud.
type bulkReader interface {
	ImagePages(ctx context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error]
	Image(ctx context.Context, id string) (ims.Image, error)
}

// errLegsOnly is what a bulk says that is asked for a call.
var errLegsOnly = errors.New("a bulk makes no call of its own, only its legs do")

// bulkCopy copies images to places: each image and target is a leg with
// requests of its own. It makes no creating call and is carried out by the
// engine, which asks Expand for the legs and LegData for each request.
//
// It is safe to run twice because legs are written down before the first is
// begun, and their requests have the same identities whoever asks for them.
func bulkCopy() Operation {
	type data = messages.BulkCopy
	op := define(plan[data, bulkReader]{
		name:    messages.OperationBulkCopy,
		bucket:  "list",
		policy:  Policy{Deadline: 72 * time.Hour, Resubmit: true},
		options: func(d data) messages.Options { return d.Options },
		takes:   takesList,
		rules: []rule[data]{
			{"names-distinct", "a template has placeholders that are known, and one name serves one image", func(d data, _ ims.Profile) messages.Problems {
				return bulkNameRules(d)
			}},
			{"targets-sound", "a target is a cloud or a region with a project, each once", func(d data, _ ims.Profile) messages.Problems {
				return bulkTargetRules(d)
			}},
			optionsRule(func(d data) messages.Options { return d.Options }),
		},
		submit: func(context.Context, bulkReader, data, Call) (Submission, error) { return Submission{}, errLegsOnly },
	})
	op.Batch = true
	return op
}

func bulkTargetRules(d messages.BulkCopy) (ps messages.Problems) {
	seen := map[string]int{}
	for i, t := range d.Targets {
		field := fmt.Sprintf("targets[%d]", i)
		if t.Cloud != "" && t.ProjectName != "" {
			ps.Add(field+".project_name", "is given beside cloud, whose entry tells it; leave one of them out")
		}
		if t.Cloud == "" && t.Region != "" && (t.ProjectName == "" || t.AgencyName == "") {
			ps.Add(field+".region", "needs project_name and agency_name beside it, or a cloud in place of both")
		}
		if t.Region == "" && t.Cloud == "" && t.ProjectName != "" {
			ps.Add(field+".project_name", "goes only with region")
		}
		ps = append(ps, inField(field, imageTagsRules(t.ImageTags))...)
		same := strings.Join([]string{t.Cloud, t.Region, t.ProjectName, t.Name, t.CmkID}, "\n")
		if first, twice := seen[same]; twice {
			ps.Add(field, "is the same place as targets[%d], with the same name and key", first)
		}
		seen[same] = i
	}
	return ps
}

func inField(field string, ps messages.Problems) messages.Problems {
	for i := range ps {
		ps[i].Field = messages.JoinField(field, ps[i].Field)
	}
	return ps
}

// BulkTarget is a target of a bulk that was resolved, and the profile of the
// cloud where its copies' names have to hold.
type BulkTarget struct {
	messages.BulkRoute
	Profile ims.Profile
}

// Leg is one image's way to one target, as it is expanded. Refusal says why it
// cannot be carried out, and what to do instead.
type Leg struct {
	ImageID string
	Target  int
	Name    string
	Refusal *messages.Failure
}

// Expand finds the legs of a bulk, image by image: it reads what the images
// are and refuses what cannot be copied, leg by leg (API reference 2.13). On
// is the day that stands in names, and look what earlier tries have read. It
// begins nothing.
func Expand(ctx context.Context, c *ims.Client, look *BulkLook, d messages.BulkCopy, targets []BulkTarget, on time.Time) ([]Leg, error) {
	look.through(c)
	images, err := look.images(ctx, d)
	if err != nil {
		return nil, err
	}
	return expand(images, d, targets, on), nil
}

// legImage is an image of a bulk, or why it is none.
type legImage struct {
	ims.Image
	missing error
}

// expand makes a leg of each image and target.
func expand(images []legImage, d messages.BulkCopy, targets []BulkTarget, on time.Time) []Leg {
	legs := make([]Leg, 0, len(images)*len(targets))
	for _, image := range images {
		for i, target := range targets {
			leg := Leg{ImageID: image.ID, Target: i}
			leg.Refusal = bulkRefusal(image, d.Targets[i], target)
			if leg.Refusal == nil {
				leg.Name, leg.Refusal = bulkName(image.Image, d, i, target, on)
			}
			legs = append(legs, leg)
		}
	}
	return legs
}

// mostAsked is how many images are asked for one by one: more are looked up in
// the list of all.
const mostAsked = 20

// typePrivate is the cloud's word for images of the own project.
const typePrivate = "private"

// chooses judges an image by what the cloud's filters may not have looked at.
func chooses(q messages.BulkQuery, i ims.Image) bool {
	if q.Tag != nil {
		if value, tagged := i.Tag(q.Tag.Key); !tagged || value != q.Tag.Value {
			return false
		}
	}
	if q.NewerThan != nil && !i.CreatedAt.After(*q.NewerThan) {
		return false
	}
	return q.Name == "" || messages.Fits(q.Name, i.Name)
}
