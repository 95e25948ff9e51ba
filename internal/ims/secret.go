package ims

import (
	"fmt"
	"io"
	"log/slog"
)

// hidden is what stands in place of a secret wherever one is printed.
const hidden = "***"

// Secret is a text that is never shown: every way of printing, logging or
// marshalling it yields "***", or nothing if it is empty. Reveal alone tells it.
type Secret string

// Reveal returns the secret itself, for the one place that has to send it.
func (s Secret) Reveal() string { return string(s) }

// String returns "***".
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString returns "***" for %#v.
func (s Secret) GoString() string { return s.String() }

// Format writes "***" for every verb, %x and %q included.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// LogValue returns "***" for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns "***" for JSON and every other text encoder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML returns "***" for YAML encoders.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }
