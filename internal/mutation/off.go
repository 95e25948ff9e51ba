//go:build !mutations

package mutation

// On reports whether the mistake is to be made: never in this build.
func On(Mutation) bool { return false }
