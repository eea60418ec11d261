package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func TestAPageIsFilesAndAStrictPolicy(t *testing.T) {
	h := Page(fstest.MapFS{"index.html": {Data: []byte("<p>hello")}, "assets/a.js": {Data: []byte("1")}, "secret.txt": {Data: []byte("no")}})
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/", 200}, {"HEAD", "/", 200}, {"GET", "/assets/a.js", 200}, {"GET", "/assets/b.js", 404}, {"GET", "/assets/", 404}, {"GET", "/assets/../secret.txt", 404},
		{"GET", "/secret.txt", 404}, {"POST", "/", 404}, {"GET", "/v1/apps", 404},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, "http://localhost"+c.path, nil))
		if w.Code != c.want || strings.Contains(w.Body.String(), "no\n") {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
		if p := w.Header().Get("Content-Security-Policy"); c.want == http.StatusOK && (!strings.HasPrefix(p, "default-src 'none'; script-src 'self';") || w.Header().Get("X-Content-Type-Options") != "nosniff" ||
			w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("Set-Cookie") != "") {
			t.Errorf("%s: %v", c.path, w.Header())
		}
	}
}

func TestEncodingsAreTakenAsTheyAreOffered(t *testing.T) {
	for offer, want := range map[string]bool{"": false, "gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "*": true, "deflate": false, "GZIP": true} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if offer != "" {
			r.Header.Set("Accept-Encoding", offer)
		}
		if accepts(r, "gzip") != want {
			t.Errorf("%q: %v", offer, !want)
		}
	}
}
