package messages

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// MarkerKey is the tag key, and the word in descriptions, under which the key
// of a request is put on the image it makes. Users may not use it themselves.
const MarkerKey = "ims-request"

// PlainSource is the source of requests that came as plain JSON.
const PlainSource = "nats"

// Identity names a request for its sender: two messages with the same source
// and id, sent to the same cloud, are the same request.
type Identity struct {
	Source string
	ID     string
}

// keyEncoding is lower-case base32 without padding.
var keyEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Key is the identity of a request inside the worker: 26 characters of
// lower-case base32 over the first 16 bytes of SHA-256 of cloud, source and
// id, each on a line of its own.
func Key(cloud, source, id string) string {
	sum := sha256.Sum256([]byte(cloud + "\n" + source + "\n" + id))
	return keyEncoding.EncodeToString(sum[:16])
}

// ValidKey reports whether the text has the form of a key.
func ValidKey(key string) bool {
	return len(key) == 26 && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz234567") == ""
}
