//go:build nextrecords

package ledger

// Version is one more than that of the release: the tag nextrecords makes the
// next version of the worker, as far as others can see, so that a test can run
// the two side by side.
const Version = 2
