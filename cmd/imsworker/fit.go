package main

import "slices"

// gap is how many columns are between two cells; leastCut is what is left of a column that is cut, leastFold of one that goes
// on in the next line. Below fairCut a column says too little: optional ones go first.
const gap, leastCut, fairCut, leastFold = 2, 8, 18, 24

// layout is how a block stands on the page.
type layout struct {
	widths []int
	kinds  []kind
	gone   []bool
	left   []string // names of columns that are gone though something stands in them
	folds  int      // where not 0, the width in which the last column is folded
}

// fit finds a layout within the room. Columns without any value go first, then the longest texts of those that may be cut are
// cut to a fair length; then optional columns go, from the right; then more is cut, down to the least; at last the others are
// as wide as they are.
func (t *table) fit() layout {
	l := t.natural()
	if t.room == 0 || l.total() <= t.room {
		return l
	}
	for i, k := range l.kinds {
		if k == optional && t.empty(i) {
			l.gone[i] = true
		}
	}
	for i := len(l.kinds) - 1; i >= 0 && l.fair() > t.room; i-- {
		if l.kinds[i] == optional && !l.gone[i] {
			l.gone[i] = true
			l.left = slices.Insert(l.left, 0, t.names[i])
		}
	}
	l.cut(t.room)
	l.fold(t.room)
	return l
}

// natural is the layout with all the room there could be.
func (t *table) natural() layout {
	n := 0
	for _, cells := range t.cells {
		n = max(n, len(cells))
	}
	l := layout{widths: make([]int, n), kinds: make([]kind, n), gone: make([]bool, n)}
	if copy(l.kinds, t.kinds); t.kinds == nil && n > 1 {
		l.kinds[n-1] = foldable
	}
	for _, cells := range t.cells {
		for i, c := range cells {
			l.widths[i] = max(l.widths[i], columns(c.text))
		}
	}
	return l
}

// empty reports whether nothing stands in a column below its name.
func (t *table) empty(column int) bool {
	for _, cells := range t.cells[1:] {
		if column < len(cells) && cells[column].text != "-" {
			return false
		}
	}
	return true
}

func (l layout) total() int { return l.sum(func(i int) int { return l.widths[i] }) }

// fair is the width of the layout once all is folded, and cut as far as it is fair.
func (l layout) fair() int {
	return l.sum(func(i int) int {
		switch l.kinds[i] {
		case cuttable:
			return min(l.widths[i], fairCut)
		case foldable:
			return min(l.widths[i], leastFold)
		}
		return l.widths[i]
	})
}

func (l layout) sum(width func(int) int) (n int) {
	for i := range l.widths {
		if !l.gone[i] {
			n += width(i) + gap
		}
	}
	return n - gap
}

// cut takes from the widest of the columns that may be cut until all fits; what goes on in the next line needs its least only.
func (l *layout) cut(room int) {
	for {
		need := l.total()
		if last := len(l.kinds) - 1; last >= 0 && l.kinds[last] == foldable {
			need -= l.widths[last] - min(l.widths[last], leastFold)
		}
		widest := -1
		for i, k := range l.kinds {
			if k == cuttable && !l.gone[i] && l.widths[i] > leastCut && (widest < 0 || l.widths[i] > l.widths[widest]) {
				widest = i
			}
		}
		if need <= room || widest < 0 {
			return
		}
		l.widths[widest]--
	}
}

// fold gives the last column what room is left, if that is worth it.
func (l *layout) fold(room int) {
	last := len(l.kinds) - 1
	if last < 0 || l.kinds[last] != foldable || l.gone[last] {
		return
	}
	if left := room - (l.total() - l.widths[last]); left >= leastFold && left < l.widths[last] {
		l.folds, l.widths[last] = left, left
	}
}

// pieces is a cell as it stands in its column, one text a line.
func (l layout) pieces(column int, c cell, last bool) []string {
	switch {
	case l.kinds[column] == cuttable:
		return []string{cutTo(c.text, l.widths[column])}
	case last && l.folds > 0 && l.kinds[column] == foldable && !c.raw:
		return foldTo(c.text, l.folds)
	}
	return []string{c.text}
}
