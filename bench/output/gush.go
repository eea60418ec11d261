//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos/bench/rig"
)

// source writes LINES numbered lines, in writes of one line or through a
// buffer, tells a datagram socket when it began and when it had written all,
// and ends.
const source = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void put(const char *b, size_t n) {
	while (n > 0) {
		ssize_t w = write(1, b, n);
		if (w < 0) exit(1);
		b += w; n -= w;
	}
}

int main(int argc, char **argv) {
	long n = atol(argv[2]), length = atol(argv[3]), buffer = strcmp(argv[1], "bulk") ? length : 1 << 16;
	struct timespec at[2];
	clock_gettime(CLOCK_MONOTONIC, &at[0]);
	char *b = malloc(buffer + length);
	long used = 0;
	for (long i = 0; i < n; i++) {
		char *l = b + used;
		memset(l, 'a' + i % 26, length);
		l[0] = '#';
		long k = i;
		for (int d = 9; d > 0; d--) { l[d] = '0' + k % 10; k /= 10; }
		l[10] = ' ';
		l[length - 1] = '\n';
		used += length;
		if (used >= buffer) { put(b, used); used = 0; }
	}
	put(b, used);
	clock_gettime(CLOCK_MONOTONIC, &at[1]);
	long m[4] = {at[0].tv_sec, at[0].tv_nsec, at[1].tv_sec, at[1].tv_nsec};
	struct sockaddr_un to = {AF_UNIX};
	strncpy(to.sun_path, argv[4], sizeof to.sun_path - 1);
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);
	sendto(s, m, sizeof m, 0, (struct sockaddr *)&to, sizeof to);
	return 0;
}
`

// A gush is the program that writes, and how to hear from it.
type gush struct {
	path, socket string
	conn         *net.UnixConn
}

func newGush(r *rig.Rig) (*gush, error) {
	g := &gush{socket: filepath.Join(r.Dir, "gush.sock")}
	var err error
	g.path, err = r.Compile("gush", source)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, errors.New("the program that writes is in C: install gcc")
	}
	if err != nil {
		return nil, err
	}
	g.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: g.socket, Net: "unixgram"})
	return g, err
}

func (g *gush) args(mode string) []string {
	return []string{mode, strconv.Itoa(*lines), strconv.Itoa(*length), g.socket}
}

// done waits until the program has written all.
func (g *gush) done() (began, ended time.Duration, err error) {
	b := make([]byte, 32)
	g.conn.SetReadDeadline(time.Now().Add(within))
	if _, err := io.ReadFull(g.conn, b); err != nil {
		return 0, 0, fmt.Errorf("wait for the program that writes: %w", err)
	}
	word := func(i int) time.Duration { return time.Duration(binary.NativeEndian.Uint64(b[8*i:])) }
	return word(0)*time.Second + word(1), word(2)*time.Second + word(3), nil
}

// quiet is how long a log file may stay as it is before the rest of it is
// given up as lost.
const quiet = 10 * time.Second

// full waits until the last line is in a file and says when that was. A file
// that has stopped growing without it is full at its last change.
func full(name string) time.Duration {
	want := fmt.Appendf(nil, "#%09d ", *lines-1)
	tail := make([]byte, 4096)
	size, grown := int64(-1), rig.Now()
	for ; rig.Now()-grown < quiet; time.Sleep(2 * time.Millisecond) {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		if st, err := f.Stat(); err == nil && st.Size() != size {
			size, grown = st.Size(), rig.Now()
		}
		n, _ := f.ReadAt(tail, max(0, size-int64(len(tail))))
		f.Close()
		if i := bytes.LastIndex(tail[:n], want); i >= 0 && bytes.IndexByte(tail[i:n], '\n') > 0 {
			return rig.Now()
		}
	}
	return grown
}

// A count is what was found in log files.
type count struct{ kept, missing, doubled, spoilt int }

func (c *count) add(d count) {
	c.kept += d.kept
	c.missing += d.missing
	c.doubled += d.doubled
	c.spoilt += d.spoilt
}

func (c count) String() string {
	return fmt.Sprintf("%d; %d, %d, %d", c.kept, c.missing, c.doubled, c.spoilt)
}

// check reads files, oldest first, and looks for each line's number and text.
func check(files ...string) (count, error) {
	var c count
	seen := make([]bool, *lines)
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return c, err
		}
		s := bufio.NewScanner(f)
		s.Buffer(nil, 1<<20)
		next := 0
		for s.Scan() {
			n, ok := parse(s.Bytes())
			switch {
			case !ok || n < next:
				c.spoilt++
			case seen[n]:
				c.doubled++
			default:
				seen[n] = true
				c.kept++
				next = n + 1
			}
		}
		f.Close()
		if err := s.Err(); err != nil {
			return c, fmt.Errorf("read %s: %w", name, err)
		}
	}
	c.missing = *lines - c.kept
	return c, nil
}

// parse finds the numbered line within a line of a log file.
func parse(b []byte) (n int, ok bool) {
	i := bytes.IndexByte(b, '#')
	if i < 0 || len(b) < i+*length-1 {
		return 0, false
	}
	n, err := strconv.Atoi(string(b[i+1 : i+10]))
	if err != nil || n >= *lines {
		return 0, false
	}
	want := strings.Repeat(string(rune('a'+n%26)), *length-12)
	return n, string(b[i+11:i+*length-1]) == want
}
