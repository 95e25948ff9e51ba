package fakecloud

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// deleteImage is DELETE /v2/images/{image_id} (API reference 4.8). It frees
// the backup of a whole image, or deletes it too.
func (c *cloud) deleteImage(q *request) *answer {
	var body struct {
		DeleteBackup bool `json:"delete_backup"`
	}
	if len(q.body) > 0 {
		if a := decodeBody(q.body, &body); a != nil {
			return a
		}
	}
	image := c.images[q.vars["image"]]
	if image == nil || !image.visible(q.now) {
		return c.deleteUnknown(q)
	}
	if a := c.checkDelete(image, q.now); a != nil {
		return a
	}
	for _, m := range image.members(q.now) {
		c.unshare(image, m, q.now, q.now)
	}
	c.remove(image, q.now, body.DeleteBackup)
	c.accept(q, Mutation{ImageID: image.ID, BackupID: image.BackupID})
	return noContent()
}

func (c *cloud) deleteUnknown(q *request) *answer {
	if c.switches.DeleteUnknown204 {
		return noContent()
	}
	return native(http.StatusNotFound, fmt.Sprintf("No image found with ID %s", q.vars["image"]))
}

func (c *cloud) checkDelete(i *Image, now time.Time) *answer {
	status := i.status(now)
	switch {
	case i.Type == "gold":
		return refuse("IMG.0094", "Public images cannot be deleted.")
	case i.Owner != c.ProjectID:
		return refuse("IMG.0092", "Only the owner can delete the image.")
	case i.Protected:
		return refuse("IMG.0091", "Protected images cannot be deleted.")
	case i.Native && i.JobID == "": // nothing is being made of it
	case status != "active" && status != "killed":
		return refuse("IMG.0090", "The image is being created.")
	case slices.ContainsFunc(i.members(now), func(m Member) bool { return m.Kind != memberProject }):
		return refuse("IMG.0105", "The image is shared with a domain or an organization. Stop sharing it first.")
	}
	return nil
}

// remove lets the image go, at once or after the ordered lag.
func (c *cloud) remove(i *Image, now time.Time, withBackup bool) {
	c.leave(i, now.Add(time.Duration(c.switches.DeleteLag)))
	c.saveImage(i)
	c.forget(now)
	c.release(c.backups[i.BackupID], withBackup)
}

// release frees the backup of an image that goes, deletes it too, or leaves it
// used up where that is ordered.
func (c *cloud) release(b *Backup, drop bool) {
	switch {
	case b == nil:
	case drop:
		c.dropBackup(b.ID)
		c.fake.journal.put(c.Name, kindBackup, b.ID, nil)
	case c.switches.KeepBackupUsed:
		b.Spent = true
		c.saveBackup(b)
	}
}
