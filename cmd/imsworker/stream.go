package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// longList is from where a table is laid out without being kept.
const longList = 1000

// printList is print for a list that may be very long: JSON and YAML are written one element after the other, and a table that may be as
// wide as it takes is asked for twice, once for the widths of its columns.
func printList[T any](f *format, w io.Writer, list []T, table func(io.Writer)) error {
	switch {
	case f.isTable() && len(list) >= longList && terminalWidth(w) == 0:
		return printLong(w, table)
	case f.isTable(), len(list) == 0:
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

// printLong writes a table of one head and rows.
func printLong(w io.Writer, table func(io.Writer)) error {
	l := &longTable{}
	table(l)
	out := bufio.NewWriterSize(w, 64<<10)
	l.out = out
	table(l)
	return cmp.Or(l.failed, out.Flush())
}

// longTable is given rows twice: it takes the widths of their cells, then writes them.
type longTable struct {
	widths []int
	out    io.Writer // nil at first
	line   []byte
	failed error
}

// row takes one line.
func (t *longTable) row(values []any) {
	t.line = t.line[:0]
	for i, value := range values {
		text := cellOf(value).text
		if wide := columns(text); t.out == nil {
			t.measure(i, wide)
		} else if t.line = append(t.line, text...); i < len(values)-1 {
			t.line = append(t.line, strings.Repeat(" ", t.widths[i]-wide+gap)...)
		}
	}
	if t.out != nil {
		_, _ = t.Write(append(t.line, '\n'))
	}
}

// Write passes a text on that is no row.
func (t *longTable) Write(text []byte) (int, error) {
	if t.out == nil {
		return len(text), nil
	}
	if _, err := t.out.Write(text); err != nil && t.failed == nil {
		t.failed = err
	}
	return len(text), t.failed
}

func (t *longTable) measure(column, wide int) {
	if column == len(t.widths) {
		t.widths = append(t.widths, 0)
	}
	t.widths[column] = max(t.widths[column], wide)
}
