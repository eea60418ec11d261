package api

import (
	"crypto/sha256"
	"encoding/hex"
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
	server, tags := http.FileServerFS(files), tagged(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !IsPage(r) {
			guard.Fail(w, nowhere(r))
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
		h.Set("Cache-Control", "no-cache") // kept, and asked for whether it is still the same
		if tag, ok := tags[strings.Trim(r.URL.Path, "/")]; ok {
			h.Set("ETag", tag)
		}
		server.ServeHTTP(w, r)
	})
}

// tagged is a tag for each file, by what is in it: files that are linked into
// a program have no time.
func tagged(files fs.FS) map[string]string {
	tags := map[string]string{}
	_ = fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, path)
		hash := sha256.Sum256(b)
		tags[path] = `"` + hex.EncodeToString(hash[:12]) + `"`
		return err
	})
	tags[""] = tags["index.html"]
	return tags
}

// sessionPath takes the code of a link.
const sessionPath = "/v1/session"

// signIn exchanges the code of a link for a token.
func signIn(q *request) error {
	var b struct {
		Ticket string `json:"ticket"`
	}
	if err := q.body(&b); err != nil {
		return err
	}
	if q.SignIn == nil {
		return &velos.Error{Code: velos.Denied, Message: "there are no links that sign in", Hint: "velos token create makes a token"}
	}
	token, err := q.SignIn(b.Ticket)
	if err != nil {
		return err
	}
	return q.value(map[string]string{"token": token})
}

// IsPage reports whether a request is for the page, which needs no token.
func IsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	return r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, "/assets/")
}
