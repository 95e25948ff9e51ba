package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
)

// imageReader reads one image.
type imageReader interface {
	Image(ctx context.Context, id string) (ims.Image, error)
}

// The cloud's words for kinds of images.
const (
	typePublic = "gold"
	typeShared = "shared"
	typeMarket = "market"
	envISO     = "IsoImage"
)

// imageRule is a constraint on an image that an operation starts from. The
// code is the one with which the cloud refuses it.
type imageRule struct {
	id, says, section, code string
	broken                  func(ims.Image) bool
}

// Rules on images that several operations have (API reference 2.13).
var (
	imageActive = imageRule{"image-active", "the image is active", "2.7", "IMG.0046", func(i ims.Image) bool {
		return i.Status != ims.ImageActive
	}}
	imageOwn = imageRule{"image-own", "the image is this project's own, not shared with it", "2.13", "IMG.0047", func(i ims.Image) bool {
		return i.Type == typeShared
	}}
	imagePrivate = imageRule{"image-not-public", "the image is not public", "2.7, 2.13", "IMG.0083", func(i ims.Image) bool {
		return i.Type == typePublic
	}}
	imageNotWhole = imageRule{"image-not-whole", "the image is no whole image of a server", "2.13", "IMG.0130", func(i ims.Image) bool {
		return i.Whole
	}}
	imageNotISO = imageRule{"image-not-iso", "the image is no ISO image", "2.13", "IMG.0167", func(i ims.Image) bool {
		return i.VirtualEnv == envISO
	}}
	imageNotTheirKey = imageRule{"image-not-shared-encrypted", "an image that is shared with this account is not encrypted", "2.13", "IMG.0197", func(i ims.Image) bool {
		return i.Type == typeShared && i.Encrypted
	}}
)

// imageAtMost is the rule for the size of an image's data, as far as the cloud
// tells it.
func imageAtMost(mostGB int64, id, code, section string) imageRule {
	return imageRule{id, fmt.Sprintf("the image has at most %d GB", mostGB), section, code, func(i ims.Image) bool { return i.DataSize > mostGB<<30 }}
}

// with is the same rule where the cloud refuses with another code.
func (r imageRule) with(code, section string) imageRule {
	r.code, r.section = code, section
	return r
}

// mostLooked is how many images of a list are looked at before a call. The
// cloud judges all of them.
const mostLooked = 20

func looked(ids []string) []string { return ids[:min(mostLooked, len(ids))] }

// ofImages makes checks of rules on each image of a list.
func ofImages[D any, C imageReader](ids func(D) []string, rules ...imageRule) []check[D, C] {
	each := func(id string, of func(ctx context.Context, c C, id string) error) func(context.Context, C, D) error {
		return func(ctx context.Context, c C, d D) error {
			var broken Refusals
			for _, image := range looked(ids(d)) {
				err := of(ctx, c, image)
				switch {
				case err == nil:
				case refuses(err):
					broken = append(broken, Refusal{Rule: id, Err: err})
				default:
					return err
				}
			}
			return broken.orNil()
		}
	}
	checks := []check[D, C]{{"image-exists", "the images exist and this account sees them (4.2)", each("image-exists", func(ctx context.Context, c C, id string) error {
		return notThere(ctx, c, id)
	})}}
	for _, r := range rules {
		checks = append(checks, check[D, C]{r.id, r.says + " (" + r.section + ")", each(r.id, func(ctx context.Context, c C, id string) error {
			return r.check(ctx, c, id)
		})})
	}
	return checks
}

// ofImage makes checks of rules on the image that a request starts from.
func ofImage[D any, C imageReader](id func(D) string, rules ...imageRule) []check[D, C] {
	checks := []check[D, C]{{"image-exists", "the image exists and this account sees it (4.2)", func(ctx context.Context, c C, d D) error {
		return notThere(ctx, c, id(d))
	}}}
	for _, r := range rules {
		checks = append(checks, check[D, C]{r.id, r.says + " (" + r.section + ")", func(ctx context.Context, c C, d D) error {
			return r.check(ctx, c, id(d))
		}})
	}
	return checks
}

// notThere refuses an image that does not exist.
func notThere(ctx context.Context, c imageReader, id string) error {
	_, err := c.Image(ctx, id)
	if errors.Is(err, ims.ErrNotFound) {
		return &ims.Error{Call: "Image", Code: "IMG.0027", Message: fmt.Sprintf("there is no image %s that this account sees", id)}
	}
	return err
}

// check judges the image by the rule. One that does not exist breaks no rule
// of what it is.
func (r imageRule) check(ctx context.Context, c imageReader, id string) error {
	image, err := c.Image(ctx, id)
	switch {
	case errors.Is(err, ims.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !r.broken(image):
		return nil
	}
	return &ims.Error{Call: "Image", Code: r.code, Message: fmt.Sprintf("image %s is %s; needed is that %s", id, kindOf(image), r.says)}
}

// kindOf tells what matters of an image in a few words.
func kindOf(i ims.Image) string {
	words := []string{i.Status}
	for _, kind := range []struct {
		word string
		is   bool
	}{{fmt.Sprintf("%d GB", i.DataSize>>30), i.DataSize >= 1<<30}, {"public", i.Type == typePublic}, {"shared", i.Type == typeShared}, {"whole", i.Whole}, {"encrypted", i.Encrypted}, {"ISO", i.VirtualEnv == envISO}} {
		if kind.is {
			words = append(words, kind.word)
		}
	}
	return strings.Join(words, ", ")
}
