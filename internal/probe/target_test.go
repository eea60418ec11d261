package probe

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

func TestURLsAreTakenApart(t *testing.T) {
	for url, want := range map[string]string{
		"http://127.0.0.1":                     "127.0.0.1 80 /",
		"http://127.0.0.1:3000":                "127.0.0.1:3000 3000 /",
		"http://127.0.0.1:3000/":               "127.0.0.1:3000 3000 /",
		"http://localhost:3000/a/b?c=d&e=/f?g": "localhost:3000 3000 /a/b?c=d&e=/f?g",
		"http://LocalHost:3000?x=1":            "LocalHost:3000 3000 /?x=1",
		"http://[::1]:8080/x#part":             "[::1]:8080 8080 /x",
		"http://[::1]":                         "[::1] 80 /",
		"http://:3000/x":                       "localhost:3000 3000 /x",
		"http://127.0.0.1:3000/ä%20":           "127.0.0.1:3000 3000 /%C3%A4%20",
		"http://127.0.0.1:3000/a@b":            "127.0.0.1:3000 3000 /a@b",
	} {
		g, err := parseURL(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
		} else if got := g.host + " " + strconv.Itoa(int(g.port)) + " " + g.path; got != want {
			t.Errorf("%s: got %q; want %q", url, got, want)
		}
	}
}

func TestWhatIsNoTargetIsRefused(t *testing.T) {
	for url, what := range map[string]string{
		"":                                 "begins with http://",
		"https://127.0.0.1/":               "begins with http://",
		"http://":                          "",
		"http://example.com/":              `not "example.com"`,
		"http://127.0.0.1:0/":              "port",
		"http://127.0.0.1:65536/":          "port",
		"http://127.0.0.1:+80/":            "port",
		"http://127.0.0.1:/":               "port",
		"http://127.1/":                    "IP address",
		"http://::1/":                      "port",
		"http://[::1/":                     "IP address",
		"http://[::1]x/":                   "IP address",
		"http://[fe80::1%25eth0]:80/":      "IP address",
		"http://me:secret@127.0.0.1/":      "user name",
		"http://127.0.0.1/a b":             "blanks",
		"http://127.0.0.1/\r\nX-Evil: yes": "blanks",
	} {
		g, err := parseURL(url)
		if what == "" {
			if err != nil || len(g.ips) != 2 {
				t.Errorf("%q: %v", url, err) // the host is left out: this machine
			}
			continue
		}
		if !errors.Is(err, velos.ErrInvalid) || !strings.Contains(err.Error(), what) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v; want %q", url, err, what)
		}
	}
	for _, address := range []string{"", "3000", "127.0.0.1", "127.0.0.1:http", "db:5432", "[::1]", "::1"} {
		if _, err := parseAddress(address); !errors.Is(err, velos.ErrInvalid) {
			t.Errorf("%q: got %v", address, err)
		}
	}
	if g, err := parseAddress(":3000"); err != nil || g.host != "localhost:3000" || len(g.ips) != 2 {
		t.Errorf("got %+v, %v", g, err)
	}
}

func TestASecretInAQueryStaysOutOfErrors(t *testing.T) {
	g, err := parseURL("http://127.0.0.1:3000/health?token=secret")
	if err != nil || g.url() != "http://127.0.0.1:3000/health" {
		t.Errorf("got %v, %v", g.url(), err)
	}
}

// sameIP holds parseIP against the standard library's parser.
func sameIP(t *testing.T, s string) {
	t.Helper()
	want, err := netip.ParseAddr(s)
	got, ok := parseIP(s)
	if valid := err == nil && want.Zone() == ""; ok != valid {
		t.Fatalf("%q: got %v; want %v", s, ok, valid)
	}
	if !ok {
		return
	}
	if got.v6 && want != netip.AddrFrom16(got.b) || !got.v6 && want != netip.AddrFrom4([4]byte(got.b[:4])) {
		t.Fatalf("%q: got %v", s, got.b)
	}
}

var addresses = []string{
	"", ".", "1.2.3.4", "0.0.0.0", "255.255.255.255", "256.1.1.1", "01.2.3.4", "1.2.3", "1.2.3.4.5", "1..2.3", "+1.2.3.4",
	":", "::", "::1", "1::", ":::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "::1:", ":1::",
	"1:2:3:4::5:6:7:8", "1:2:3::5:6:7:8", "::ffff:127.0.0.1", "::127.0.0.1", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4",
	"::1.2.3.4:5", "12345::", "g::", "FE80::ABCD", "fe80::1%eth0", "2001:db8::1:0:0:1", "::1.2.3", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
}

func TestAddressesAreReadAsTheStandardLibraryDoes(t *testing.T) {
	for _, s := range addresses {
		sameIP(t, s)
	}
}

func FuzzIP(f *testing.F) {
	for _, s := range addresses {
		f.Add(s)
	}
	f.Fuzz(sameIP)
}
