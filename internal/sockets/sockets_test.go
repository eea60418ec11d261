package sockets

import (
	"net/netip"
	"testing"

	"github.com/velospm/velos"
)

func TestAnAddressReadsAsItIsWritten(t *testing.T) {
	for _, text := range []string{"tcp://:8080", "tcp://127.0.0.1:0", "tcp://[::1]:80", "udp://:53", "udp://[fe80::1%lo]:53",
		"unix:/run/api.sock", "tcp://[::ffff:1.2.3.4]:65535"} {
		a, err := Parse(text)
		if err != nil || a.String() != text {
			t.Errorf("%s became %s, %v", text, a, err)
		}
	}
}

func TestWhatIsNoAddressIsInvalid(t *testing.T) {
	for _, text := range []string{"", ":80", "tcp:80", "tcp://", "tcp://80", "tcp://:", "tcp://:65536", "tcp://:-1", "tcp://:+1", "tcp://localhost:80",
		"tcp://::1:80", "tcp://[::1:80", "tcp://::1]:80", "tcp://[]:80", "tcp://[1.2.3]:80", "tcp://1.2.3.256:80", "tcp://01.2.3.4:80", "tcp://1.2.3.4.5:80",
		"tcp://[1::2::3]:80", "tcp://[12345::]:80", "tcp://[1:2:3:4:5:6:7]:80", "tcp://[1:2:3:4:5:6:7:8:9]:80", "tcp://[::1%]:80", "tcp://[::1%a/b]:80", "tcp://[1.2.3.4::]:80",
		"unix:", "unix:run", "unix:/a\x00b", "http://:80"} {
		if a, err := Parse(text); velos.CodeOf(err) != velos.Invalid || velos.HintOf(err) == "" {
			t.Errorf("%q became %s, %v", text, a, err)
		}
	}
}

func FuzzParseIP(f *testing.F) {
	for _, s := range []string{"::", "::1", "1::", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1.2.3.4", "1:2::7:8", "fe80::1%eth0", "1:2:3:4:5:6:1.2.3.4", "1::2:", ":1::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, six, ok := parseIP(s)
		want, err := netip.ParseAddr(s)
		if ok && err != nil {
			t.Fatalf("%q is an address to us, and not to others: %v", s, err)
		}
		if !ok || want.Zone() != "" {
			return
		}
		if six != want.Is6() {
			t.Fatalf("%q: six is %v", s, six)
		}
		if six && got.b != want.As16() || !six && [4]byte(got.b[12:]) != want.As4() {
			t.Fatalf("%q became %v; want %v", s, got.b, want)
		}
	})
}

func TestEveryAddressOthersReadIsReadHere(t *testing.T) {
	for _, s := range []string{"::", "::1", "1::", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "0.0.0.0", "255.255.255.255", "1:2::7:8", "1:2:3:4:5:6:1.2.3.4",
		"abcd:EF01::", "2001:db8::8:800:200c:417a", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7::"} {
		got, _, ok := parseIP(s)
		want := netip.MustParseAddr(s)
		if !ok || want.Is6() && got.b != want.As16() || want.Is4() && [4]byte(got.b[12:]) != want.As4() {
			t.Errorf("%s became %v, %v", s, got, ok)
		}
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("sock/1/0/1/2//l/tcp://:80")
	f.Add("sock/1/0/1/2/s6r/n0/udp://[::1]:80")
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := ParseName(s, -1)
		if !ok {
			return
		}
		if text := n.String(); text != "" {
			if m, ok := ParseName(text, -1); !ok || m != n {
				t.Fatalf("%q is %+v, and then %+v", s, n, m)
			}
		}
	})
}
