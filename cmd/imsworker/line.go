package main

import (
	"slices"
	"strings"
)

// piece is a piece of a line on a screen, in one colour.
type piece struct {
	text string
	tone tone
}

// line is one line on a screen.
type line []piece

// say returns a line of one text.
func say(text string) line { return line{{visible(text), ""}} }

// wide is how many columns the line takes.
func (l line) wide() (n int) {
	for _, s := range l {
		n += columns(s.text)
	}
	return n
}

// fit is the line in at most so many columns.
func (l line) fit(width int, paint bool) string {
	var b strings.Builder
	for i, s := range l {
		text := s.text
		if rest := l[i+1:]; columns(text) > width || columns(text) == width && rest.wide() > 0 {
			text = strings.TrimSuffix(cutTo(text+cutMark, width), cutMark) + cutMark
		}
		if width -= columns(text); width < 0 {
			break
		}
		if paint && s.tone != "" {
			text = "\x1b[" + string(s.tone) + "m" + text + "\x1b[0m"
		}
		b.WriteString(text)
		if strings.HasSuffix(text, cutMark) && width == 0 {
			break
		}
	}
	return b.String()
}

// spread puts one line at the left and one at the right.
func spread(left, right line, width int) line {
	gap := width - left.wide() - right.wide()
	if gap < 1 {
		return left
	}
	return append(append(slices.Clip(left), piece{strings.Repeat(" ", gap), ""}), right...)
}

// share is one part of a bar.
type share struct {
	count int
	mark  string
	tone  tone
}

// bar draws shares of a whole in so many columns, each that is not zero in one column at least.
func bar(width int, shares ...share) line {
	total, used, widest := 0, 0, 0
	for _, s := range shares {
		total += s.count
	}
	sizes := make([]int, len(shares))
	for i, s := range shares {
		if s.count == 0 {
			continue
		}
		sizes[i] = max(1, s.count*(width-2)/total)
		if used += sizes[i]; sizes[i] > sizes[widest] {
			widest = i
		}
	}
	sizes[widest] = max(0, sizes[widest]+width-2-used)
	l := line{{"[", ""}}
	for i, s := range shares {
		l = append(l, piece{strings.Repeat(s.mark, sizes[i]), s.tone})
	}
	return append(l, piece{"]", ""})
}
