package herald

import (
	"bufio"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
)

// A post office speaks as much SMTP as a sender needs.
type postOffice struct {
	net.Listener
	mu     sync.Mutex
	said   []string // what clients said, line by line
	letter string
	refuse string // the answer to RCPT
	offers string // an extension more
}

func newPostOffice(t *testing.T) *postOffice {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &postOffice{Listener: l, offers: "AUTH PLAIN"}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *postOffice) serve(c net.Conn) {
	defer c.Close()
	say := func(s string) { _, _ = c.Write([]byte(s + "\r\n")) }
	say("220 office")
	in := bufio.NewScanner(c)
	for in.Scan() {
		line := in.Text()
		p.mu.Lock()
		p.said = append(p.said, line)
		refuse, offers := p.refuse, p.offers
		p.mu.Unlock()
		switch word, _, _ := strings.Cut(line, " "); strings.ToUpper(word) {
		case "EHLO":
			say("250-office\r\n250 " + offers)
		case "AUTH":
			say("235 ok")
		case "RCPT":
			if refuse != "" {
				say(refuse)
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for in.Scan() && in.Text() != "." {
				b.WriteString(in.Text() + "\n")
			}
			p.mu.Lock()
			p.letter = b.String()
			p.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (p *postOffice) heard() (said, letter string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.said, "\n"), p.letter
}

func (p *postOffice) table(more string) string {
	return "[[notify]]\ntype = \"email\"\nsmtp = \"" + p.Addr().String() + "\"\nfrom = \"Velos <velos@example.com>\"\nto = [\"ops@example.com\", \"b@example.com\"]\n" + more
}

func TestALetterIsSent(t *testing.T) {
	p := newPostOffice(t)
	h, s, _ := bench(t, noticesOf(t, p.table("user = \"me\"\npassword = \"env:HOOK\"\n"))[0])
	h.hear(t, crashAt(5))
	h.tell(t.Context(), s)
	said, letter := p.heard()
	auth := base64.StdEncoding.EncodeToString([]byte("\x00me\x00hook-secret-77"))
	for _, want := range []string{"AUTH PLAIN " + auth, "MAIL FROM:<velos@example.com>", "RCPT TO:<ops@example.com>", "RCPT TO:<b@example.com>"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in\n%s", want, said)
		}
	}
	for _, want := range []string{"From: \"Velos\" <velos@example.com>\n", "To: <ops@example.com>, <b@example.com>\n", "Subject: [velos] api crashed on box\n", "Auto-Submitted: auto-generated\n",
		"Content-Type: text/plain; charset=utf-8\n", "\n\napi crashed: exited with code 1 after 2s\n"} {
		if !strings.Contains(letter, want) {
			t.Errorf("%q is missing in\n%s", want, letter)
		}
	}
	if s.Sent != 1 || s.Error != "" {
		t.Errorf("%+v", s.Sink)
	}
}

func TestASubjectIsOneLine(t *testing.T) {
	p := newPostOffice(t)
	n := noticesOf(t, p.table(""))[0]
	m := test("bo\r\nBcc: evil@example.com\r\nx é")
	r, _, err := n.Resolve(func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := send(r, m, nil); err != nil {
		t.Fatal(err)
	}
	if _, letter := p.heard(); strings.Contains(letter, "\nBcc:") || !strings.Contains(letter, "Subject: =?utf-8?q?") {
		t.Error(letter)
	}
}

func TestARefusedLetterIsNotSentAgainAtOnce(t *testing.T) {
	p := newPostOffice(t)
	p.refuse = "550 no such user"
	h, s, pauses := bench(t, noticesOf(t, p.table(""))[0])
	h.hear(t, crashAt(5))
	h.tell(t.Context(), s)
	if len(*pauses) != 0 || !strings.Contains(s.Error, "550 no such user") || len(s.Unsent) != 1 {
		t.Errorf("%v %+v", *pauses, s.Sink)
	}
	p.mu.Lock()
	p.refuse = "451 come back later"
	p.mu.Unlock()
	h.tell(t.Context(), s)
	if len(*pauses) != attempts-1 {
		t.Errorf("%v %+v", *pauses, s.Sink)
	}
}

func TestEncryptionThatIsWantedIsNotDoneWithout(t *testing.T) {
	p := newPostOffice(t)
	n, _, err := noticesOf(t, p.table("starttls = true\nuser = \"me\"\npassword = \"long-password-1\"\n"))[0].Resolve(func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	_, err = send(n, test("box"), nil)
	var f *failure
	if !errors.As(err, &f) || !f.final || !strings.Contains(err.Error(), "STARTTLS") {
		t.Error(err)
	}
	if said, letter := p.heard(); letter != "" || strings.Contains(said, "AUTH") {
		t.Error(said)
	}
}
