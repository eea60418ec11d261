package guard

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/velospm/velos/internal/view"
)

// CheckOrigin refuses what cannot be the Origin of a page: a scheme and a host.
func CheckOrigin(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != text || strings.ContainsAny(text, "*, ") {
		return invalid("--allow-origin: "+view.Text(text)+" is no origin", "a scheme and a host, such as https://board.example:8443")
	}
	return nil
}

// origin refuses what a page of another site has sent, unless its origin is
// one that was named.
func (d *Door) origin(r *http.Request) error {
	origins := r.Header.Values("Origin")
	if len(origins) > 1 {
		return denied("a request has one origin", "")
	}
	if d.named(r) {
		return nil
	}
	for _, o := range origins {
		u, err := url.Parse(o)
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		if err != nil || u.Scheme != scheme || !strings.EqualFold(u.Host, r.Host) && (d.Port == 0 || d.hostname(u.Host) != nil) {
			return denied("pages of another origin may not ask: "+view.Text(o), "")
		}
	}
	if d.Open != nil && d.Open(r) && r.Header.Get("Sec-Fetch-Mode") == "navigate" && len(origins) == 0 {
		return nil // somebody has followed a link to a page that holds no facts
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return nil
	}
	return denied("pages of another site may not ask", "")
}

// named reports whether the request is of a page that may ask from elsewhere.
func (d *Door) named(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	return len(origins) == 1 && slices.Contains(d.Origins, origins[0])
}

// crossing tells a browser that the page may see the answer, and answers the
// question that it asks before. It reports whether that was all.
func (d *Door) crossing(w http.ResponseWriter, r *http.Request) bool {
	if len(d.Origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	if !d.named(r) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Set("Access-Control-Expose-Headers", "ETag, Retry-After")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
