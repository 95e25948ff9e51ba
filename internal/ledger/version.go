//go:build !nextrecords

package ledger

// Version is the newest form of a record that this program writes and
// understands. A record of a newer version is left alone.
const Version = 1
