package fakecloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"
)

// Profiles of the clouds that the fake can play.
const (
	// ProfileOTC is Open Telekom Cloud: ShowJob only, no v2.1 paths.
	ProfileOTC = "otc"
	// ProfileHuawei is Huawei Cloud: both job queries, v2.1 paths, more fields.
	ProfileHuawei = "huaweicloud"
)

// Options says what New builds.
type Options struct {
	Clouds     []CloudOptions
	TimeFactor float64      // the virtual clock runs that much faster than the wall's; 0 means 1
	Log        *slog.Logger // nil means silence
	StateFile  string       // where the state is kept over restarts; "" means memory only
	Seed       int64        // of ids and random durations; 0 means another one each time
}

// CloudOptions describes one account in one region. It is reached under the
// path prefix /<Name>. Secrets given here are what the fake expects of callers.
type CloudOptions struct {
	Name          string // [a-z0-9-], at most 40 characters
	Profile       string // ProfileOTC (default) or ProfileHuawei
	Region        string // default eu-de
	ProjectID     string // 32 hex digits
	ProjectName   string // default the region
	AccessKey     string
	SecretKey     string
	SecurityToken string // not empty: the access key is a temporary one and needs X-Security-Token
	Username      string
	Password      string
	Domain        string   // name of the account
	Neighbours    []string // ids of further projects in the region, played by nobody
	World         World    // what there is on the first start
	Switches      Switches
}

// World is what an account holds: the seed of a cloud, or an addition to it.
type World struct {
	Servers []Server `json:"servers,omitempty"`
	Vaults  []Vault  `json:"vaults,omitempty"`
	Volumes []Volume `json:"volumes,omitempty"`
	Buckets []Bucket `json:"buckets,omitempty"`
	Objects []Object `json:"objects,omitempty"`
	Backups []Backup `json:"backups,omitempty"`
	Images  []Image  `json:"images,omitempty"`
}

// Switches change the fake's behaviour where the vendors document none. The
// zero value is the default of the API reference's section 8.
type Switches struct {
	RatesOff  bool             `json:"rates_off"`           // no rate windows at all
	Limits    map[string]Limit `json:"limits,omitempty"`    // by bucket; replaces the documented numbers
	Quota     int              `json:"quota"`               // private images; 0 means 50, below 0 no limit
	MaxJobs   int              `json:"max_jobs"`            // running jobs before IMG.0060; 0 means no limit
	Durations map[string]Span  `json:"durations,omitempty"` // of jobs, by call; "*" is every other call

	ImageLate           Duration `json:"image_late"`             // the row appears that long after the job's end
	ImageNever          bool     `json:"image_never"`            // the row never appears
	ImageEarly          bool     `json:"image_early"`            // active long before the job ends
	KilledOnFail        bool     `json:"killed_on_fail"`         // a failed job leaves its image killed instead of removing it
	ImageIDWhileRunning bool     `json:"image_id_while_running"` // ShowJob tells the image's id before the end
	HideUnregistered    bool     `json:"hide_unregistered"`      // __isregistered=false finds nothing
	UniqueNames         bool     `json:"unique_names"`           // a second image of one name is IMG.0009
	KeepBackupUsed      bool     `json:"keep_backup_used"`       // deleting an image does not free its backup
	DeleteLag           Duration `json:"delete_lag"`             // a deleted image stays listed that long
	DeleteUnknown204    bool     `json:"delete_unknown_204"`     // deleting what is not there answers 204
	CSBSGone            bool     `json:"csbs_gone"`              // there is only CBR

	JobProgress     string   `json:"job_progress"`       // "on" or "off" for GET /v1/cloudimages/job; "" as the profile
	UnknownJob404   bool     `json:"unknown_job_404"`    // 404 instead of 400 IMG.0023
	JobsKept        Duration `json:"jobs_kept"`          // finished jobs are forgotten after that; 0 means never
	NoMemberProject bool     `json:"no_member_project"`  // results of member jobs lack project_id, as vendor samples do
	Agencies        []string `json:"agencies,omitempty"` // those with rights elsewhere; nil: all
	JobIDSpace      bool     `json:"job_id_space"`       // the job id comes with a leading space
	TokenLife       Duration `json:"token_life"`         // 0 means 24 hours
}

// Limit is a rate: Count calls in any Window of virtual time. A Count below
// zero switches the bucket off.
type Limit struct {
	Count  int      `json:"count"`
	Window Duration `json:"window"`
}

// Span is how long a job takes in virtual time. Sigma above zero makes Run the
// median of a log-normal distribution with that shape.
type Span struct {
	Init  Duration `json:"init"`
	Run   Duration `json:"run"`
	Sigma float64  `json:"sigma"`
}

// Duration is a time.Duration that reads and writes as "1m30s" in JSON.
type Duration time.Duration

// MarshalJSON writes the duration as time.Duration prints it.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(d).String())
}

// UnmarshalJSON reads the form that time.ParseDuration takes.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errors.New(`a duration is a text such as "10s"`)
	}
	parsed, err := time.ParseDuration(text)
	*d = Duration(parsed)
	return err
}

var (
	cloudName = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	projectID = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// filled returns the options with defaults, or what is wrong with them.
func (o CloudOptions) filled() (CloudOptions, error) {
	o.Profile = orElse(o.Profile, ProfileOTC)
	o.Region = orElse(o.Region, "eu-de")
	o.ProjectName = orElse(o.ProjectName, o.Region)
	switch {
	case !cloudName.MatchString(o.Name):
		return o, fmt.Errorf("cloud name %q: want 1 to 40 of a-z, 0-9 and -", o.Name)
	case o.Profile != ProfileOTC && o.Profile != ProfileHuawei:
		return o, fmt.Errorf("cloud %s: profile %q: want %s or %s", o.Name, o.Profile, ProfileOTC, ProfileHuawei)
	case !projectID.MatchString(o.ProjectID):
		return o, fmt.Errorf("cloud %s: project id %q: want 32 hex digits", o.Name, o.ProjectID)
	}
	return o, nil
}

func orElse(value, other string) string {
	if value == "" {
		return other
	}
	return value
}
