//go:build !mutations

package mutation_test

import (
	"testing"

	"github.com/imsworker/imsworker/internal/mutation"
)

// TestNothingIsOn in a normal build, whatever the environment says.
func TestNothingIsOn(t *testing.T) {
	for _, m := range mutation.All() {
		t.Setenv("MUTATION", string(m))
		if mutation.On(m) {
			t.Errorf("%s is made in a normal build", m)
		}
	}
}
