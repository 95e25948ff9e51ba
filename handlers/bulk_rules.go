package handlers

import (
	"fmt"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// bulkRule is a rule on the images of a bulk, and what can be done instead of a
// copy.
type bulkRule struct {
	imageRule
	instead string
}

// bulkGone is about states of images of which nothing will come. One that is being made
// is waited for by its leg.
var bulkGone = imageRule{"image-usable", "the image is active, or will be", "2.7", "IMG.0046", func(i ims.Image) bool {
	return i.Status == ims.ImageKilled || i.Status == ims.ImageDeleted
}}

const (
	insteadWhole   = "Share the whole image instead (share-image, then answer-share with a vault_id of the recipient), or make a system image of the server (create-system-image) and copy that."
	insteadISO     = "Import the ISO file again where it is needed (create-system-image with image_url), or copy a system image that was made with it."
	insteadPublic  = "Public images are there for every project of the region already; make a private image of a server that runs it, and copy that."
	insteadTheirs  = "Copy the image in the account that owns it, or have its owner share it, accept it there (answer-share) and copy the copy."
	insteadCrypted = "Export the image to a bucket (export-image), bring the file over, and import it there with a key of the destination (import-image or create-system-image with cmk_id)."
	insteadShared  = "Have the owner make a copy without a key, or with one that both may use, and share that; or export and import it."
	insteadGone    = "Leave the image out; it has no data that could be copied."
	insteadMissing = "Check the id and the cloud; images of other projects have to be shared and accepted first."
)

// bulkRules are what images have to keep on each way (API reference 2.7, 2.8,
// 2.10, 2.13).
var bulkRules = map[string][]bulkRule{
	messages.WayHere: {
		{bulkGone, insteadGone}, {imagePrivate, insteadPublic}, {imageNotWhole, insteadWhole}, {imageNotISO, insteadISO}, {imageNotTheirKey, insteadShared},
	},
	messages.WayAcross: {
		{bulkGone, insteadGone}, {imageOwn.with("IMG.0106", "2.13"), insteadTheirs}, {imagePrivate.with("IMG.0083", "2.13"), insteadPublic}, {imageNotISO, insteadISO},
		{imageRule{"image-not-encrypted", "the image is not encrypted", "2.13", "IMG.0143", func(i ims.Image) bool { return i.Encrypted }}, insteadCrypted},
	},
	messages.WayShare: {
		{bulkGone, insteadGone}, {imageOwn, insteadTheirs}, {imagePrivate.with("IMG.0089", "2.10, 2.13"), insteadPublic}, {imageNotWhole, insteadWhole}, {imageNotISO, insteadISO},
		{imageRule{"image-not-encrypted", "an image that is copied in another project is not encrypted", "2.13", "IMG.0197", func(i ims.Image) bool { return i.Encrypted }}, insteadShared},
	},
}

// bulkRefusal says why an image cannot go to a target; nil where it can, as far
// as is known before.
func bulkRefusal(image legImage, t messages.BulkTarget, to BulkTarget) *messages.Failure {
	switch {
	case to.Problem != nil:
		return to.Problem
	case image.missing != nil:
		return legRefusal("IMG.0027", fmt.Sprintf("there is no image %s that this account sees", image.ID), insteadMissing)
	}
	for _, r := range bulkRules[to.Way] {
		if r.broken(image.Image) {
			return legRefusal(r.code, fmt.Sprintf("image %s is %s; needed is that %s", image.ID, kindOf(image.Image), r.says), r.instead)
		}
	}
	switch {
	case to.Way == messages.WayAcross && image.Whole && t.VaultID == "":
		return legRefusal("IMG.0184", fmt.Sprintf("image %s is a whole image, and its target names no vault_id", image.ID),
			fmt.Sprintf("Give the target vault_id, a vault in region %s.", to.Region))
	case t.CmkID != "" && image.CMKID == t.CmkID:
		return legRefusal("IMG.0096", fmt.Sprintf("cmk_id of the target is the key of image %s itself", image.ID), "Give another key, or none.")
	}
	return nil
}

// legRefusal is a refusal in the words of an event, with the reason that the
// cloud's own would have.
func legRefusal(code, message, instead string) *messages.Failure {
	return &messages.Failure{Reason: messages.Reason((&ims.Error{Code: code}).Reason()), Code: code, Message: message, Remedy: instead}
}

// LegData is the data of a leg's request for one stage. It depends on nothing
// that changes, so that a request that is asked for twice is the same one.
func LegData(d messages.BulkCopy, route messages.BulkRoute, leg Leg, stage string, o messages.Options) any {
	t := d.Targets[leg.Target]
	bare := messages.Options{Deadline: o.Deadline, Priority: o.Priority, Preflight: o.Preflight}
	switch {
	case stage == messages.StageShare:
		return messages.ShareImage{Images: []string{leg.ImageID}, Projects: []string{route.ProjectID}, Options: bare}
	case stage == messages.StageAnswer:
		return messages.AnswerShare{Images: []string{leg.ImageID}, ProjectID: route.ProjectID, Status: ims.MemberAccepted, Options: bare}
	case route.Way == messages.WayAcross:
		return messages.CopyImageCrossRegion{
			ImageID: leg.ImageID, Name: leg.Name, Description: t.Description, Region: route.Region, ProjectName: route.Project,
			AgencyName: t.AgencyName, VaultID: t.VaultID, ImageTags: t.ImageTags, Options: o,
		}
	}
	return messages.CopyImage{
		ImageID: leg.ImageID, Name: leg.Name, Description: t.Description, CmkID: t.CmkID, EnterpriseProjectID: t.EnterpriseProjectID,
		ImageTags: t.ImageTags, Options: o,
	}
}

// shortened keeps so many characters of the beginning, with an end that tells
// texts apart.
func shortened(name, end string, most int) string {
	runes := []rune(name)
	if len(runes) <= most {
		return name
	}
	return strings.TrimRight(string(runes[:most-len(end)-1]), " ") + "-" + end
}
