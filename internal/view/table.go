package view

import (
	"strings"
	"unicode/utf8"
)

// A column of a table. drop says when it goes if the terminal is too narrow:
// the highest first, 0 never. One that shrinks stays, too, and before others go
// it is shortened.
type column struct {
	title string
	right bool
	drop  int
}

type cell struct{ text, sgr string }

const shrinks = -1

// table lays rows out in columns with two blanks between them, as wide as
// needed and no wider than the terminal. A column in which every cell is
// empty is left out.
func (o Options) table(b *buffer, cols []column, rows [][]cell) {
	keep, wide := o.fit(cols, rows)
	head := make([]cell, len(cols))
	for i, c := range cols {
		head[i] = cell{c.title, dim}
	}
	for _, row := range append([][]cell{head}, rows...) {
		line := make([]string, 0, len(keep))
		for n, i := range keep {
			text := row[i].text
			if cols[i].drop == shrinks {
				text = squeeze(text, wide[i])
			}
			pad := strings.Repeat(" ", max(0, wide[i]-utf8.RuneCountInString(text)))
			text = o.paint(row[i].sgr, text)
			switch {
			case cols[i].right:
				text = pad + text
			case n < len(keep)-1:
				text += pad
			}
			line = append(line, text)
		}
		b.str(strings.TrimRight(strings.Join(line, "  "), " "), "\n")
	}
}

// fit chooses the columns to show and gives each column's width.
func (o Options) fit(cols []column, rows [][]cell) (keep, wide []int) {
	wide = make([]int, len(cols))
	for i := range cols {
		for _, row := range rows {
			wide[i] = max(wide[i], utf8.RuneCountInString(row[i].text))
		}
		if wide[i] > 0 {
			keep = append(keep, i)
			wide[i] = max(wide[i], utf8.RuneCountInString(cols[i].title))
		}
	}
	for o.Width > 0 {
		total, worst := -2, -1
		for n, i := range keep {
			total += wide[i] + 2
			if cols[i].drop > 0 && (worst < 0 || cols[i].drop > cols[keep[worst]].drop) {
				worst = n
			}
		}
		if total <= o.Width {
			break
		}
		if o.shrink(cols, wide) {
			continue
		}
		if worst < 0 {
			break
		}
		keep = append(keep[:worst:worst], keep[worst+1:]...)
	}
	return keep, wide
}

// narrowest is what a column that shrinks has at least.
const narrowest = 16

// shrink gives the columns that shrink two fifths of the terminal at most, and
// reports whether one had more.
func (o Options) shrink(cols []column, wide []int) (did bool) {
	for i, c := range cols {
		if most := max(narrowest, o.Width*2/5); c.drop == shrinks && wide[i] > most {
			wide[i], did = most, true
		}
	}
	return did
}

// squeeze shortens s to n columns in its middle: the end of a name tells which
// of several it is.
func squeeze(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	end := n / 2
	return string(r[:n-end-1]) + "…" + string(r[len(r)-end:])
}

// cut shortens s to n columns and marks that it did.
func cut(s string, n int) string {
	if n <= 0 || utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return string(r[:n-1]) + "…"
}
