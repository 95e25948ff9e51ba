package config

import (
	"fmt"
	"log/slog"
)

const masked = "***"

// Secret is a string that no printer shows: every form of output gives ***. string(s) is the value itself.
type Secret string

// String implements fmt.Stringer.
func (Secret) String() string { return masked }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return masked }

// Format implements fmt.Formatter, so that no verb shows the value.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText implements encoding.TextMarshaler, and with it JSON and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }
