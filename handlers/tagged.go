package handlers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// markedItem adds the marker to the tags of one entry of data_images. Where it
// has none, the form is tags: it is the one that the documents name for
// entries (API reference 2.3).
func markedItem(tags []string, imageTags []messages.Tag, key string) ([]string, []ims.Tag) {
	if len(imageTags) == 0 {
		return append(slices.Clone(tags), messages.MarkerKey+"."+key), nil
	}
	return markedTags(nil, imageTags, key)
}

// allTagged looks for the images that carry the marker as a tag since their
// creation and stem from one of the origins (__data_origin, API reference
// 4.3). It asks for the tag first; the list hides images that are not
// registered yet, and tags may show late, so all images since then are looked
// at as well. An origin that the cloud does not tell proves nothing.
func allTagged(ctx context.Context, c imagePager, s Search, origins ...string) ([]ims.Image, error) {
	own := func(i ims.Image) bool { return hasMarkerTag(i, s.Key) && stems(i, origins) }
	return gather(ctx, c, s, own,
		ims.ImageFilter{Tag: messages.MarkerKey + "=" + s.Key},
		ims.ImageFilter{CreatedSince: s.Since},
		ims.ImageFilter{CreatedSince: s.Since, Native: true})
}

func stems(i ims.Image, origins []string) bool {
	return i.DataOrigin == "" || slices.ContainsFunc(origins, func(o string) bool { return strings.EqualFold(i.DataOrigin, o) })
}

// tagRemover takes tags off images.
type tagRemover interface {
	DeleteImageTag(ctx context.Context, imageID, key string) error
}

// volumeReader looks at disks.
type volumeReader interface {
	Volume(ctx context.Context, id string) (ims.Volume, error)
}

// checkReadable asks EVS whether images can be made of the volumes now: each
// is available or in use (API reference 2.3). What is wrong with the first is
// told.
func checkReadable(ctx context.Context, c volumeReader, ids ...string) error {
	for _, id := range ids {
		volume, err := c.Volume(ctx, id)
		switch {
		case err != nil:
			return fmt.Errorf("read volume %s: %w", id, err)
		case volume.Status == ims.VolumeAvailable, volume.Status == ims.VolumeInUse:
		default:
			return ims.VolumeStateError(volume.ID, volume.Status)
		}
	}
	return nil
}

// checkOneServer asks EVS whether all volumes are attached to the same server
// (IMG.0140).
func checkOneServer(ctx context.Context, c volumeReader, ids ...string) error {
	first := ""
	for n, id := range ids {
		volume, err := c.Volume(ctx, id)
		switch {
		case err != nil:
			return fmt.Errorf("read volume %s: %w", id, err)
		case n == 0:
			first = volume.ServerID
		case volume.ServerID != first:
			return refusal(codeOtherServer, "volume %s is not attached to the server of volume %s", id, ids[0])
		}
	}
	return nil
}

// codeOtherServer refuses disks of several servers (API reference 6.6).
const codeOtherServer = "IMG.0140"
