// Package site serves the files of a directory over HTTP: what is built for browsers and needs no program of its own. It
// lists no directory, follows no link out of it, and hides names that begin with a dot. It knows no app and asks no daemon.
package site

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// Variables say what a site is: those of PM2's server of files, so that its
// ecosystem files mean the same here.
const (
	PathVar     = "PM2_SERVE_PATH"
	PortVar     = "PM2_SERVE_PORT"
	HostVar     = "PM2_SERVE_HOST"
	SPAVar      = "PM2_SERVE_SPA"
	HomepageVar = "PM2_SERVE_HOMEPAGE"
	AuthVar     = "PM2_SERVE_BASIC_AUTH"
	UserVar     = "PM2_SERVE_BASIC_AUTH_USERNAME"
	PasswordVar = "PM2_SERVE_BASIC_AUTH_PASSWORD"
)

// DefaultPort is where a site is when nothing else is said.
const DefaultPort = 8080

// answerWithin bounds one answer: the largest file on the slowest line.
const answerWithin = time.Hour

// A Site is a directory and how it is shown.
type Site struct {
	Dir      string
	Host     string // 127.0.0.1 unless said
	Port     int
	SPA      bool   // what is not there is the home page: the page knows its own paths
	Homepage string // index.html unless said
	User     string // with Password; empty: nobody is asked
	Password string

	root *os.Root
}

// FromVars is the site that variables describe.
func FromVars(vars map[string]string) (*Site, error) {
	s := &Site{Dir: vars[PathVar], Host: vars[HostVar], Port: DefaultPort, SPA: vars[SPAVar] == "true", Homepage: path.Clean("/" + vars[HomepageVar])[1:]}
	if s.Dir == "" {
		s.Dir = "."
	}
	if s.Host == "" {
		s.Host = "127.0.0.1"
	}
	if s.Homepage == "" {
		s.Homepage = "index.html"
	}
	if text := vars[PortVar]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 65535 {
			return nil, errors.New(PortVar + ": must be a port, not " + strconv.Quote(text))
		}
		s.Port = n
	}
	if vars[AuthVar] == "true" || vars[UserVar] != "" {
		if s.User, s.Password = vars[UserVar], vars[PasswordVar]; s.User == "" || s.Password == "" {
			return nil, errors.New(AuthVar + ": needs " + UserVar + " and " + PasswordVar)
		}
	}
	return s, nil
}

// Open looks at the directory. Close gives it back.
func (s *Site) Open() (err error) {
	s.root, err = os.OpenRoot(s.Dir)
	return err
}

// Close ends what Open has begun.
func (s *Site) Close() error { return s.root.Close() }

// ServeHTTP answers with a file.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWithin))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
	case !s.admits(r):
		w.Header().Set("WWW-Authenticate", `Basic realm="files", charset="UTF-8"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
	default:
		name := path.Clean("/" + r.URL.Path)[1:]
		if strings.HasSuffix(r.URL.Path, "/") {
			name = path.Join(name, s.Homepage)
		}
		s.answer(w, r, name)
	}
}

// admits compares in constant time, whatever the lengths.
func (s *Site) admits(r *http.Request) bool {
	if s.User == "" {
		return true
	}
	user, password, _ := r.BasicAuth()
	same := func(a, b string) int {
		x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
		return subtle.ConstantTimeCompare(x[:], y[:])
	}
	return same(user, s.User)&same(password, s.Password) == 1
}

// answer finds the file of a name. In a single page application one that is
// not there is looked for by its last part, since a page loads what it needs
// from beside whatever path it shows; then it is the page itself.
func (s *Site) answer(w http.ResponseWriter, r *http.Request, name string) {
	f, st := s.find(name)
	if f == nil && s.SPA {
		if path.Ext(name) != "" {
			f, st = s.find(path.Base(name))
		}
		if f == nil && (path.Ext(name) == "" || strings.Contains(r.Header.Get("Accept"), "text/html")) {
			f, st = s.find(s.Homepage)
		}
	}
	if f == nil {
		s.missing(w, r)
		return
	}
	defer f.Close()
	if st.IsDir() {
		where := url.URL{Path: "/" + name + "/", RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, where.String(), http.StatusMovedPermanently)
		return
	}
	if strings.HasSuffix(st.Name(), ".html") {
		w.Header().Set("Cache-Control", "no-cache") // what it names may have new names tomorrow
	}
	http.ServeContent(w, r, st.Name(), st.ModTime(), f)
}

// find opens a file, or a directory that has a home page.
func (s *Site) find(name string) (*os.File, fs.FileInfo) {
	if hidden(name) {
		return nil, nil
	}
	st, err := s.root.Stat(name)
	if err == nil && st.IsDir() {
		if home, err := s.root.Stat(path.Join(name, s.Homepage)); err != nil || !home.Mode().IsRegular() {
			return nil, nil // there is nothing to see in it
		}
	} else if err != nil || !st.Mode().IsRegular() { // opening a pipe would wait for a writer
		return nil, nil
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, nil
	}
	return f, st
}

// hidden reports names that are nobody's business, such as .env and .git. A
// backslash is in none that is served: for Windows it parts names, too.
func hidden(name string) bool {
	if strings.Contains(name, `\`) {
		return true
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != ".well-known" {
			return true
		}
	}
	return false
}

// missing answers with the directory's own 404.html, if it has one.
func (s *Site) missing(w http.ResponseWriter, r *http.Request) {
	f, st := s.find("404.html")
	if f != nil {
		defer f.Close()
	}
	if f == nil || st.IsDir() {
		http.Error(w, "there is no such file", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.FormatInt(st.Size(), 10))
	w.WriteHeader(http.StatusNotFound)
	if r.Method != http.MethodHead {
		_, _ = io.CopyN(w, f, st.Size())
	}
}
