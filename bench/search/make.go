//go:build linux

package main

import (
	"bufio"
	"math/rand/v2"
	"os"
	"strconv"

	"github.com/velospm/velos"
)

// A maker writes lines as velosd does: a service with requests, ids, addresses
// and now and then trouble, 210 bytes a line.
type maker struct {
	r       *rand.Rand
	now     int64
	seq     uint64
	needles int
}

func newMaker() *maker { return &maker{r: rand.New(rand.NewPCG(1, 2)), now: 1_790_000_000_000} }

func milli(t int64) velos.Time { return velos.Time(t) }

// often is how many lines there are to one needle.
const often = 500_000

func (m *maker) file(path string, size int64) (int64, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	n := int64(0)
	var b []byte
	for n < size {
		b = m.line(b[:0])
		if _, err := w.Write(b); err != nil {
			return n, err
		}
		n += int64(len(b))
	}
	return n, w.Flush()
}

func (m *maker) line(b []byte) []byte {
	m.seq++
	m.now += int64(m.r.IntN(4))
	lvl, msg := m.message(nil)
	b = append(b, `{"ts":`...)
	b = strconv.AppendInt(b, m.now, 10)
	b = append(append(b, `,"lvl":"`...), lvl...)
	b = append(b, `","pid":4711,"msg":"`...)
	b = append(b, msg...)
	b = append(b, `","src":"stdout","seq":`...)
	b = strconv.AppendUint(b, m.seq, 10)
	return append(b, `,"inst":0}`+"\n"...)
}

var (
	paths  = []string{"/api/v1/items", "/api/v1/users", "/api/v1/orders", "/health", "/static/app.js", "/api/v2/search"}
	agents = []string{"Mozilla/5.0 (X11; Linux x86_64)", "curl/8.5.0", "python-requests/2.31", "Go-http-client/1.1"}
)

func (m *maker) message(b []byte) (lvl string, _ []byte) {
	num := func(n int) { b = strconv.AppendInt(b, int64(m.r.IntN(n)), 10) }
	word := func(s string) { b = append(b, s...) }
	if m.seq%often == often/2 {
		m.needles++
		word("found the needle of order 4b1d0c0de")
		return "warn", b
	}
	switch k := m.r.IntN(1000); {
	case k < 900:
		word("request id=")
		b = strconv.AppendUint(b, uint64(m.r.Uint32()), 16)
		word(" from 10.")
		num(4)
		word(".")
		num(256)
		word(".")
		num(256)
		word(" GET " + paths[m.r.IntN(len(paths))] + "/")
		num(10_000)
		word(` status 200 \"` + agents[m.r.IntN(len(agents))] + `\" took `)
		num(500)
		word("ms")
		return "info", b
	case k < 980:
		word("cache miss for key user:")
		num(50_000)
		word(":profile, loading it from the database replica db-")
		num(4)
		word(" took ")
		num(90)
		word("ms")
		return "debug", b
	case k < 995:
		word("upstream payments timed out after ")
		num(9000)
		word("ms, attempt ")
		num(3)
		return "warn", b
	case k < 999:
		word("Error: connect ECONNREFUSED 10.1.2.3:5432 while loading session ")
		num(100_000)
		return "error", b
	}
	word("Connection lost: connection reset by peer, worker ")
	num(16)
	return "error", b
}
