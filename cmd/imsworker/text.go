package main

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// cutMark stands where a text was cut off.
const cutMark = "…"

// columns is how many columns of a terminal a text takes. It is to be visible already: nothing in it steers the terminal.
func columns(text string) (n int) {
	if isPlain(text) {
		return len(text)
	}
	for _, r := range text {
		n += columnsOf(r)
	}
	return n
}

// columnsOf is 2 for what East Asian terminals show wide, emoji with it, and 0 for marks that stand on the letter before.
func columnsOf(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cutTo is a text in at most n columns; where it does not fit its end is replaced by a mark.
func cutTo(text string, n int) string {
	if columns(text) <= n {
		return text
	}
	used := columns(cutMark)
	for i, r := range text {
		used += columnsOf(r)
		if used > n {
			return text[:i] + cutMark
		}
	}
	return text
}

// foldTo breaks a text between its words into lines of at most n columns. A longer word stays whole, so that it can be copied.
func foldTo(text string, n int) []string {
	if columns(text) <= n {
		return []string{text}
	}
	var lines []string
	line, used := "", 0
	for word := range strings.SplitSeq(text, " ") {
		wide := columns(word)
		switch {
		case used == 0 && line == "":
			line, used = word, wide
		case used+1+wide <= n:
			line, used = line+" "+word, used+1+wide
		default:
			lines = append(lines, line)
			line, used = word, wide
		}
	}
	return append(lines, line)
}
