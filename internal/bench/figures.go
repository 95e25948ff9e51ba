package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
)

// figure is one result that other programs read.
type figure struct {
	name   string
	value  float64
	unit   string
	target string // what it should be on a quiet machine, for the reader
}

// tell prints figures as a table, then each on a line of its own.
func (b *bench) tell(figures []figure) error {
	rows := [][]string{{"figure", "value", "unit", "target"}}
	for _, f := range figures {
		rows = append(rows, []string{f.name, number(f.value), f.unit, f.target})
	}
	if err := table(b.out, rows); err != nil {
		return err
	}
	for _, f := range figures {
		fmt.Fprintf(b.out, "figure %s %s %s\n", f.name, number(f.value), f.unit)
	}
	return nil
}

// table prints rows in columns; the first row is the heading.
func table(out io.Writer, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		for _, cell := range row {
			fmt.Fprintf(w, "%s\t", cell)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	return w.Flush()
}

// number writes a value with three digits at least, without an exponent.
func number(v float64) string {
	digits := 0
	for limit := 100.0; v != 0 && v < limit && digits < 3; limit /= 10 {
		digits++
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// median is the middle value; of an even number of values the mean of the two
// in the middle.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// percentile is the value that a share of all does not exceed; values must be
// sorted.
func percentile[T any](sorted []T, share float64) T {
	var none T
	if len(sorted) == 0 {
		return none
	}
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
