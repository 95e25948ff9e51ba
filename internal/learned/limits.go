package learned

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/pace"
)

// limitsToken stands where durations have their operation. No operation is named
// so, and a version that does not know it reads durations of nothing.
const limitsToken = "limits"

// limitsVersion is of what is stored.
const limitsVersion = 1

// limits is what is learned of a cloud's limits, by bucket.
type limits map[string]budget.Memory

// limitsWire is how they are stored.
type limitsWire struct {
	Version int                      `json:"v"`
	Limits  map[string]budget.Memory `json:"limits"`
}

// MarshalJSON writes them.
func (l limits) MarshalJSON() ([]byte, error) {
	return json.Marshal(limitsWire{Version: limitsVersion, Limits: l})
}

// UnmarshalJSON reads them; pace.ErrNewer where a later version has written them.
func (l *limits) UnmarshalJSON(data []byte) error {
	var head struct {
		Version int `json:"v"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("read learned limits: %w", err)
	}
	if head.Version > limitsVersion {
		return fmt.Errorf("read learned limits: version %d: %w", head.Version, pace.ErrNewer)
	}
	var w limitsWire
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("read learned limits: %w", err)
	}
	*l = w.Limits
	return nil
}

// RecallLimits returns what was stored last about the limits of a cloud, by the
// names that it was kept under; nil where nothing is known. It never blocks.
func (d *Durations) RecallLimits(cloud string) map[string]budget.Memory {
	d.mu.Lock()
	data, known := d.known[subject(cloud, limitsToken)]
	d.mu.Unlock()
	var l limits
	if !known || json.Unmarshal(data, &l) != nil {
		return nil
	}
	return l
}

// KeepLimits has a copy of what is known of a cloud's limits now stored by
// Write. It never blocks.
func (d *Durations) KeepLimits(cloud string, learned map[string]budget.Memory) {
	d.keep(subject(cloud, limitsToken), limits(maps.Clone(learned)))
}
