package messages

// AdoptJob is the data of an adopt-job request.
type AdoptJob struct {
	// JobID is the cloud's.
	JobID   string  `json:"job_id"`
	Options Options `json:"options,omitzero"`
}
