package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// table lines up the cells of lines that follow each other, as rows and heads give them. On a terminal it keeps within its
// width: see fit. Lines without cells end such a block and pass as they are.
type table struct {
	out   io.Writer
	room  int // columns of the terminal; 0: as wide as it takes
	paint bool

	kinds  []kind // of the block's head; without one the last column is folded
	names  []string
	cells  [][]cell
	text   []byte // of a line that is not complete
	failed error
}

// cell is what stands in one column of one line.
type cell struct {
	text string
	tone tone
	raw  bool // is not folded
}

// kind is what may be done to a column where there is no room.
type kind int

const (
	fixed    kind = iota // nothing: keys and ids are there to be copied
	cuttable             // its longest texts are cut
	foldable             // the last one alone: goes on in the next line
	optional             // it is left out
)

// The names of columns that are not fixed.
type (
	narrow string
	folded string
	spare  string
)

// asIs is a cell that is never broken into lines, such as data to be copied.
type asIs string

// toned is a cell with a colour.
type toned struct {
	text any
	tone tone
}

// newTable returns a table for w, which the caller flushes.
func newTable(w io.Writer, wide bool) *table {
	t := &table{out: w, paint: colours(w)}
	if !wide {
		t.room = terminalWidth(w)
	}
	return t
}

// head writes the names of the columns of the rows that follow. Where the output is a terminal with too little room, columns
// named by spare are left out, those named by narrow are cut, and one named by folded, the last, goes on in the next line.
func head(w io.Writer, names ...any) {
	if t, ok := w.(*table); ok {
		t.end()
		t.kinds, t.names = kindsOf(names), make([]string, len(names))
		for i, name := range names {
			t.names[i] = fmt.Sprint(name)
		}
	}
	row(w, names...)
}

func kindsOf(names []any) []kind {
	kinds := make([]kind, len(names))
	for i, name := range names {
		switch name.(type) {
		case narrow:
			kinds[i] = cuttable
		case folded:
			kinds[i] = foldable
		case spare:
			kinds[i] = optional
		}
	}
	return kinds
}

// row writes one line of a table. Values are shown as they are, since two names
// may differ in their spaces; only what would tear the table or steer the
// terminal is escaped.
func row(w io.Writer, values ...any) {
	if t, ok := w.(*longTable); ok {
		t.row(values)
		return
	}
	cells := make([]cell, len(values))
	for i, value := range values {
		cells[i] = cellOf(value)
	}
	if t, ok := w.(*table); ok {
		t.cells = append(t.cells, cells)
		return
	}
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = c.text
	}
	fmt.Fprintln(w, strings.Join(texts, "\t"))
}

func cellOf(value any) (c cell) {
	switch v := value.(type) {
	case toned:
		c = cellOf(v.text)
		c.tone = v.tone
		return c
	case string:
		c.text = visible(v)
	case asIs:
		c.text, c.raw = visible(string(v)), true
	default:
		c.text = visible(fmt.Sprint(value))
	}
	if c.text == "" {
		c.text = "-"
	}
	return c
}

// Write takes lines whose cells are parted by tabs.
func (t *table) Write(text []byte) (int, error) {
	t.text = append(t.text, text...)
	for {
		line, rest, whole := bytes.Cut(t.text, []byte("\n"))
		if !whole {
			return len(text), t.failed
		}
		t.line(string(line))
		t.text = rest
	}
}

func (t *table) line(line string) {
	texts := strings.Split(line, "\t")
	if len(texts) == 1 {
		t.end()
		t.print(line)
		return
	}
	cells := make([]cell, len(texts))
	for i, text := range texts {
		cells[i] = cell{text: text}
	}
	t.cells = append(t.cells, cells)
}

// Flush writes what is not written yet and returns the first error there was.
func (t *table) Flush() error {
	if len(t.text) > 0 {
		t.line(string(t.text))
		t.text = nil
	}
	t.end()
	return t.failed
}

func (t *table) print(line string) {
	if _, err := fmt.Fprintln(t.out, line); err != nil && t.failed == nil {
		t.failed = err
	}
}

// end writes the block.
func (t *table) end() {
	l := t.fit()
	for _, cells := range t.cells {
		t.lay(cells, l)
	}
	if t.cells = nil; len(l.left) > 0 {
		t.print("(no room for " + strings.Join(l.left, ", ") + ": -o wide)")
	}
	t.kinds, t.names = nil, nil
}

// lay writes one line of the block, or several where its last cell is folded.
func (t *table) lay(cells []cell, l layout) {
	var b strings.Builder
	at, written := 0, 0
	for i, c := range cells {
		if l.gone[i] {
			continue
		}
		b.WriteString(strings.Repeat(" ", at-written))
		pieces := l.pieces(i, c, i == len(cells)-1)
		for j, piece := range pieces {
			if j > 0 {
				b.WriteString("\n" + strings.Repeat(" ", at))
			}
			b.WriteString(t.painted(piece, c.tone))
		}
		written = at + columns(pieces[len(pieces)-1])
		at += l.widths[i] + gap
	}
	t.print(b.String())
}
