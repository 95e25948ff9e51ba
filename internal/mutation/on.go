//go:build mutations

package mutation

import "os"

// Built says that marks do something in this build.
const Built = true

// On reports whether the mistake is to be made: the one that MUTATION names.
func On(m Mutation) bool { return os.Getenv("MUTATION") == string(m) }
