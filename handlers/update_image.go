package handlers

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// imageUpdater is what update-image needs of the cloud.
type imageUpdater interface {
	UpdateImage(ctx context.Context, imageID string, patches ...ims.ImagePatch) error
	Image(ctx context.Context, id string) (ims.Image, error)
	ImageAttributes(ctx context.Context, imageID string) (map[string]string, error)
}

// updateImage changes attributes of an image (API reference 4.7). There is no
// job: the attributes that the image has then tell whether it is done.
//
// It is safe to run twice: an attribute is set to the same value again. The
// cloud takes a replacement only of what is there and an addition only of what
// is not, so a refusal for that reason is followed by a look at the image and
// one more call.
func updateImage() Operation {
	return define(plan[messages.UpdateImage, imageUpdater]{
		name:    "update-image",
		bucket:  "update",
		policy:  byState,
		options: func(d messages.UpdateImage) messages.Options { return d.Options },
		takes:   "image_id",
		rules:   updateImageRules(),
		checks: ofImage[messages.UpdateImage, imageUpdater](func(d messages.UpdateImage) string { return d.ImageID },
			imageOwn, imagePrivate.with("IMG.0047", "2.13"), imageActive.with("IMG.0046", "4.7")),
		submit: submitUpdate,
		find:   orRefused(findUpdate),
		check:  findUpdate,
	})
}

func updateImageRules() []rule[messages.UpdateImage] {
	type data = messages.UpdateImage
	return []rule[data]{
		nameRule(func(d data) string { return deref(d.Name) }),
		{"ram-order", "the least memory is not more than the most (4.3)", func(d data, _ ims.Profile) (ps messages.Problems) {
			if d.MinRAM != nil && d.MaxRAM != nil && *d.MaxRAM > 0 && *d.MinRAM > *d.MaxRAM {
				ps.Add("min_ram", "is %d, more than max_ram, %d; no server could be made: correct one of them", *d.MinRAM, *d.MaxRAM)
			}
			return ps
		}},
		optionsRule(func(d data) messages.Options { return d.Options }),
	}
}

// codeNoAttribute refuses to replace what is not there, and to add what is (API
// reference 6.6).
const codeNoAttribute = "IMG.0035"

func submitUpdate(ctx context.Context, c imageUpdater, d messages.UpdateImage, _ Call) (Submission, error) {
	wanted := attributes(d)
	err := c.UpdateImage(ctx, d.ImageID, patches(wanted, nil)...)
	if e, ok := errors.AsType[*ims.Error](err); ok && e.Code == codeNoAttribute {
		err = addMissing(ctx, c, d.ImageID, wanted)
	}
	if err != nil {
		return Submission{}, fmt.Errorf("update image %s: %w", d.ImageID, err)
	}
	return Submission{}, nil
}

// addMissing adds the attributes that the image does not have and replaces the
// others.
func addMissing(ctx context.Context, c imageUpdater, imageID string, wanted []attribute) error {
	has, err := c.ImageAttributes(ctx, imageID)
	if err != nil {
		return fmt.Errorf("read its attributes: %w", err)
	}
	return c.UpdateImage(ctx, imageID, patches(wanted, has)...)
}

// attribute is one that a request wants changed.
type attribute struct {
	name, value string
	flag        bool
}

// attributes lists what a request wants changed, as the texts that the cloud
// wants.
func attributes(d messages.UpdateImage) (wanted []attribute) {
	text := func(name string, value *string) {
		if value != nil {
			wanted = append(wanted, attribute{name: name, value: *value})
		}
	}
	number := func(name string, value *int64) {
		if value != nil {
			wanted = append(wanted, attribute{name: name, value: strconv.FormatInt(*value, 10)})
		}
	}
	flag := func(name string, value *bool) {
		if value != nil {
			wanted = append(wanted, attribute{name: name, value: strconv.FormatBool(*value), flag: true})
		}
	}
	text("name", d.Name)
	text("__description", d.Description)
	number("min_ram", d.MinRAM)
	number("max_ram", d.MaxRAM)
	text("enterprise_project_id", d.EnterpriseProjectID)
	text("hw_firmware_type", d.FirmwareType)
	flag("__support_kvm", d.SupportKVM)
	flag("__support_xen", d.SupportXen)
	flag("__support_fc_inject", d.SupportFCInject)
	flag("__support_arm", d.SupportARM)
	return wanted
}

// patches replaces what the image has and adds the rest; nil means that it has
// everything.
func patches(wanted []attribute, has map[string]string) []ims.ImagePatch {
	changes := make([]ims.ImagePatch, 0, len(wanted))
	for _, a := range wanted {
		op := ims.PatchReplace
		if _, there := has[a.name]; has != nil && !there {
			op = ims.PatchAdd
		}
		changes = append(changes, ims.ImagePatch{Op: op, Path: "/" + a.name, Value: a.value})
	}
	return changes
}

// findUpdate compares the image with what was asked for. An attribute that is
// not there is as good as an empty one, and flags are written in any case (API
// reference, section 7).
func findUpdate(ctx context.Context, c imageUpdater, d messages.UpdateImage, _ Search) (Found, error) {
	has, err := c.ImageAttributes(ctx, d.ImageID)
	if err != nil {
		return Found{}, fmt.Errorf("read image %s: %w", d.ImageID, err)
	}
	for _, a := range attributes(d) {
		if same := has[a.name] == a.value || a.flag && strings.EqualFold(has[a.name], a.value); !same {
			return Found{}, ErrNotFound
		}
	}
	return Found{Done: true}, nil
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
