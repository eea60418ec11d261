package guard

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func store(t *testing.T) *Tokens {
	dir := filepath.Join(t.TempDir(), "h")
	return &Tokens{Home: home.Home{Dir: dir}, Now: func() time.Time { return now }}
}

func create(t *testing.T, s *Tokens, scope Scope, life time.Duration) (string, Token) {
	t.Helper()
	secret, tok, err := s.Create("for a test", scope, life)
	if err != nil {
		t.Fatal(err)
	}
	return secret, tok
}

func yes(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }

// asked is the answer to one request.
func asked(d Door, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://localhost:3100/", nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	d.Next = http.HandlerFunc(yes)
	d.Handler().ServeHTTP(w, r)
	return w
}

func TestOnlyNamesOfOursAreAnswered(t *testing.T) {
	for _, c := range []struct {
		host string
		d    Door
		want int
	}{
		{"localhost", Door{}, 200}, {"LOCALHOST.:3100", Door{}, 200}, {"127.0.0.1:3100", Door{}, 200}, {"127.9.9.9", Door{}, 200}, {"[::1]:3100", Door{}, 200}, {"[::1]", Door{}, 200},
		{"evil.example", Door{}, 403}, {"localhost.evil.example:3100", Door{}, 403}, {"127.0.0.1.evil.example", Door{}, 403}, {"", Door{}, 403},
		{"localhost:80@evil", Door{}, 403}, {"0.0.0.0:3100", Door{}, 403}, {"10.0.0.7", Door{}, 403}, {"10.0.0.7", Door{Anywhere: true}, 200}, {"evil.example", Door{Anywhere: true}, 403},
		{"box.lan:3100", Door{Hosts: []string{"box.lan"}}, 200}, {"xbox.lan", Door{Hosts: []string{"box.lan"}}, 403},
	} {
		if w := asked(c.d, func(r *http.Request) { r.Host = c.host }); w.Code != c.want {
			t.Errorf("Host %q: %d, want %d", c.host, w.Code, c.want)
		}
	}
}

func TestOtherPagesCannotAsk(t *testing.T) {
	for _, c := range []struct {
		key, value string
		want       int
	}{
		{"Origin", "http://localhost:3100", 200}, {"Origin", "http://localhost:8080", 403}, {"Origin", "https://localhost:3100", 403}, {"Origin", "null", 403},
		{"Origin", "http://evil.example", 403}, {"Sec-Fetch-Site", "cross-site", 403}, {"Sec-Fetch-Site", "same-site", 403},
		{"Sec-Fetch-Site", "none", 200}, {"Sec-Fetch-Site", "same-origin", 200},
	} {
		if w := asked(Door{}, func(r *http.Request) { r.Header.Set(c.key, c.value) }); w.Code != c.want || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s: %d, want %d", c.key, c.value, w.Code, c.want)
		}
	}
}

func TestABodyIsJSONAndSmall(t *testing.T) {
	post := func(kind, body string) int {
		return asked(Door{}, func(r *http.Request) {
			*r = *httptest.NewRequest(http.MethodPost, "http://localhost/", strings.NewReader(body))
			r.Header.Set("Content-Type", kind)
		}).Code
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"} {
		if got := post(kind, "{}"); got != 400 {
			t.Errorf("%q: %d", kind, got)
		}
	}
	if got := post("application/json; charset=utf-8", "{}"); got != 200 {
		t.Error(got)
	}
	if got := post("text/plain", ""); got != 200 {
		t.Errorf("no body at all: %d", got)
	}
	if got := post("application/json", strings.Repeat(" ", largestBody+1)); got != 413 {
		t.Error(got)
	}
}

func TestATokenOpensWhatItsScopeSays(t *testing.T) {
	s := store(t)
	read, tok := create(t, s, Read, 0)
	control, _ := create(t, s, Control, 0)
	short, _ := create(t, s, Control, time.Minute)
	status := func(method, auth string) int {
		return asked(Door{Tokens: s}, func(r *http.Request) {
			r.Method = method
			if auth != "" {
				r.Header.Set("Authorization", auth)
			}
		}).Code
	}
	for _, c := range []struct {
		method, auth string
		want         int
	}{
		{"GET", "", 401}, {"GET", "Bearer", 401}, {"GET", "Basic " + read, 401}, {"GET", "Bearer " + read, 200}, {"GET", "bearer " + control, 200},
		{"POST", "Bearer " + read, 403}, {"DELETE", "Bearer " + read, 403}, {"POST", "Bearer " + control, 200}, {"OPTIONS", "", 401},
		{"GET", "Bearer " + read[:len(read)-1], 401}, {"GET", "Bearer " + read + "x", 401}, {"GET", "Bearer velos_../../x_y", 401}, {"GET", "Bearer " + short, 200},
	} {
		if got := status(c.method, c.auth); got != c.want {
			t.Errorf("%s with %.24q: %d, want %d", c.method, c.auth, got, c.want)
		}
	}
	if w := asked(Door{Tokens: s}, nil); w.Header().Get("WWW-Authenticate") == "" || !strings.Contains(w.Body.String(), `"code":"denied"`) {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	if w := asked(Door{Tokens: s}, func(r *http.Request) { r.URL.RawQuery = "token=" + read }); w.Code != 401 {
		t.Error("a token in the address was taken")
	}
	if err := s.Revoke(tok.ID); err != nil {
		t.Fatal(err)
	}
	if got := status("GET", "Bearer "+read); got != 401 {
		t.Errorf("revoked: %d", got)
	}
	s.Now = func() time.Time { return now.Add(time.Hour) }
	if got := status("GET", "Bearer "+short); got != 401 {
		t.Errorf("expired: %d", got)
	}
}

func TestNoFileHoldsAToken(t *testing.T) {
	s := store(t)
	secret, tok := create(t, s, Read, 0)
	path := filepath.Join(s.Home.TokenDir(), tok.ID+".json")
	b, err := os.ReadFile(path)
	_, key, _ := strings.Cut(strings.TrimPrefix(secret, prefix), "_")
	if err != nil || strings.Contains(string(b), key) || len(key) < 43 {
		t.Errorf("%s %v", b, err)
	}
	for _, p := range []string{s.Home.TokenDir(), path} {
		if st, err := os.Stat(p); err != nil || st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", p, st.Mode(), err)
		}
	}
	if list, err := s.List(); err != nil || len(list) != 1 || list[0] != tok {
		t.Errorf("%v %v", list, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(secret); err == nil {
		t.Error("a file that others may read was trusted")
	}
}

func TestWhatIsNoTokenIsNotRevoked(t *testing.T) {
	s := store(t)
	for _, id := range []string{"", "../velos", "0123456789", "."} {
		if err := s.Revoke(id); !errors.Is(err, velos.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if list, err := s.List(); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
}

func TestOtherMachinesNeedTokensAndEncryption(t *testing.T) {
	s := store(t)
	for _, c := range []struct {
		p    Place
		with *Tokens
		want velos.Code
	}{
		{Place{Host: "0.0.0.0"}, s, velos.Denied}, {Place{Host: "0.0.0.0", Plain: true}, nil, velos.Denied}, {Place{Host: "0.0.0.0", Plain: true}, s, velos.Denied},
		{Place{Host: "::", Plain: true}, nil, velos.Denied}, {Place{Host: "example.org"}, s, velos.Invalid}, {Place{Port: 70000}, s, velos.Invalid}, {Place{Cert: "x"}, s, velos.Invalid},
	} {
		if l, err := c.p.Listen(c.with); velos.CodeOf(err) != c.want || l != nil {
			t.Errorf("%+v: %v", c.p, err)
		}
	}
}

func TestADoorListensWhereItWasToldAndNowhereElse(t *testing.T) {
	s := store(t)
	create(t, s, Read, 0)
	l, err := Place{Host: "0.0.0.0", Plain: true}.Listen(s)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if ip := l.Addr().(*net.TCPAddr).IP; ip.To4() == nil {
		t.Errorf("0.0.0.0 listens on %v", ip)
	}
}

func TestADoorEndsGracefully(t *testing.T) {
	l, err := Place{}.Listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	began := make(chan bool)
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		_, _ = io.WriteString(w, "to the end")
	})
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, Door{Next: next}.Handler()) }()
	answer := make(chan string, 1)
	go func() {
		r, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer r.Body.Close()
		b, _ := io.ReadAll(r.Body)
		answer <- string(b)
	}()
	<-began
	stop()
	if got := <-answer; got != "to the end" {
		t.Error(got)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := (Place{Port: l.Addr().(*net.TCPAddr).Port}).Listen(nil); err != nil {
		t.Errorf("the port is still taken: %v", err)
	}
}

func TestASocketIsOnlyItsUsers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := Place{Socket: path}.Listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 || st.Mode()&fs.ModeSocket == 0 {
		t.Errorf("%v %v", st.Mode(), err)
	}
	if _, err := (Place{Socket: path}).Listen(nil); !errors.Is(err, velos.ErrConflict) {
		t.Errorf("a second one: %v", err)
	}
	l.(*turnstile).Listener.(*net.UnixListener).SetUnlinkOnClose(false) // as one that was killed
	l.Close()
	l, err = Place{Socket: path}.Listen(nil)
	if err != nil {
		t.Fatalf("what is left of another: %v", err)
	}
	l.Close()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (Place{Socket: path}).Listen(nil); !errors.Is(err, velos.ErrDenied) {
		t.Errorf("a file: %v", err)
	}
}

func TestTooManyAtOnceAreTurnedAway(t *testing.T) {
	in, out := make(chan bool), make(chan bool)
	h := Door{AtOnce: 1, Next: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { in <- true; <-out })}.Handler()
	r := func() *http.Request { return httptest.NewRequest(http.MethodGet, "http://localhost/", nil) }
	done := make(chan bool)
	go func() { h.ServeHTTP(httptest.NewRecorder(), r()); close(done) }()
	<-in
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r())
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Error(w.Code, w.Header())
	}
	close(out)
	<-done
}

func TestAPanicIsAnAnswer(t *testing.T) {
	w := httptest.NewRecorder()
	Door{Next: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oops") })}.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/", nil))
	if w.Code != 500 || !strings.Contains(w.Body.String(), "oops") {
		t.Error(w.Code, w.Body)
	}
}

// certificate writes a certificate for loopback and its key.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key, pool = filepath.Join(dir, "cert"), filepath.Join(dir, "key"), x509.NewCertPool()
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return cert, key, pool
}

func TestOtherMachinesComeInWithTLSAndAToken(t *testing.T) {
	s := store(t)
	secret, _ := create(t, s, Read, 0)
	cert, key, pool := certificate(t)
	l, err := Place{Host: "0.0.0.0", Cert: cert, Key: key}.Listen(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, l, Door{Next: http.HandlerFunc(yes), Tokens: s, Anywhere: true}.Handler())
	}()
	h := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for auth, want := range map[string]int{"": 401, "Bearer " + secret: 200} {
		r, _ := http.NewRequest(http.MethodGet, "https://127.0.0.1:"+port, nil)
		r.Header.Set("Authorization", auth)
		r.Header.Set("Origin", "https://127.0.0.1:"+port)
		a, err := h.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != want || a.TLS == nil {
			t.Errorf("%d, want %d", a.StatusCode, want)
		}
	}
	h.CloseIdleConnections()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestConnectionsBeyondTheBoundWait(t *testing.T) {
	l, err := Place{}.Listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	gate := l.(*turnstile)
	gate.slots = make(chan struct{}, 1)
	accepted := make(chan net.Conn, 2)
	ended := make(chan error, 1)
	go func() {
		for {
			c, err := gate.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- c
		}
	}()
	for range 2 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first := <-accepted
	select {
	case <-accepted:
		t.Error("two at once")
	default:
	}
	first.Close()
	first.Close() // gives one place back, not two
	second := <-accepted
	l.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	second.Close()
}
