package herald

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/view"
)

// A message is what goes out.
type message struct {
	Version int     `json:"version"`
	Host    string  `json:"host"`
	Title   string  `json:"title"`
	Text    string  `json:"text"`
	LeftOut int     `json:"left_out"` // news since the last message that no message has
	Test    bool    `json:"test,omitempty"`
	News    []entry `json:"news"`
}

// entry is a News as a webhook gets it.
type entry struct {
	Kind     string `json:"kind"`
	App      string `json:"app"`
	Inst     int    `json:"instance"`
	Time     string `json:"time"`
	Seq      uint64 `json:"seq"`
	What     string `json:"what"`
	Exit     string `json:"exit"`
	Cause    string `json:"cause"`
	Restarts int    `json:"restarts"`
	Count    int    `json:"count"`
	Line     string `json:"last_line"`
}

// mostEntries is how many news one message has; more are counted.
const mostEntries = 20

// collapse makes one of news that say the same of the same app: the newest,
// with their number.
func collapse(list []News) []News {
	var out []News
	at := map[string]int{}
	for _, n := range list {
		n.Count = max(1, n.Count)
		key := n.Kind + "\x00" + n.App + "\x00" + strconv.Itoa(n.Inst)
		if n.Kind == "memory" || n.Kind == "crash" || n.Kind == "gave_up" {
			if i, ok := at[key]; ok {
				n.Count += out[i].Count
				out[i] = n
				continue
			}
		}
		at[key] = len(out)
		out = append(out, n)
	}
	return out
}

// compose is the message about some news.
func compose(host string, list []News, left int) message {
	m := message{Version: 1, Host: host, LeftOut: left, News: []entry{}}
	news := collapse(list)
	for len(news) > mostEntries {
		m.LeftOut += news[0].Count
		news = news[1:]
	}
	var b strings.Builder
	for i := range news {
		n := &news[i]
		m.News = append(m.News, entry{n.Kind, n.App, n.Inst, n.Time.Std().UTC().Format(time.RFC3339Nano), n.Seq, n.What, n.Exit, n.Cause, n.Restarts, n.Count, n.Line})
		n.write(&b)
	}
	if m.LeftOut > 0 {
		fmt.Fprintf(&b, "%d more left out\n", m.LeftOut)
	}
	m.Text = strings.TrimRight(b.String(), "\n")
	m.Title = title(news) + " on " + host
	return m
}

func (n *News) name() string {
	if n.Inst > 0 {
		return n.App + ":" + strconv.Itoa(n.Inst)
	}
	return n.App
}

func (n *News) head() string {
	s := n.name()
	switch n.Kind {
	case "crash", "gave_up", "recovered":
		s += " " + told(n.Kind)
	default:
		s += ": " + n.Kind
	}
	if n.Count > 1 {
		s += " " + strconv.Itoa(n.Count) + " times"
	}
	return s
}

// write is a news in plain text. What the program wrote stands on a line of its
// own, behind a mark.
func (n *News) write(b *strings.Builder) {
	what := strings.TrimPrefix(strings.TrimPrefix(n.What, n.Kind+": "), told(n.Kind)+": ")
	b.WriteString(n.head() + ": " + what)
	if n.Exit != "" && !strings.Contains(n.What, n.Exit) {
		b.WriteString("; " + n.Exit)
	}
	var more []string
	if n.Cause != "" && n.Cause != "unknown" {
		more = append(more, "cause: "+strings.ReplaceAll(n.Cause, "_", " "))
	}
	if n.Restarts > 0 {
		more = append(more, "restarts: "+strconv.Itoa(n.Restarts))
	}
	if len(more) > 0 {
		b.WriteString("\n  " + strings.Join(more, ", "))
	}
	if n.Line != "" {
		b.WriteString("\n  > " + n.Line)
	}
	b.WriteString("\n")
}

func title(news []News) string {
	switch len(news) {
	case 0:
		return "news"
	case 1:
		return news[0].head()
	}
	return news[0].head() + " and " + strconv.Itoa(len(news)-1) + " more"
}

// test is the message of velos notify test.
func test(host string) message {
	return message{Version: 1, Host: host, Title: "test on " + host, Text: "velos notify test: this is where news from " + view.Text(host) + " go", Test: true, News: []entry{}}
}

// masked is the message without the secrets of its sink, which a program may
// have written out.
func (m message) masked(secrets []string) message {
	for _, s := range secrets {
		if len(s) < 8 {
			continue
		}
		hide := func(p *string) { *p = strings.ReplaceAll(*p, s, view.Masked) }
		hide(&m.Title)
		hide(&m.Text)
		m.News = append([]entry{}, m.News...)
		for i := range m.News {
			e := &m.News[i]
			hide(&e.What)
			hide(&e.Exit)
			hide(&e.Line)
		}
	}
	return m
}

// Test sends a test message to where a notice goes. The error is without
// secrets.
func Test(host string, n config.Notice, vars config.Lookup) error {
	r, secrets, err := n.Resolve(vars)
	if err != nil {
		return err
	}
	_, err = send(r, test(host), secrets)
	return err
}
