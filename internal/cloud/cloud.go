package cloud

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
)

// deleteImage is the one operation that has to be allowed by name.
const deleteImage = "delete-image"

// Values of Settings.OnUncertain.
const (
	OnUncertainDefault  = "default"
	OnUncertainResubmit = "resubmit"
	OnUncertainHold     = "hold"
)

// Values of Settings.CrossRegionResult.
const (
	CrossRegionImage   = "image"
	CrossRegionJobOnly = "job-only"
)

// Cloud is one account in one region.
type Cloud struct {
	Name      string // a subject token: the entry's alias, else its name
	Entry     string // the entry's name in the file
	Profile   ims.Profile
	Region    string
	ProjectID string     // empty: the client finds it by name
	Client    ims.Config // complete but for Observe, Logger and UserAgent
	SMN       string     // address of the notification service, without a slash at the end
	Consoles  []string   // addresses of the consoles, where SMN may have subscriptions confirmed
	Settings  Settings

	digest string // of all that the entry says, secrets and files included
}

// Same reports whether both were read from the same words, so that a client
// made for one can go on for the other.
func (c Cloud) Same(other Cloud) bool { return c.digest == other.digest }

// Settings is the "imsworker:" block of an entry, defaults filled in.
type Settings struct {
	Limits                map[string]Limit // by bucket, complete; TimeFactor is not applied
	LimitsOff             bool             // no limit is kept
	CrossRegionConcurrent int              // copies to other regions at once
	JobQuery              string           // ims.ShowJob or ims.ShowJobProgress
	OnUncertain           string
	Horizon               time.Duration // 0: each operation's own
	TimeFactor            float64       // the cloud's clock runs that much faster; 1 but for fakes
	Allow                 []string      // nil: all operations but delete-image
	AllowSteps            []string      // operations that follow-up steps may use
	AllowTargets          []string      // clouds that bulk and steps may use; nil: this one
	BackupWatch           BackupWatch
	SMNTopics             []string
	CrossRegionResult     string
	Sweep                 bool // the image list tells about many jobs at once
	SafeMode              bool
}

// Limit is how many calls may be made within any window of that length.
type Limit struct {
	Count  int
	Window time.Duration
}

// BackupWatch asks CBR for finished backups; Every is 0 where it is off.
type BackupWatch struct {
	Vaults []string
	Every  time.Duration
}

// Allows reports whether requests may ask for the operation.
func (s Settings) Allows(operation string) bool {
	if s.Allow == nil {
		return operation != deleteImage
	}
	return slices.Contains(s.Allow, operation)
}

// AllowsStep reports whether requests may have follow-up steps of the
// operation.
func (s Settings) AllowsStep(operation string) bool {
	return slices.Contains(s.AllowSteps, operation)
}

// AllowsTarget reports whether what requests to this cloud cause may be done
// on another one, or on itself.
func (c Cloud) AllowsTarget(name string) bool {
	if c.Settings.AllowTargets == nil {
		return name == c.Name
	}
	return slices.Contains(c.Settings.AllowTargets, name)
}

// Set is all clouds of one reading of the files. It does not change.
type Set struct {
	clouds map[string]Cloud
	all    []string // names of all entries, served or not
	digest string
	files  []string // all that were read

	warnings Problems
}

// Get returns the cloud of that name.
func (s *Set) Get(name string) (Cloud, bool) {
	c, ok := s.clouds[name]
	return c, ok
}

// Names returns the names of all clouds, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.clouds)) }

// Entries returns the names of all entries of the file, sorted, also of those
// that are not served here.
func (s *Set) Entries() []string { return slices.Sorted(slices.Values(s.all)) }

// Warnings are settings that are understood but have no effect, and why, each for the person who wrote it.
func (s *Set) Warnings() []Problem { return slices.Clone(s.warnings) }

// MovedProject is the value of Moved.What for a project that the entry names
// in other words: only the cloud can tell whether it is another one.
const MovedProject = "project"

// Moved is a cloud that names another account than before.
type Moved struct {
	Name, What, From, To string // What is region, MovedProject or identity endpoint
}

// String tells the change in words.
func (m Moved) String() string {
	return fmt.Sprintf("cloud %s: %s changed from %q to %q", m.Name, m.What, m.From, m.To)
}

// Moved returns what may not change while requests of a cloud are in flight:
// its region, project and identity endpoint.
func (s *Set) Moved(next *Set) []Moved {
	var moved []Moved
	for _, name := range s.Names() {
		now, ok := next.clouds[name]
		if !ok {
			continue
		}
		was := s.clouds[name]
		moved = appendMoved(moved, name, "region", was.Region, now.Region)
		moved = appendMoved(moved, name, MovedProject, was.project(), now.project())
		moved = appendMoved(moved, name, "identity endpoint", was.Client.Endpoints.Identity, now.Client.Endpoints.Identity)
	}
	return moved
}

func appendMoved(moved []Moved, name, what, from, to string) []Moved {
	if from == to {
		return moved
	}
	return append(moved, Moved{Name: name, What: what, From: from, To: to})
}

// project names the project by what the entry says of it.
func (c Cloud) project() string {
	if c.ProjectID != "" {
		return strings.ToLower(c.ProjectID)
	}
	return c.domain() + "/" + cmp.Or(c.Client.Credentials.ProjectName, c.Region)
}

// domain is the one that the project belongs to, as the entry says it: empty
// where only the credentials tell.
func (c Cloud) domain() string {
	credentials := c.Client.Credentials
	user := cmp.Or(credentials.UserDomainName, credentials.UserDomainID)
	if credentials.ProjectName == "" {
		return user
	}
	return cmp.Or(credentials.ProjectDomainName, credentials.ProjectDomainID, user)
}

// surely reports whether two entries are one account by their words alone. Two
// that say it in other words may be one too, which the cloud alone can tell.
func (c Cloud) surely(other Cloud) bool {
	if c.project() != other.project() || c.Client.Endpoints.Identity != other.Client.Endpoints.Identity {
		return false
	}
	mine, theirs := c.Client.Credentials, other.Client.Credentials
	return c.ProjectID != "" || c.domain() != "" || mine.AccessKey == theirs.AccessKey && mine.UserID == theirs.UserID
}

// Format prints the names of the clouds, for every verb. It takes a value so
// that a copy is silent too.
func (s Set) Format(state fmt.State, _ rune) { _, _ = fmt.Fprintf(state, "clouds %v", s.Names()) }

// Format prints the cloud's name, for every verb: the rest may hold secrets.
func (c Cloud) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "cloud "+c.Name) }
