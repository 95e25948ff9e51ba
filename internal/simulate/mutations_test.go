//go:build mutations

package simulate

import (
	"fmt"
	"testing"

	"github.com/imsworker/imsworker/internal/mutation"
)

// enough is how many seeds may pass before a mistake is noticed.
const enough = 1000

// TestMutations makes each mistake on purpose: some seed must notice it.
func TestMutations(t *testing.T) {
	for _, m := range mutation.All() {
		t.Run(string(m), func(t *testing.T) {
			t.Setenv("MUTATION", string(m))
			for seed := range uint64(enough) {
				if r := simulate(t, newPlan(seed+1)); len(r.violations) > 0 {
					fmt.Printf("%-30s caught by seed %d: %s: %s\n", m, seed+1, r.violations[0].rule, r.violations[0].text)
					return
				}
			}
			t.Errorf("nobody notices %s in %d seeds", m, enough)
		})
	}
}
