package view

import "io"

// Ports writes who listens on what: port, app, pid, address, directory.
func Ports(w io.Writer, rows [][5]string, o Options) error {
	cols := []column{{title: "port", right: true}, {title: "app"}, {title: "pid", right: true}, {title: "address", drop: 1}, {title: "directory", drop: 2}}
	cells := make([][]cell, len(rows))
	for i, r := range rows {
		for _, text := range r {
			cells[i] = append(cells[i], cell{Text(text), noColor})
		}
	}
	var b buffer
	o.table(&b, cols, cells)
	return b.to(w)
}
