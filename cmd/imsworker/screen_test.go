package main

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// terminal is a small emulator of what screens say: a page of cells that does not scroll, a cursor that stays at the edge. What
// it does not know, and what would wrap or scroll, is noted.
type terminal struct {
	cells    [][]rune
	row, col int
	open     bool // the page of its own is shown
	hidden   bool // the cursor
	colour   bool // was used
	amiss    []string
}

func newTerminal(columns, rows int) *terminal {
	t := &terminal{}
	t.resize(columns, rows)
	return t
}

// resize keeps what still fits, as terminals do with such a page.
func (t *terminal) resize(columns, rows int) {
	before := t.cells
	t.cells = make([][]rune, rows)
	for i := range t.cells {
		t.cells[i] = []rune(strings.Repeat(" ", columns))
		if i < len(before) {
			copy(t.cells[i], before[i])
		}
	}
	t.row, t.col = min(t.row, rows-1), min(t.col, columns-1)
}

// Write implements io.Writer.
func (t *terminal) Write(p []byte) (int, error) {
	text := string(p)
	for text != "" {
		if strings.HasPrefix(text, "\x1b[") {
			end := strings.IndexAny(text, "ABCDHJKmhl")
			t.control(text[2:end], text[end])
			text = text[end+1:]
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		t.put(r)
		text = text[size:]
	}
	return len(p), nil
}

func (t *terminal) put(r rune) {
	switch {
	case r == '\r':
		t.col = 0
	case r == '\n' && t.row == len(t.cells)-1:
		t.amiss = append(t.amiss, "scrolls")
	case r == '\n':
		t.row++
	case r < ' ':
		t.amiss = append(t.amiss, "control character "+strconv.QuoteRune(r))
	case t.col >= len(t.cells[t.row]):
		t.amiss = append(t.amiss, "wraps in line "+strconv.Itoa(t.row))
	default:
		t.cells[t.row][t.col] = r
		t.col++
	}
}

// at is where the cursor stands: behind the last column it waits on that.
func (t *terminal) at() int { return min(t.col, len(t.cells[t.row])-1) }

func (t *terminal) control(args string, what byte) {
	switch said := args + string(what); said {
	case "?1049h", "?1049l":
		t.open = what == 'h'
	case "?25l", "?25h":
		t.hidden = what == 'l'
	case "?7l", "?7h": // nothing may reach the edge anyway
	case "H":
		t.row, t.col = 0, 0
	case "2J":
		t.clear(0, 0)
	case "J":
		t.clear(t.row, t.at())
	case "K":
		clearCells(t.cells[t.row], t.at())
	default:
		if t.colour = true; what != 'm' {
			t.amiss = append(t.amiss, "unknown "+strconv.Quote(said))
		}
	}
}

func (t *terminal) clear(row, col int) {
	clearCells(t.cells[row], col)
	for _, cells := range t.cells[row+1:] {
		clearCells(cells, 0)
	}
}

func clearCells(cells []rune, from int) {
	for i := from; i < len(cells); i++ {
		cells[i] = ' '
	}
}

// shows is the page without the spaces at the ends of lines.
func (t *terminal) shows() string {
	var b strings.Builder
	for _, cells := range t.cells {
		b.WriteString(strings.TrimRight(string(cells), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// TestScreen draws over what was there, whatever the size, and leaves the terminal as it was.
func TestScreen(t *testing.T) {
	t.Parallel()
	term := newTerminal(20, 3)
	columns, rows := 20, 3
	s := newScreen(term, func() (int, int) { return columns, rows })
	s.open()
	for _, step := range []struct {
		columns, rows int
		lines         []string
		changed       bool
	}{
		{20, 3, []string{"one", "two", "three"}, true},
		{20, 3, []string{"1"}, false},
		{10, 2, []string{"0123456789", "0123456789"}, true},
		{30, 4, []string{"wide again"}, true},
	} {
		columns, rows = step.columns, step.rows
		term.resize(columns, rows)
		changed := s.measure()
		s.draw(step.lines, changed)
		if want := strings.Join(step.lines, "\n") + "\n"; term.shows() != want || changed != step.changed {
			t.Errorf("%d by %d: got %q, want %q", columns, rows, term.shows(), want)
		}
	}
	columns, rows = 0, 0
	if s.measure(); s.columns != 80 || s.rows != 24 {
		t.Errorf("a terminal that does not tell its size has %d by %d", s.columns, s.rows)
	}
	if s.close(); term.open || term.hidden || len(term.amiss) > 0 {
		t.Errorf("left with %+v", term)
	}
}

func TestBar(t *testing.T) {
	t.Parallel()
	for want, c := range map[string][4]int{
		"[==========]": {7, 0, 0, 0}, "[=========x]": {199, 1, 0, 0}, "[====x>>>..]": {90, 1, 60, 49}, "[..........]": {0, 0, 0, 1}, "[=x>.......]": {1, 1, 1, 9997},
	} {
		l := bar(12, share{c[0], "=", good}, share{c[1], "x", bad}, share{c[2], ">", ""}, share{c[3], ".", faint})
		if got := l.fit(12, false); got != want {
			t.Errorf("%v: got %s, want %s", c, got, want)
		}
	}
}

func TestLineFits(t *testing.T) {
	t.Parallel()
	l := line{{"abc", good}, {"defg", ""}}
	for width, want := range map[int]string{9: "abcdefg", 7: "abcdefg", 6: "abcde…", 4: "abc…", 3: "ab…", 1: "…"} {
		if got := l.fit(width, false); got != want {
			t.Errorf("%d: got %q, want %q", width, got, want)
		}
	}
	if got := l.fit(7, true); got != "\x1b[32mabc\x1b[0mdefg" {
		t.Errorf("painted: %q", got)
	}
	if got := spread(say("left"), say("right"), 12).fit(12, false); got != "left   right" {
		t.Errorf("spread: %q", got)
	}
}
