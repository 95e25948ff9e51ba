package app

import (
	"testing"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/cloud"
)

// TestSlotsOfOperations: what an operation names as its slot can be set in
// clouds.yaml and reaches the engine.
func TestSlotsOfOperations(t *testing.T) {
	t.Parallel()
	all := slots(cloud.Settings{CrossRegionConcurrent: 3})
	for _, op := range handlers.All() {
		if op.Slot != "" && all[op.Slot] != 3 {
			t.Errorf("%s needs %s, which no entry sets", op.Name, op.Slot)
		}
	}
	if off := slots(cloud.Settings{CrossRegionConcurrent: 3, LimitsOff: true}); len(off) > 0 {
		t.Errorf("without limits there are %v", off)
	}
}
