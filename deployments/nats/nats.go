// Package nats holds the broker's configuration as it is shipped, for the tests
// that try it. Servers read the files themselves.
package nats

import "embed"

// Files are nats.conf, accounts.conf and the environment of each node.
//
//go:embed *.conf *.env
var Files embed.FS
