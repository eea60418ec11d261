package guard

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/velospm/velos"
)

// mostConns bounds the connections that one door has, beside its WebSockets.
const mostConns = 256

// A Place is where a door listens.
type Place struct {
	Host   string // an IP address or localhost; empty: 127.0.0.1
	Port   int    // 0: one that is free
	Socket string // path of a Unix socket, instead of both

	Cert, Key string // files for TLS
	Plain     bool   // beyond loopback without TLS: somebody has said so
	Sockets   int    // so many WebSockets may be open
}

// Local reports whether only this machine can come in.
func (p Place) Local() bool {
	return p.Socket != "" || p.Host == "" || p.Host == "localhost" || net.ParseIP(p.Host).IsLoopback()
}

// Listen opens the door. Beyond loopback that needs TLS or Plain, and tokens:
// what can be reached from other machines is never open to whoever asks.
func (p Place) Listen(tokens *Tokens) (net.Listener, error) {
	switch {
	case (p.Cert == "") != (p.Key == ""):
		return nil, invalid("TLS needs a certificate and its key", "give --tls-cert and --tls-key")
	case p.Socket != "":
		l, err := listenUnix(p.Socket)
		if err != nil {
			return nil, err
		}
		return p.bounded(l), nil
	case p.Port < 0 || p.Port > 65535:
		return nil, invalid("--port: "+strconv.Itoa(p.Port)+" is no port", "from 1 to 65535")
	case p.Host == "" || p.Host == "localhost":
		p.Host = "127.0.0.1"
	case net.ParseIP(p.Host) == nil:
		return nil, invalid("--host: "+strconv.Quote(p.Host)+" is no IP address", "such as 127.0.0.1, ::1 or 0.0.0.0")
	}
	if !p.Local() {
		if err := p.exposed(tokens); err != nil {
			return nil, err
		}
	}
	// Without the 4, 0.0.0.0 would mean every address of IPv6 as well.
	network := "tcp6"
	if net.ParseIP(p.Host).To4() != nil {
		network = "tcp4"
	}
	l, err := net.Listen(network, net.JoinHostPort(p.Host, strconv.Itoa(p.Port)))
	if err != nil {
		return nil, refused(net.JoinHostPort(p.Host, strconv.Itoa(p.Port)), err)
	}
	if p.Cert == "" {
		return p.bounded(l), nil
	}
	pair, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		_ = l.Close()
		return nil, &velos.Error{Code: velos.Invalid, Message: "read the certificate: " + err.Error(), Cause: err}
	}
	return tls.NewListener(p.bounded(l), &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}), nil
}

func (p Place) exposed(tokens *Tokens) error {
	if p.Cert == "" && !p.Plain {
		return denied("listen on "+p.Host+": other machines could read along",
			"give --tls-cert and --tls-key, or --plain-http if something in front of it encrypts; without --host only this machine can ask")
	}
	if tokens == nil {
		return denied("listen on "+p.Host+": anybody could ask", "give --token, so that a token is needed")
	}
	list, err := tokens.List()
	if err == nil && len(list) == 0 {
		err = denied("listen on "+p.Host+": there is no token that could be asked for", "velos token create makes one")
	}
	return err
}

func refused(where string, err error) error {
	e := &velos.Error{Code: velos.Failed, Message: "listen on " + where + ": " + err.Error(), Cause: err}
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		e.Message = "listen on " + where + ": " + sys.Err.Error()
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.Code, e.Hint = velos.Conflict, "give another --port, or end what listens there"
	case errors.Is(err, syscall.EACCES):
		e.Code, e.Hint = velos.Denied, "ports below 1024 belong to root"
	}
	return e
}

func invalid(message, hint string) error {
	return &velos.Error{Code: velos.Invalid, Message: message, Hint: hint}
}

// quiet: what strangers send is not worth a line each.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// bounded has at most mostConns connections; more wait to be accepted.
func (p Place) bounded(l net.Listener) net.Listener {
	return &turnstile{Listener: l, slots: make(chan struct{}, mostConns+p.Sockets), closed: make(chan struct{})}
}

type turnstile struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (t *turnstile) Accept() (net.Conn, error) {
	select {
	case t.slots <- struct{}{}:
	case <-t.closed:
		return nil, net.ErrClosed
	}
	c, err := t.Listener.Accept()
	if err != nil {
		<-t.slots
		return nil, err
	}
	return &visitor{Conn: c, leave: sync.OnceFunc(func() { <-t.slots })}, nil
}

func (t *turnstile) Close() error {
	t.once.Do(func() { close(t.closed) })
	return t.Listener.Close()
}

type visitor struct {
	net.Conn
	leave func()
}

func (v *visitor) Close() error {
	defer v.leave()
	return v.Conn.Close()
}
