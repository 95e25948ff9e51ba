package fakecloud

import (
	"regexp"
	"strings"
	"time"
)

// classStandard is the only storage class that the image service reads from
// and writes to.
const classStandard = "STANDARD"

// Bucket is one bucket of the object storage. One that is not seeded comes
// with its first object, in the cloud's region.
type Bucket struct {
	Name   string `json:"name"`
	Region string `json:"region,omitempty"` // default the cloud's
	Class  string `json:"class,omitempty"`  // default STANDARD
	Denied bool   `json:"denied,omitempty"` // the account has no rights on it
}

// Object is one file in a bucket: an image file, or what an export has left.
type Object struct {
	Bucket     string `json:"bucket"`
	Key        string `json:"key"`
	Format     string `json:"format"`          // qcow2 (default), raw, zvhd2, vhd, iso, ova … or anything that is no image
	SizeGB     int    `json:"size_gb"`         // of the file; default 1, below 0: it is empty
	DiskGB     int    `json:"disk_gb"`         // of the disk inside; default SizeGB
	OSType     string `json:"os_type"`         // Linux (default), Windows
	Bitmap     bool   `json:"bitmap"`          // the bitmap file that RAW needs stands beside it
	Unreadable bool   `json:"unreadable"`      // encrypted by others, or of another storage class
	Disks      []int  `json:"disks,omitempty"` // of an OVA: its data disks in GB

	Since time.Time `json:"since,omitzero"` // it is being written until then
}

// id is the address of an object as calls name it.
func (o *Object) id() string { return o.Bucket + ":" + o.Key }

// filled gives a seeded object what was left out.
func (o Object) filled() Object {
	o.Format, o.OSType = orElse(o.Format, "qcow2"), orElse(o.OSType, "Linux")
	if o.SizeGB == 0 {
		o.SizeGB = 1
	}
	if o.DiskGB == 0 {
		o.DiskGB = max(o.SizeGB, 1)
	}
	return o
}

// saveObject keeps an object, and its bucket if that is new.
func (c *cloud) saveObject(o *Object) string {
	if c.buckets[o.Bucket] == nil {
		c.saveBucket(&Bucket{Name: o.Bucket})
	}
	c.objects[o.id()] = o
	c.fake.journal.put(c.Name, kindObject, o.id(), o)
	return o.id()
}

func (c *cloud) saveBucket(b *Bucket) string {
	b.Region, b.Class = orElse(b.Region, c.Region), orElse(b.Class, classStandard)
	c.buckets[b.Name] = b
	c.fake.journal.put(c.Name, kindBucket, b.Name, b)
	return b.Name
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// checkAddress holds an address of the form bucket:file against the rules of
// the API reference's section 2.1.
func checkAddress(address string) (bucket, key string, a *answer) {
	bucket, key, found := strings.Cut(address, ":")
	switch {
	case !found || strings.Contains(key, ":") || strings.HasPrefix(key, "/"):
		return "", "", refuse("IMG.0017", "The URL is incorrect. Use the format bucket:file.")
	case bucket == "":
		return "", "", refuse("IMG.0068", "The bucket name cannot be left blank.")
	case !bucketName.MatchString(bucket):
		return "", "", refuse("IMG.0109", "The bucket name contains invalid characters.")
	case key == "":
		return "", "", refuse("IMG.0073", "The file name cannot be left blank.")
	case strings.ContainsAny(key, " \t"):
		return "", "", refuse("IMG.0175", "The folder or file name contains spaces.")
	}
	return bucket, key, nil
}

// checkBucket refuses buckets that the image service cannot use.
func (c *cloud) checkBucket(name string) *answer {
	b := c.buckets[name]
	switch {
	case b == nil || b.Denied || b.Class != classStandard:
		return refuse("IMG.0069", "The bucket cannot be accessed.")
	case b.Region != c.Region:
		return refuse("IMG.0058", "The bucket is in another region.")
	}
	return nil
}

// findFile is the image file at an address.
func (c *cloud) findFile(address string) (*Object, *answer) {
	bucket, key, a := checkAddress(address)
	if a != nil {
		return nil, a
	}
	if a := c.checkBucket(bucket); a != nil {
		return nil, a
	}
	o := c.objects[bucket+":"+key]
	if o == nil || o.SizeGB < 0 || o.Unreadable || c.fake.clock.now().Before(o.Since) {
		return nil, refuse("IMG.0057", "The image file is empty, does not exist or cannot be read.")
	}
	return o, nil
}
