package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// printList is print for a list that may be very long: JSON and YAML are written one element after the other.
func printList[T any](f *format, w io.Writer, list []T, table func(io.Writer)) error {
	if f.isTable() || len(list) == 0 {
		return f.print(w, list, table)
	}
	out := bufio.NewWriter(w)
	for i, element := range list {
		text, err := f.element(element, i == 0, i == len(list)-1)
		if err != nil {
			return fmt.Errorf("write output: %w", err)
		}
		if _, err := out.Write(text); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
	}
	return out.Flush()
}

// element is one element of a list as it stands in print's output.
func (f *format) element(value any, first, last bool) ([]byte, error) {
	if *f == formatYAML {
		text, err := json.Marshal([]any{value})
		if err != nil {
			return nil, err
		}
		return yamlOf(text)
	}
	text, err := json.MarshalIndent(value, "  ", "  ")
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	if first {
		b.WriteString("[\n")
	}
	b.WriteString("  ")
	b.Write(text)
	if last {
		b.WriteString("\n]\n")
	} else {
		b.WriteString(",\n")
	}
	return []byte(b.String()), nil
}
