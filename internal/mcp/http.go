package mcp

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/guard"
)

// Path is where the protocol is spoken; nothing else is served.
const Path = "/mcp"

// mostBody bounds a request.
const mostBody = 4 << 20

// mostAtOnce bounds the requests under way: each session has one that is open
// all the time.
const mostAtOnce = 256

// HTTP serves clients over a listener, which must be one of loopback, until
// ctx ends. Every request has to bring the token.
func (s *Server) HTTP(ctx context.Context, l net.Listener, token string) error {
	a, ok := l.Addr().(*net.TCPAddr)
	if !ok || !a.IP.IsLoopback() {
		return &velos.Error{Code: velos.Denied, Message: "mcp-server: " + l.Addr().String() + " is no address of loopback", Hint: "only programs of this machine may connect"}
	}
	if len(token) < 32 {
		return &velos.Error{Code: velos.Denied, Message: "mcp-server: the token is too short", Hint: "delete its file: a new one is made"}
	}
	return guard.Serve(ctx, l, s.Handler(a.Port, token))
}

// Handler is the one route with its guard. Clients of 2026-07-28 and later
// have no session; those before it do.
func (s *Server) Handler(port int, token string) http.Handler {
	s.remote.Store(true)
	get := func(*http.Request) *sdk.Server { return s.sdk }
	sessions := sdk.NewStreamableHTTPHandler(get, &sdk.StreamableHTTPOptions{SessionTimeout: 30 * time.Minute})
	stateless := sdk.NewStreamableHTTPHandler(get, &sdk.StreamableHTTPOptions{Stateless: true, PropagateRequestCancellation: true})
	mux := http.NewServeMux()
	mux.HandleFunc(Path, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
			if err != nil {
				guard.Fail(w, &velos.Error{Code: velos.TooLarge, Message: "the request is too large"})
				return
			}
			if _, refusal := parted(bytes.TrimSpace(body)); refusal != nil {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write(refusal)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			guard.Unbounded(w) // an answer may be long in coming
			if modern(r.Header.Get("Mcp-Protocol-Version"), body) {
				stateless.ServeHTTP(w, r)
				return
			}
		}
		if r.Method == http.MethodDelete {
			s.sessions.end(r.Header.Get("Mcp-Session-Id"))
		}
		guard.Unbounded(w) // so may what a session is told
		sessions.ServeHTTP(w, r)
	})
	return guard.Door{Next: mux, Secret: token, Port: port, Largest: mostBody, AtOnce: mostAtOnce}.Handler()
}

// firstModern is the revision from which on there are no sessions.
const firstModern = "2026-07-28"

// modern reports whether a request is of a client without sessions.
func modern(header string, body []byte) bool {
	if header != "" {
		return header >= firstModern
	}
	var m struct {
		Params struct {
			Meta map[string]json.RawMessage `json:"_meta"`
		} `json:"params"`
	}
	if json.Unmarshal(body, &m) != nil {
		return false
	}
	var version string
	_ = json.Unmarshal(m.Params.Meta[sdk.MetaKeyProtocolVersion], &version)
	return version >= firstModern
}

// Token reads the token of a file, which only its owner may read, and makes
// one where there is none.
func Token(path string) (string, error) {
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		token := hex.EncodeToString(raw[:])
		_, err = f.WriteString(token + "\n")
		return token, errors.Join(err, f.Close())
	}
	if !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || !private(info) {
		return "", &velos.Error{Code: velos.Denied, Message: path + ": others may read the token", Hint: "delete the file: a new one is made"}
	}
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err
}
