package main

import (
	"fmt"
	"io"
	"strings"
)

// What a screen says to its terminal, in the words of ECMA-48 and xterm: another page than the one that scrolls, without a cursor, on
// which lines that are too long end at the edge.
const (
	screenOpen  = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	screenClose = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	screenClear = "\x1b[2J"
	screenHome  = "\x1b[H"
	lineClear   = "\x1b[K"
	restClear   = "\x1b[J"
)

// screen draws frames over each other on a terminal. What it draws is gone when it is closed: a page of its own is what stays right
// when the terminal is made smaller, where lines that were drawn before would be broken anew.
type screen struct {
	out           io.Writer
	size          func() (columns, lines int)
	columns, rows int // as drawn last
}

// The size that is taken where a terminal does not tell its own.
const usualColumns, usualRows = 80, 24

func newScreen(out io.Writer, size func() (columns, lines int)) *screen {
	return &screen{out: out, size: size}
}

func (s *screen) open() { fmt.Fprint(s.out, screenOpen) }

// close clears the page first: a terminal whose size has changed meanwhile may keep some of its lines.
func (s *screen) close() { fmt.Fprint(s.out, screenHome+screenClear+screenClose) }

// measure asks the terminal for its size, and says whether that has changed.
func (s *screen) measure() (changed bool) {
	columns, rows := s.size()
	if columns <= 0 || rows <= 0 {
		columns, rows = usualColumns, usualRows
	}
	changed = columns != s.columns || rows != s.rows
	s.columns, s.rows = columns, rows
	return changed
}

// draw shows lines, which must fit, in one write. With anew nothing of before is trusted.
func (s *screen) draw(lines []string, anew bool) {
	var b strings.Builder
	if anew {
		b.WriteString(screenClear)
	}
	b.WriteString(screenHome)
	for i, text := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(lineClear + text) // behind a text that reaches the edge it would clear its last column
	}
	if len(lines) < s.rows {
		b.WriteString("\r\n" + restClear)
	}
	fmt.Fprint(s.out, b.String())
}
