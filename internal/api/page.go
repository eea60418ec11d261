package api

import (
	"io/fs"
	"net/http"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/view"
)

// pagePolicy lets a page run what comes with it, ask its own door, and nothing
// else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// Page serves the files of a page: index.html at /, and what is under assets.
// They hold no facts, so that anybody may have them; what they show they ask
// for, with a token.
func Page(files fs.FS) http.Handler {
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !IsPage(r) {
			guard.Fail(w, &velos.Error{Code: velos.NotFound, Message: "there is nothing at " + view.Text(r.URL.Path), Hint: "/v1/openapi.yaml says what there is"})
			return
		}
		if info, err := fs.Stat(files, strings.Trim(r.URL.Path, "/")); r.URL.Path != "/" && (err != nil || info.IsDir()) {
			guard.Fail(w, &velos.Error{Code: velos.NotFound, Message: "there is nothing at " + view.Text(r.URL.Path)})
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-cache")
		server.ServeHTTP(w, r)
	})
}

// IsPage reports whether a request is for the page, which needs no token.
func IsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	return r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, "/assets/")
}
