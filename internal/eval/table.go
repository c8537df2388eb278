package eval

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable brings a text to one line that cannot steer a terminal.
func printable(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
}

// table is a text table. The first and the last column are flush left, the
// others flush right unless left says otherwise.
type table struct {
	rows  [][]string
	flush map[int]bool
}

func newTable(head ...string) *table {
	return &table{rows: [][]string{head}, flush: map[int]bool{0: true, len(head) - 1: true}}
}

func (t *table) row(cells ...string) {
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	t.rows = append(t.rows, cells)
}

func (t *table) left(columns ...int) {
	for _, c := range columns {
		t.flush[c] = true
	}
}

// write writes the table under its title, or nothing where it has no rows.
func (t *table) write(b *strings.Builder, title string) {
	if len(t.rows) < 2 {
		return
	}
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			line.WriteString("  ")
			if t.flush[i] {
				line.WriteString(cell + pad)
			} else {
				line.WriteString(pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}
