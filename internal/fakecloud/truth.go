package fakecloud

import (
	"encoding/json"
	"slices"
	"time"
)

// Mutation is one accepted change, the truth that a worker's events are held
// against.
type Mutation struct {
	Sequence  int             `json:"sequence"`
	Time      time.Time       `json:"time"` // virtual
	Real      time.Time       `json:"real"`
	Cloud     string          `json:"cloud"`
	Call      string          `json:"call"`
	Method    string          `json:"method"`
	Path      string          `json:"path"`
	Body      json.RawMessage `json:"body,omitempty"`
	JobID     string          `json:"job_id,omitempty"`
	ImageID   string          `json:"image_id,omitempty"`
	ImageIDs  []string        `json:"image_ids,omitempty"` // of calls that make several
	BackupID  string          `json:"backup_id,omitempty"`
	VolumeID  string          `json:"volume_id,omitempty"`
	Auth      string          `json:"auth"` // A or B (signature), token
	RequestID string          `json:"request_id"`
}

// Begins reports whether the change began slow work: a job, or the image of a
// volume.
func (m Mutation) Begins() bool { return m.JobID != "" || m.VolumeID != "" }

// accept keeps a change in the truth.
func (c *cloud) accept(q *request, m Mutation) {
	m.Sequence, m.Time, m.Real = len(c.truth)+1, q.now, time.Now().UTC().Round(0)
	m.Cloud, m.Call, m.Method, m.Path = c.Name, q.route.call, q.http.Method, q.http.URL.RequestURI()
	m.Auth, m.RequestID = q.caller.auth, q.id
	if json.Valid(q.body) {
		m.Body = json.RawMessage(q.body)
	}
	c.truth = append(c.truth, m)
	c.fake.journal.put(c.Name, kindTruth, "", m)
	c.fake.log.Debug("fake cloud accepted", "cloud", c.Name, "call", m.Call, "job_id", m.JobID, "image_id", m.ImageID)
}

// Begun returns the changes that began slow work, oldest first.
func (f *Fake) Begun(cloud string) []Mutation {
	return slices.DeleteFunc(f.Truth(cloud), func(m Mutation) bool { return !m.Begins() })
}

// Truth returns every change that the cloud accepted, oldest first; nothing
// for an unknown cloud.
func (f *Fake) Truth(cloud string) []Mutation {
	c, err := f.cloud(cloud)
	if err != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.truth)
}
