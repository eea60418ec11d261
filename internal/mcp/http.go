package mcp

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log"
	"mime"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

// Path is where the protocol is spoken; nothing else is served.
const Path = "/mcp"

// mostBody bounds a request.
const mostBody = 4 << 20

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
	server := &http.Server{Handler: s.Handler(a.Port, token), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: log.New(io.Discard, "", 0)}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Handler is the one route with its guard. Clients of 2026-07-28 and later
// have no session; those before it do.
func (s *Server) Handler(port int, token string) http.Handler {
	get := func(*http.Request) *sdk.Server { return s.sdk }
	sessions := sdk.NewStreamableHTTPHandler(get, &sdk.StreamableHTTPOptions{SessionTimeout: 30 * time.Minute})
	stateless := sdk.NewStreamableHTTPHandler(get, &sdk.StreamableHTTPOptions{Stateless: true, PropagateRequestCancellation: true})
	mux := http.NewServeMux()
	mux.HandleFunc(Path, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
			if err != nil {
				refuse(w, http.StatusRequestEntityTooLarge, "the request is too large")
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			if modern(r.Header.Get("Mcp-Protocol-Version"), body) {
				stateless.ServeHTTP(w, r)
				return
			}
		}
		sessions.ServeHTTP(w, r)
	})
	return guard(mux, port, token)
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

// guard stands before every route. A web page that the user happens to look at
// can send requests here, under any name that it makes point to this machine:
// so the host must be ours, the origin must be ours or none, a request that
// does something must be JSON, and the token must be in the header.
func guard(next http.Handler, port int, token string) http.Handler {
	hosts := ours(port)
	want := sha256.Sum256([]byte("Bearer " + token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		switch kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); {
		case !slices.Contains(hosts, strings.ToLower(r.Host)):
			refuse(w, http.StatusForbidden, "this host is not served")
		case len(r.Header.Values("Origin")) > 0 && !ownOrigin(r.Header.Values("Origin"), hosts):
			refuse(w, http.StatusForbidden, "this origin is not served")
		case foreignSite(r.Header.Get("Sec-Fetch-Site")):
			refuse(w, http.StatusForbidden, "requests of other sites are not served")
		case subtle.ConstantTimeCompare(got[:], want[:]) != 1:
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, "a bearer token is needed; it is in the file mcp.token of VELOS_HOME")
		case r.Method == http.MethodPost && (err != nil || kind != "application/json"):
			refuse(w, http.StatusUnsupportedMediaType, "the content type must be application/json")
		case r.Method != http.MethodPost && r.Method != http.MethodGet && r.Method != http.MethodDelete:
			refuse(w, http.StatusMethodNotAllowed, "this method is not served")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// ours are the names of this server.
func ours(port int) []string {
	p := ":" + strconv.Itoa(port)
	return []string{"127.0.0.1" + p, "localhost" + p, "[::1]" + p}
}

func ownOrigin(origins []string, hosts []string) bool {
	host, ok := strings.CutPrefix(strings.ToLower(origins[0]), "http://")
	return ok && len(origins) == 1 && slices.Contains(hosts, host)
}

func foreignSite(s string) bool { return s != "" && s != "same-origin" && s != "none" }

// refuse answers in the shape of every error.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(view.Value(map[string]view.ErrorJSON{"error": view.ErrorOf(&velos.Error{Code: velos.Denied, Message: message})}))
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
