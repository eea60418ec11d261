package api

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fan"
	"github.com/velospm/velos/internal/view"
)

// worthPacking is from which size on an answer is compressed.
const worthPacking = 1 << 10

// send writes a whole answer, compressed if that is worth it and wanted. Who
// has gone does not hear why.
func (q *request) send(b []byte) {
	h := q.w.Header()
	h.Add("Vary", "Accept-Encoding")
	if len(b) < worthPacking || !accepts(q.r, "gzip") {
		_, _ = q.w.Write(b)
		return
	}
	h.Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(q.w, gzip.BestSpeed) // a level that there is
	_, _ = z.Write(b)
	_ = z.Close()
}

// accepts reports whether a client takes an encoding.
func accepts(r *http.Request, encoding string) bool {
	for _, list := range r.Header.Values("Accept-Encoding") {
		for word := range strings.SplitSeq(list, ",") {
			name, params, _ := strings.Cut(word, ";")
			if name = strings.TrimSpace(name); !strings.EqualFold(name, encoding) && name != "*" {
				continue
			}
			weight, given := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
			w, err := strconv.ParseFloat(weight, 64)
			return !given || err == nil && w > 0
		}
	}
	return false
}

// same answers that nothing has changed, if the client has seen these apps.
// What changes by itself all the time does not count.
func (q *request) same(apps []velos.App) bool {
	h := sha256.New()
	for i := range apps {
		a := fan.Steady(&apps[i])
		_ = view.Info(h, &a, view.Options{Format: view.JSON}) // a hash takes everything
	}
	return q.unchanged([sha256.Size]byte(h.Sum(nil)))
}

// unchanged answers so, if the client has seen what has this hash.
func (q *request) unchanged(hash [sha256.Size]byte) bool {
	tag := `W/"` + hex.EncodeToString(hash[:12]) + `"`
	q.w.Header().Set("ETag", tag)
	for _, list := range q.r.Header.Values("If-None-Match") {
		for word := range strings.SplitSeq(list, ",") {
			if w := strings.TrimSpace(word); w == "*" || strings.TrimPrefix(w, "W/") == strings.TrimPrefix(tag, "W/") {
				q.begun = true
				q.w.WriteHeader(http.StatusNotModified)
				return true
			}
		}
	}
	return false
}
