// Package page is the page in the browser: its files, as they are served, and the codes that sign a browser in. It knows no app and
// asks no daemon: what the page shows it asks the api for, with a token like everybody.
package page

import (
	"embed"
	"io/fs"
)

//go:embed files
var embedded embed.FS

// Files are those of the page: index.html, and what it needs under assets.
func Files() fs.FS {
	files, err := fs.Sub(embedded, "files")
	if err != nil {
		panic(err) // a constant path
	}
	return files
}
