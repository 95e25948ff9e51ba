//go:build !mutations

package mutation

// Built says that marks do something in this build.
const Built = false

// On reports whether the mistake is to be made: never in this build.
func On(Mutation) bool { return false }
