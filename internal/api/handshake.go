package api

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/view"
)

// escape makes an origin a pattern that matches it alone.
var escape = strings.NewReplacer(`\`, `\\`, `[`, `\[`, `*`, `\*`, `?`, `\?`)

// upgrade makes a WebSocket of a request. What is wrong with one is said as
// all errors are.
func (q *request) upgrade() (*websocket.Conn, error) {
	o := &websocket.AcceptOptions{Subprotocols: []string{Dialect}}
	for _, origin := range q.Origins {
		o.OriginPatterns = append(o.OriginPatterns, escape.Replace(origin))
	}
	w := &handshake{ResponseWriter: q.w}
	ws, err := websocket.Accept(w, q.r, o)
	if err != nil && w.refused != 0 {
		text := strings.TrimPrefix(strings.TrimSpace(w.text.String()), "WebSocket protocol violation: ")
		return nil, guard.As(w.refused, invalid("this is no handshake of a WebSocket: "+view.Text(text), "docs/API.md says how to connect"))
	}
	q.begun = true
	return ws, err
}

// A handshake holds back the answer to one that is refused.
type handshake struct {
	http.ResponseWriter
	refused int // the status
	text    bytes.Buffer
}

// Unwrap leads to the connection; see http.ResponseController.
func (h *handshake) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (h *handshake) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		h.ResponseWriter.WriteHeader(status)
		return
	}
	h.refused = status
}

// Write implements http.ResponseWriter.
func (h *handshake) Write(p []byte) (int, error) { return h.text.Write(p) }
