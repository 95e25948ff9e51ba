package messages

import "time"

// BulkCopy is the data of a bulk-copy request: every image goes to every
// target, each by a request of its own.
type BulkCopy struct {
	// Images are ids; a request has either these or Query.
	Images  []string     `json:"images,omitempty"`
	Query   *BulkQuery   `json:"query,omitempty"`
	Targets []BulkTarget `json:"targets"`
	// NameTemplate makes the copies' names where a target names none; empty
	// stands for the image's own name.
	NameTemplate string `json:"name_template,omitempty"`
	// Policy is best-effort, or fail-fast: nothing more is begun once a leg has
	// not succeeded.
	Policy string `json:"policy,omitempty"`
	// Concurrency is how many legs may be under way at once, 0 for the default.
	Concurrency int     `json:"concurrency,omitempty"`
	Options     Options `json:"options,omitzero"`
}

// The values of a bulk's policy.
const (
	PolicyBestEffort = "best-effort"
	PolicyFailFast   = "fail-fast"
)

// BulkQuery chooses from the private images of the cloud; all that is given
// has to hold.
type BulkQuery struct {
	Tag *Tag `json:"tag,omitempty"`
	// Name is a pattern with * and ?.
	Name string `json:"name,omitempty"`
	// NewerThan leaves out what was made before, by the cloud's clock.
	NewerThan *time.Time `json:"newer_than,omitempty"`
}

// BulkTarget is one place to which all images of a bulk are copied: this
// cloud where neither Cloud nor Region is given.
type BulkTarget struct {
	// Cloud is the name of an entry of clouds.yaml.
	Cloud string `json:"cloud,omitempty"`
	// Region and ProjectName say where the copies go if that is no configured
	// cloud. AgencyName, and VaultID for whole images, are needed for every copy
	// to another region.
	Region      string `json:"region,omitempty"`
	ProjectName string `json:"project_name,omitempty"`
	AgencyName  string `json:"agency_name,omitempty"`
	VaultID     string `json:"vault_id,omitempty"`

	// Name may hold the placeholders of NameTemplate.
	Name                string `json:"name,omitempty"`
	Description         string `json:"description,omitempty"`
	CmkID               string `json:"cmk_id,omitempty"`
	EnterpriseProjectID string `json:"enterprise_project_id,omitempty"`
	ImageTags           []Tag  `json:"image_tags,omitempty"`
}

// BulkRoute is a target as it was resolved when the bulk was expanded: how its
// legs are carried out stays the same from then on.
type BulkRoute struct {
	// Way is one of the constants below.
	Way string `json:"way"`
	// Cloud is that of the copies; empty where no entry is known for the place.
	Cloud string `json:"cloud,omitempty"`
	// Region, and Project by name, are the destination in another region.
	Region  string `json:"region,omitempty"`
	Project string `json:"project,omitempty"`
	// ProjectID is whom images are shared with.
	ProjectID string `json:"project_id,omitempty"`
	// Problem says why no leg of the target can be carried out.
	Problem *Failure `json:"problem,omitempty"`
}

// The ways of a bulk's legs.
const (
	WayHere   = "here"   // copy-image in the images' own project
	WayAcross = "across" // copy-image-cross-region
	WayShare  = "share"  // share-image, answer-share, copy-image in another project of the region
)
