package proc

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

// tableOf gives a fixture to a parser, and returns the addresses by inode. The
// lines that come after parse had enough are the second result.
func tableOf(text string, parse lineParser) (found map[uint64]string, rest int) {
	t := listenTable{all: make([]listening, 0, 8), text: make([]byte, 0, 4<<10)}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		if !parse(&t, []byte(line)) {
			rest = len(lines) - i
			break
		}
	}
	t.sort()
	found = map[uint64]string{}
	for _, l := range t.all {
		address, _ := t.find(l.inode)
		found[l.inode] = string(address)
	}
	return found, rest
}

const inetHead = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode   \n"

const (
	tcpTable = inetHead +
		"   0: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1146 1 0000000006a10a9b 100 0 0 10 0 \n" +
		"   1: 0100007F:1F90 00000000:0000 0A 00000000:00000005 00:00000000 00000000  1000        0 4294967295 2 0000000006a10a9c 100 0 0 10 0 \n" +
		"   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 0 2 0000000006a10a9c 100 0 0 10 0 \n" +
		"   3: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 77 1 0000000006a10a9d 20 4 30 10 -1\n" +
		"   4: 0100007F:D431 0100007F:1F90 06 00000000:00000000 03:00001734 00000000     0        0 0 3 0000000006a10a9e\n"
	tcp6Table = inetHead +
		"   0: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21 1 x 100 0 0 10 0\n" +
		"   1: 00000000000000000000000001000000:0BB9 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22 1 x 100 0 0 10 0\n" +
		"   2: 0000000000000000FFFF00000100007F:0BBA 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 23 1 x 100 0 0 10 0\n" +
		"   3: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 24 1 x 100 0 0 10 0\n"
	udpTable = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             \n" +
		"  271: 3600007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 31 2 0000000081bd 0         \n" +
		" 3060: 0100007F:AFC9 0100007F:0035 01 00000000:00000000 00:00000000 00000000  1000        0 32 2 0000000081be 0         \n" +
		" 3061: 00000000:0000 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 33 2 0000000081bf 0         \n"
	unixTable = "Num       RefCount Protocol Flags    Type St Inode Path\n" +
		"000000003124c42f: 00000002 00000000 00010000 0001 01 41 /run/x.sock\n" +
		"000000006fd49864: 00000003 00000000 00000000 0001 03 42 /run/x.sock\n" +
		"000000006fd49865: 00000003 00000000 00000000 0005 03 43\n" +
		"000000006fd49866: 00000002 00000000 00010000 0005 01 44 /run/my app.sock\n" +
		"000000006fd49867: 00000002 00000000 00010000 0001 01    45 @abstract\n" +
		"000000006fd49868: 00000002 00000000 00010000 0001 01    46 app.sock\n" +
		"000000006fd49869: 00000002 00000000 00010000 0001 01 47 /run/\x1b[31m.sock\n"
)

func TestTheKernelsTablesAreUnderstood(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the fixtures are of a machine with the little end first")
	}
	for _, c := range []struct {
		name  string
		text  string
		parse lineParser
		want  map[uint64]string
		rest  int
	}{
		{"tcp", tcpTable, tcpLine, map[uint64]string{1146: "tcp://0.0.0.0:3000", 4294967295: "tcp://127.0.0.1:8080"}, 2},
		{"tcp6", tcp6Table, tcpLine, map[uint64]string{21: "tcp://[::]:3000", 22: "tcp://[::1]:3001", 23: "tcp://127.0.0.1:3002", 24: "tcp://[2001:db8::1]:443"}, 0},
		{"udp", udpTable, udpLine, map[uint64]string{31: "udp://127.0.0.54:53"}, 0},
		{"unix", unixTable, unixLine, map[uint64]string{41: "unix:/run/x.sock", 44: "unix:/run/my app.sock", 46: "unix:app.sock"}, 0},
	} {
		found, rest := tableOf(c.text, c.parse)
		if rest != c.rest || len(found) != len(c.want) {
			t.Errorf("%s: got %v, %d lines left; want %v, %d", c.name, found, rest, c.want, c.rest)
		}
		for inode, want := range c.want {
			if found[inode] != want {
				t.Errorf("%s: socket %d is %q; want %q", c.name, inode, found[inode], want)
			}
		}
	}
}

func TestATableTakesNoMoreThanItsMemory(t *testing.T) {
	line := []byte("   0: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1146 1 x")
	for _, table := range []listenTable{
		{all: make([]listening, 0, 3), text: make([]byte, 0, 1<<10)},
		{all: make([]listening, 0, 100), text: make([]byte, 0, 300)},
		{},
	} {
		all, text := cap(table.all), cap(table.text)
		for range 1000 {
			tcpLine(&table, line)
		}
		if cap(table.all) != all || cap(table.text) != text || len(table.all) == 0 && all > 0 {
			t.Errorf("%d sockets in room for %d, %d bytes in %d", len(table.all), all, len(table.text), text)
		}
	}
}

func TestAddressesAreWrittenAsTheStandardLibraryDoes(t *testing.T) {
	for range 5000 {
		e := endpoint{size: 16, port: uint16(rand.IntN(1 << 16))}
		for i := range e.ip {
			if rand.IntN(3) == 0 {
				e.ip[i] = byte(rand.IntN(256))
			}
		}
		if rand.IntN(4) == 0 {
			clear(e.ip[2*rand.IntN(8):])
		}
		if rand.IntN(3) == 0 {
			e.size = 4
		}
		a, _ := netip.AddrFromSlice(e.ip[:e.size])
		if got, want := string(e.append(nil)), netip.AddrPortFrom(a.Unmap(), e.port).String(); got != want {
			t.Fatalf("%v: got %s; want %s", e.ip[:e.size], got, want)
		}
	}
}

func TestLinksOfSocketsAreRead(t *testing.T) {
	for link, want := range map[string]uint64{
		"socket:[22501]": 22501, "socket:[1]": 1,
		"": 0, "socket:": 0, "socket:[": 0, "socket:[]": 0, "socket:[-1]": 0, "socket:[0]": 0, "socket:[1": 0, "socket:[1]x": 0,
		"pipe:[1]": 0, "/dev/null": 0, "/tmp/socket:[1]": 0, "anon_inode:[eventpoll]": 0,
	} {
		if got, ok := socketInode([]byte(link), "socket"); ok != (want > 0) || ok && got != want {
			t.Errorf("%q: got %d, %v", link, got, ok)
		}
	}
}

func FuzzListenLine(f *testing.F) {
	for _, table := range []string{tcpTable, tcp6Table, udpTable, unixTable} {
		for _, line := range strings.Split(table, "\n") {
			f.Add([]byte(line))
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, parse := range []lineParser{tcpLine, udpLine, unixLine} {
			table := listenTable{all: make([]listening, 0, 2), text: make([]byte, 0, 512)}
			parse(&table, line)
			for _, l := range table.all {
				if l.inode == 0 || l.from >= l.to || int(l.to) > len(table.text) {
					t.Fatalf("got %+v", l)
				}
			}
		}
	})
}
