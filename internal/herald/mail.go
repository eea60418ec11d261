package herald

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"net/smtp"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos/internal/config"
)

// mail sends a message by SMTP.
func mail(ctx context.Context, n config.Notice, m message) error {
	host, port, err := net.SplitHostPort(n.SMTP)
	if err != nil {
		return &failure{text: "smtp must be HOST:PORT", final: true}
	}
	from, err := netmail.ParseAddress(n.From)
	if err != nil {
		return &failure{text: "from is no address", final: true}
	}
	var to []*netmail.Address
	for _, t := range n.To {
		a, err := netmail.ParseAddress(t)
		if err != nil {
			return &failure{text: "to is no address", final: true}
		}
		to = append(to, a)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", n.SMTP)
	if err != nil {
		return err
	}
	defer conn.Close()
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
	}
	if port == "465" {
		conn = tls.Client(conn, &tls.Config{ServerName: host})
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return answered(err)
	}
	defer c.Close()
	if err := enter(c, n, host, port == "465"); err != nil {
		return answered(err)
	}
	if err := hand(c, from, to, letter(from, to, m)); err != nil {
		return answered(err)
	}
	_ = c.Quit() // the message is theirs already
	return nil
}

// enter greets the server, encrypts the line and says who we are.
func enter(c *smtp.Client, n config.Notice, host string, encrypted bool) error {
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "localhost"
	}
	if err := c.Hello(name); err != nil {
		return err
	}
	offered, _ := c.Extension("STARTTLS")
	switch {
	case encrypted || n.StartTLS == "never":
	case offered:
		if err := c.StartTLS(&tls.Config{ServerName: host}); err != nil {
			return err
		}
	case n.StartTLS == "always":
		return &failure{text: "the server does not offer STARTTLS", final: true}
	}
	if n.User == "" && n.Password == "" {
		return nil
	}
	if ok, _ := c.Extension("AUTH"); !ok {
		return &failure{text: "the server takes no user and password", final: true}
	}
	return c.Auth(smtp.PlainAuth("", n.User, n.Password, host)) // refuses an open line, but to this machine
}

func hand(c *smtp.Client, from *netmail.Address, to []*netmail.Address, letter []byte) error {
	if err := c.Mail(from.Address); err != nil {
		return err
	}
	for _, a := range to {
		if err := c.Rcpt(a.Address); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(letter); err != nil {
		return err
	}
	return w.Close()
}

// letter is the whole text, head and body.
func letter(from *netmail.Address, to []*netmail.Address, m message) []byte {
	var b bytes.Buffer
	line := func(key, value string) { b.WriteString(key + ": " + strings.Join(strings.Fields(value), " ") + "\r\n") }
	names := make([]string, len(to))
	for i, a := range to {
		names[i] = a.String()
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	line("From", from.String())
	line("To", strings.Join(names, ", "))
	line("Subject", mime.QEncoding.Encode("utf-8", "[velos] "+m.Title))
	line("Date", time.Now().Format(time.RFC1123Z))
	line("Message-ID", "<"+rand.Text()+"@"+domain+">")
	line("Auto-Submitted", "auto-generated")
	line("MIME-Version", "1.0")
	line("Content-Type", "text/plain; charset=utf-8")
	line("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(m.Text+"\n", "\n", "\r\n")))
	_ = w.Close()
	return b.Bytes()
}

// answered tells what the server has refused for good from what it may take
// later.
func answered(err error) error {
	var own *failure
	if errors.As(err, &own) {
		return own
	}
	var t *textproto.Error
	if errors.As(err, &t) {
		return &failure{text: "the server answered " + strconv.Itoa(t.Code) + " " + short(t.Msg, 200), final: t.Code >= 500}
	}
	return &failure{text: err.Error()}
}
