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

// volumeExporter is what export-volume needs of the cloud.
type volumeExporter interface {
	ExportVolume(ctx context.Context, volumeID string, u ims.VolumeUpload) (string, error)
	Volume(ctx context.Context, id string) (ims.Volume, error)
	Quotas(ctx context.Context) ([]ims.Quota, error)
	ImagePages(ctx context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error]
	AddImageTags(ctx context.Context, imageID string, tags ...ims.Tag) error
}

// exportVolume makes an image of an EVS volume (API reference 2.11). There is
// no job: the answer names the image, which is followed.
//
// The call takes neither tags nor a description, so nothing on the image says
// whose it is until it is done and tagged. It is safe to run twice because
// name, time and origin find what an earlier call made, images of other
// requests left out, and because a volume that is still uploading is taken for
// a sign that something may come.
func exportVolume() Operation {
	return define(plan[messages.ExportVolume, volumeExporter]{
		name:     "export-volume",
		bucket:   "evs",
		unmarked: true,
		policy:   Policy{Deadline: time.Hour, Horizon: 20 * time.Minute, Resubmit: true},
		options:  func(d messages.ExportVolume) messages.Options { return d.Options },
		rules: []rule[messages.ExportVolume]{
			tagsRule(func(d messages.ExportVolume) ([]string, []messages.Tag) { return nil, d.ImageTags }),
			optionsRule(func(d messages.ExportVolume) messages.Options { return d.Options }),
		},
		submit: submitExport,
		all:    allExports,
		checks: []check[messages.ExportVolume, volumeExporter]{
			{"volume-free", "the volume is available, or in use and force is given (2.11)", checkVolume},
			quotaLeft[messages.ExportVolume, volumeExporter](one),
		},
		ended: exportEnded,
		mark: func(ctx context.Context, c volumeExporter, d messages.ExportVolume, key, imageID string) error {
			return putTags(ctx, c, imageID, d.ImageTags, key)
		},
	})
}

func submitExport(ctx context.Context, c volumeExporter, d messages.ExportVolume, _ Call) (Submission, error) {
	image, err := c.ExportVolume(ctx, d.VolumeID, ims.VolumeUpload{
		ImageName: d.ImageName, DiskFormat: d.DiskFormat, ContainerFormat: d.ContainerFormat, Force: d.Force, OSType: d.OSType,
	})
	if err != nil {
		return Submission{}, fmt.Errorf("export volume %s: %w", d.VolumeID, err)
	}
	return Submission{ImageID: image}, nil
}

// allExports looks for images of that name and origin since then that carry no
// other request's marker. Where there is none but the volume is uploading,
// nothing can be said yet.
func allExports(ctx context.Context, c volumeExporter, d messages.ExportVolume, s Search) ([]ims.Image, error) {
	own := func(i ims.Image) bool {
		marker, marked := i.Tag(messages.MarkerKey)
		return (!marked || marker == s.Key) && i.Name == d.ImageName && !i.CreatedAt.Before(s.Since) && strings.EqualFold(i.DataOrigin, "volume,"+d.VolumeID)
	}
	named := ims.ImageFilter{Name: d.ImageName, CreatedSince: s.Since}
	hidden := named
	hidden.Native = true
	images, err := gather(ctx, c, s, own, named, hidden)
	if err != nil || len(images) > 0 {
		return images, err
	}
	ended, err := exportEnded(ctx, c, d)
	if err == nil && !ended {
		err = fmt.Errorf("volume %s is uploading an image: %w", d.VolumeID, ErrUnderWay)
	}
	return nil, err
}

// exportEnded reports whether nothing is being made of the volume. One that is
// gone makes no image.
func exportEnded(ctx context.Context, c volumeExporter, d messages.ExportVolume) (bool, error) {
	volume, err := c.Volume(ctx, d.VolumeID)
	if errors.Is(err, ims.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read volume %s: %w", d.VolumeID, err)
	}
	return volume.Status != ims.VolumeUploading, nil
}

// checkVolume asks EVS whether an image can be made of the volume now.
func checkVolume(ctx context.Context, c volumeExporter, d messages.ExportVolume) error {
	volume, err := c.Volume(ctx, d.VolumeID)
	switch {
	case err != nil:
		return fmt.Errorf("read volume %s: %w", d.VolumeID, err)
	case volume.Status == ims.VolumeAvailable, volume.Status == ims.VolumeInUse && d.Force:
		return nil
	}
	return ims.VolumeStateError(volume.ID, volume.Status)
}
