package cluster

import (
	"errors"
	"slices"
	"strconv"
	"syscall"

	"github.com/velospm/velos/internal/channel"
	"github.com/velospm/velos/internal/sockets"
)

// maxListens bounds what is remembered of a run.
const maxListens = 64

// take does one message of a run.
func (p *Primary) take(r *run, m *channel.Message) {
	switch m.Text("cmd") {
	case "NODE_CLUSTER":
		if r.kind == Worker {
			p.takeCluster(r, m)
		}
	case "NODE_VELOS":
		if m.Text("act") == "hello" {
			r.drains = true // parked with the next thing that is known
		}
	case "NODE_HANDLE_NACK":
		// It could not take the descriptor: most likely it has too many.
		if len(r.asked) > 0 {
			p.refuse(r, r.asked[0], "", syscall.EMFILE)
			r.asked = r.asked[1:]
		}
	case "NODE_HANDLE_ACK":
		if len(r.asked) > 0 {
			r.asked = r.asked[1:]
		}
	default:
		if m.Bare() == "ready" && !r.ready {
			r.ready = true
			p.repark(r)
			p.tell(r, Ready, "")
		}
	}
}

func (p *Primary) takeCluster(r *run, m *channel.Message) {
	switch m.Text("act") {
	case "online":
		p.tell(r, Online, "")
	case "queryServer":
		p.query(r, m)
	case "listening":
		p.listening(r, m)
	case "close":
		p.closed(r, m.Text("key"))
	case "exitedAfterDisconnect":
		r.leaving = true
		if seq, ok := m.Int("seq"); ok {
			_ = r.ch.Send([]byte(`{"cmd":"NODE_CLUSTER","ack":` + strconv.FormatInt(seq, 10) + `,"seq":` + p.number() + "}"))
		}
		p.tell(r, Disconnected, "")
	}
}

// listening: a worker has bound a socket, one of ours mostly. Bun's workers
// bind theirs themselves.
func (p *Primary) listening(r *run, m *channel.Message) {
	if !r.up {
		r.up = true
		p.repark(r)
	}
	a, _, ok := question(m)
	text := a.String()
	if _, err := sockets.Parse(text); err != nil || !ok {
		return
	}
	if len(r.listens) < maxListens && !slices.Contains(r.listens, text) {
		r.listens = append(r.listens, text)
	}
	p.tell(r, Listening, text)
}

// repark parks a channel anew when more is known of its run.
func (p *Primary) repark(r *run) {
	if r.ch != nil && r.name != "" {
		r.ch.With(func(fd int) { p.park(r, fd) })
	}
}

// question is the address in a worker's message, and which of several with
// this address it means.
func question(m *channel.Message) (a sockets.Address, index int64, ok bool) {
	index, _ = m.Int("index")
	port, ok := portOf(m)
	flags, _ := m.Int("flags")
	const only6, reuseAddr = 1, 4 // as libuv has them
	a = sockets.Address{Host: m.Text("address"), Port: int(port), Only6: flags&only6 != 0}
	kind, isNumber := m.Int("addressType")
	all := ""
	switch word := m.Text("addressType"); {
	case word == "udp4" || word == "udp6":
		a.Network, a.Shares = sockets.UDP, flags&reuseAddr != 0
		if all = "::"; word == "udp4" {
			all = "0.0.0.0"
		}
	case isNumber && kind == -1:
		a = sockets.Address{Network: sockets.Unix, Path: a.Host}
	case isNumber && kind == 6:
		all = "::"
	case isNumber && kind == 4:
	default:
		return a, 0, false
	}
	if a.Network != sockets.Unix && a.Host == "" {
		a.Host = all
	}
	return a, index, ok && index >= 0 && port >= -1 && port <= 65535
}

// portOf is the port in a worker's message. Up to Node 20, dgram's bind hands
// on what it was given, and process.env.PORT is text.
func portOf(m *channel.Message) (port int64, ok bool) {
	if s := m.Text("port"); s != "" {
		n, err := strconv.ParseUint(s, 10, 16)
		return int64(n), err == nil
	}
	port, _ = m.Int("port")
	return port, true
}

// query answers a worker that wants to listen.
func (p *Primary) query(r *run, m *channel.Message) {
	seq, ok := m.Int("seq")
	if !ok {
		return
	}
	q := asked{seq: seq, data: m.Flat("data")}
	a, index, ok := question(m)
	// Of descriptors it could only mean ours, which are none of its business.
	if fd, is := m.Int("fd"); !ok || is && fd >= 0 {
		p.refuse(r, q, "", syscall.EBADF)
		return
	}
	g, fd, err := p.socket(r.seat, workers+strconv.FormatInt(index, 10), a, false)
	if err != nil {
		p.refuse(r, q, keyOf(workers, a), errnoOf(err))
		return
	}
	if g.data == nil {
		g.data = slices.Clone(q.data)
	}
	q.data = g.data
	kind := "net.Native"
	if a.Network == sockets.UDP {
		kind = "dgram.Native"
	}
	b := append(make([]byte, 0, 256), `{"cmd":"NODE_HANDLE","type":"`...)
	b = append(append(b, kind...), `","msg":`...)
	b = append(p.reply(b, seq, g.key, 0, g.data), '}')
	if err := r.ch.Pass(b, fd); err != nil {
		p.refuse(r, q, g.key, syscall.EMFILE)
		return
	}
	r.asked = append(r.asked, q)
}

// refuse answers with an error, which the app gets as the error event of its
// server. A TLS server reads the data even then.
func (p *Primary) refuse(r *run, q asked, key string, errno syscall.Errno) {
	_ = r.ch.Send(p.reply(nil, q.seq, key, -int64(errno), q.data))
}

func (p *Primary) reply(b []byte, seq int64, key string, errno int64, data []byte) []byte {
	b = append(b, `{"cmd":"NODE_CLUSTER","errno":`...)
	b = append(strconv.AppendInt(b, errno, 10), `,"key":`...)
	b = append(quote(b, key), `,"ack":`...)
	b = append(strconv.AppendInt(b, seq, 10), `,"data":`...)
	if data == nil {
		data = []byte("null")
	}
	b = append(append(b, data...), `,"seq":`...)
	return append(append(b, p.number()...), '}')
}

func errnoOf(err error) syscall.Errno {
	var e syscall.Errno
	if errors.As(err, &e) {
		return e
	}
	return syscall.EMFILE // the app has too many addresses
}

// quote appends s as a string of JSON.
func quote(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
