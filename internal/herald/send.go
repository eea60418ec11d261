package herald

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/view"
)

const (
	attempts   = 4
	firstPause = time.Second // and four times as much after each
	mostPause  = time.Minute
	within     = 10 * time.Second // for one attempt
)

// A failure is an attempt that failed.
type failure struct {
	text  string
	final bool          // the next one would fail as well
	wait  time.Duration // the receiver has asked for it
}

func (f *failure) Error() string { return f.text }

// tell sends what a sink has to say, as one message, and notes what became of
// it. What could not be sent is kept for the next time.
func (h *Herald) tell(ctx context.Context, s *sink) {
	now := time.Now()
	if !s.room(s.Rate, now) {
		for _, n := range s.Unsent {
			s.Left += max(1, n.Count)
		}
		s.Unsent = nil
		return
	}
	m := compose(h.Host, s.Unsent, s.Left)
	var sp *velos.Spec
	if a := h.app(s.Unsent[0].ID); a != nil {
		sp = &a.Spec
	}
	vars := variables(sp)
	n, secrets, err := s.Resolve(func(k string) (string, bool) { v, ok := vars[k]; return v, ok })
	for try, wait := 0, firstPause; err == nil && try < attempts; try++ {
		var final bool
		var asked time.Duration
		if asked, err = send(n, m, secrets); err == nil {
			break
		}
		var f *failure
		final = errors.As(err, &f) && f.final
		if final || try == attempts-1 || h.Pause(ctx, max(wait, asked)) != nil {
			break
		}
		wait, err = min(wait*4, mostPause), nil
	}
	if err != nil {
		s.failed, s.Error, s.At = true, short(err.Error(), longestWhat), velos.TimeOf(time.Now())
		s.Failed++
		return
	}
	at := velos.TimeOf(time.Now())
	s.Sent, s.Last, s.Error, s.At, s.Left, s.Unsent = s.Sent+1, at, "", 0, 0, nil
	s.Hour = append(s.Hour, at)
}

// send makes one attempt. The error has none of the secrets.
func send(n config.Notice, m message, secrets []string) (wait time.Duration, err error) {
	m = m.masked(secrets)
	ctx, stop := context.WithTimeout(context.Background(), within)
	defer stop()
	switch n.Type {
	case "webhook":
		err = post(ctx, n.URL, n.Headers, m)
	case "slack":
		err = post(ctx, n.URL, nil, map[string]string{"text": slackText(m)})
	case "telegram":
		server := n.Server
		if server == "" {
			server = "https://api.telegram.org"
		}
		text := m.Title + "\n" + m.Text
		if r := []rune(text); len(r) > 4000 {
			text = string(r[:4000]) + "…"
		}
		err = post(ctx, strings.TrimRight(server, "/")+"/bot"+n.Token+"/sendMessage", nil,
			map[string]any{"chat_id": n.Chat, "text": text, "link_preview_options": map[string]bool{"is_disabled": true}})
	case "email":
		err = mail(ctx, n, m)
	}
	if err == nil {
		return 0, nil
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{text: err.Error()}
	}
	text := view.Text(f.text)
	for _, s := range secrets {
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
			if len(form) >= 4 {
				text = strings.ReplaceAll(text, form, view.Masked)
			}
		}
	}
	return f.wait, &failure{text: text, final: f.final, wait: f.wait}
}

// slackText is the message as Slack takes it: nothing in it is a link, a name
// or a command.
func slackText(m message) string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	var b strings.Builder
	b.WriteString("*" + strings.ReplaceAll(escape.Replace(m.Title), "*", "∗") + "*\n")
	for line := range strings.Lines(m.Text) {
		if said, ok := strings.CutPrefix(line, "  > "); ok {
			b.WriteString(">" + escape.Replace(said))
			continue
		}
		b.WriteString(escape.Replace(line))
	}
	return b.String()
}

// post sends JSON. Nobody is followed elsewhere: headers may be secret.
func post(ctx context.Context, to string, headers map[string]string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(b))
	if err != nil {
		return &failure{text: "the address cannot be read", final: true}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "velos/"+velos.Version)
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // it names the whole address
			err = u.Err
		}
		return &failure{text: err.Error()}
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	code := resp.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	f := &failure{text: "answered " + resp.Status, final: code < 500 && code != http.StatusRequestTimeout && code != http.StatusTooManyRequests}
	if text := short(string(said), 120); text != "" {
		f.text += ": " + text
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		f.wait = min(time.Duration(s)*time.Second, mostPause)
	}
	return f
}
