package config

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// A Notice is a [[notify]] table: where news of apps goes. Texts that may be
// secret are as they were written: Resolve finds what they refer to.
type Notice struct {
	Type  string
	On    []string
	Apps  []string // patterns; none: every app
	Of    []string // the apps of its file; nil: a file for all apps
	Group velos.Millis
	Rate  int // messages in an hour; 0: no limit

	URL            string
	Headers        map[string]string
	Token, Chat    string
	Server         string // of telegram
	SMTP, From     string
	To             []string
	User, Password string
	StartTLS       string // auto, always, never

	ID    string // of the table, as long as it says the same
	Place string // file:line, for messages
	base  string // where paths start
	env   Environ
}

// What a Notice can be, and be about.
var (
	NoticeTypes = []string{"webhook", "slack", "telegram", "email"}
	NewsWords   = []string{"crash", "gave_up", "recovered", "memory", "anomaly", "hook", "warning"}
	usualNews   = []string{"crash", "gave_up", "recovered", "memory"}
)

// Bounds of a Notice.
const (
	usualGroup  velos.Millis = 10_000
	longestWait velos.Millis = 300_000
	usualRate                = 20
)

// A noticeKey is what a [[notify]] table may say.
type noticeKey struct {
	name   string
	types  string // which types have it; empty: all
	needed bool
	preset string
	takes  string
	help   string
	schema schema
	read   func(*Notice, *node) *problem
}

// noticeKeys is the table that parses; the page and the schema are made of it.
var noticeKeys []noticeKey

func init() {
	str := func(name, types string, needed bool, help string, field func(*Notice) *string) noticeKey {
		return noticeKey{name, types, needed, "", "text", help, ofType("string"), func(n *Notice, v *node) *problem {
			if v.kind != isString {
				return new(problem).mustBe(isString, v)
			}
			if v.text == "" {
				return wrong("must not be empty", "leave it out")
			}
			*field(n) = v.text
			return nil
		}}
	}
	list := func(name, types string, needed bool, preset, help string, field func(*Notice) *[]string, check func(string) *problem) noticeKey {
		return noticeKey{name, types, needed, preset, "a text or a list of them", help, oneOrMore(ofType("string")), func(n *Notice, v *node) *problem {
			return readTexts(v, field(n), check)
		}}
	}
	noticeKeys = []noticeKey{
		{"type", "", true, "", "webhook, slack, telegram or email", "where it goes", oneWord(NoticeTypes...), readNoticeType},
		list("on", "", false, `["crash", "gave_up", "recovered", "memory"]`, "what is news: also anomaly, hook (one that failed), warning (any other)", func(n *Notice) *[]string { return &n.On }, newsWord),
		list("apps", "", false, "", "names, ns:NAMESPACE or patterns such as prod-*; left out, every app of the file", func(n *Notice) *[]string { return &n.Apps }, appPattern),
		{"group", "", false, `"10s"`, lengthOfTime, "all news of this time are one message; at most 5m", ofType("integer", "string"), readGroup},
		{"rate", "", false, "20", "a whole number", "messages in an hour; what is left out is counted in the next one; 0 is no limit", ofType("integer"), readRate},
		str("url", "webhook slack", true, "an address of http or https; of slack, an incoming webhook", func(n *Notice) *string { return &n.URL }),
		{"headers", "webhook", false, "", "a table of texts", "of the request", schema{"type": "object", "additionalProperties": ofType("string")}, readHeaders},
		str("token", "telegram", true, "of the bot", func(n *Notice) *string { return &n.Token }),
		{"chat", "telegram", true, "", "a text or a number", "the chat's id, or @name of a channel", ofType("string", "integer"), readChat},
		str("server", "telegram", false, "a Bot API server of your own; left out, https://api.telegram.org", func(n *Notice) *string { return &n.Server }),
		str("smtp", "email", true, "HOST:PORT of the server; port 465 is encrypted from the beginning", func(n *Notice) *string { return &n.SMTP }),
		str("from", "email", true, "the sender's address", func(n *Notice) *string { return &n.From }),
		list("to", "email", true, "", "addresses of those who get it", func(n *Notice) *[]string { return &n.To }, nil),
		str("user", "email", false, "name at the server", func(n *Notice) *string { return &n.User }),
		str("password", "email", false, "password at the server; it is only sent over an encrypted line, or to this machine", func(n *Notice) *string { return &n.Password }),
		{"starttls", "email", false, "", "true or false", "true: never without encryption; false: never with it; left out, where the server offers it", ofType("boolean"), readStartTLS},
	}
}

func readTexts(v *node, into *[]string, check func(string) *problem) *problem {
	items := []*node{v}
	if v.kind == isList {
		items = v.items
	}
	*into = nil
	for _, c := range items {
		if c.kind != isString || c.text == "" {
			p := wrong("must be a list of texts, not of "+strings.TrimPrefix(c.kind.String(), "a "), "put each into quotes")
			if c.kind == isString {
				p = wrong("must not be empty", "leave it out")
			}
			return p
		}
		if check != nil {
			if p := check(c.text); p != nil {
				if c.width > 0 {
					p.at = c
				}
				return p
			}
		}
		*into = append(*into, c.text)
	}
	if len(*into) == 0 {
		return wrong("must not be empty", "leave it out")
	}
	return nil
}

func readNoticeType(n *Notice, v *node) *problem {
	if v.kind != isString {
		return new(problem).mustBe(isString, v)
	}
	if !slices.Contains(NoticeTypes, v.text) {
		return wrong("must be webhook, slack, telegram or email, not "+shown(v.text), didYouMean(v.text, NoticeTypes, "a webhook takes news in a form of its own"))
	}
	n.Type = v.text
	return nil
}

func newsWord(s string) *problem {
	if slices.Contains(NewsWords, s) {
		return nil
	}
	return wrong("there is no news "+shown(s), didYouMean(s, NewsWords, "there are "+strings.Join(NewsWords, ", ")))
}

func appPattern(s string) *problem {
	if _, err := filepath.Match(s, ""); err != nil || s == "ns:" {
		return wrong(shown(s)+" is no pattern", `such as apps = ["api", "ns:web", "prod-*"]`)
	}
	return nil
}

func readGroup(n *Notice, v *node) *problem {
	ms, isInt := v.integer()
	if v.kind == isString {
		m, err := Duration(v.text)
		if err != nil {
			return wrong(err.Error(), `such as "10s"`)
		}
		ms, isInt = int64(m), true
	}
	switch {
	case !isInt:
		return wrong(errDuration.Error()+", not "+v.kind.String(), `such as "10s"`)
	case ms < 0 || velos.Millis(ms) > longestWait:
		return wrong("must be between 0s and "+longestWait.String(), `such as "10s"`)
	}
	n.Group = velos.Millis(ms)
	return nil
}

func readRate(n *Notice, v *node) *problem {
	r, ok := v.integer()
	if !ok || r < 0 || r > 100_000 {
		return wrong("must be a whole number of messages in an hour", "such as 20; 0 is no limit")
	}
	n.Rate = int(r)
	return nil
}

func readHeaders(n *Notice, v *node) *problem {
	if v.kind != isTable {
		p := new(problem).mustBe(isTable, v)
		p.hint = `such as headers = { Authorization = "env:HOOK_TOKEN" }`
		return p
	}
	n.Headers = map[string]string{}
	for _, c := range v.items {
		if c.kind != isString || c.key == "" || strings.ContainsAny(c.key, " :\r\n\t") || strings.ContainsAny(c.text, "\r\n") {
			p := wrong("a header is a name and a text on one line", `such as headers = { Authorization = "env:HOOK_TOKEN" }`)
			p.at = c
			return p
		}
		n.Headers[c.key] = c.text
	}
	return nil
}

func readChat(n *Notice, v *node) *problem {
	s, ok := scalar(v)
	if !ok || s == "" || v.kind != isString && v.kind != isInteger {
		return wrong("must be a chat's id or @name, not "+v.kind.String(), `such as chat = -1001234567890`)
	}
	n.Chat = s
	return nil
}

func readStartTLS(n *Notice, v *node) *problem {
	if v.kind != isBool {
		return new(problem).mustBe(isBool, v)
	}
	n.StartTLS = map[string]string{"true": "always", "false": "never"}[v.text]
	return nil
}

// readNotices reads the tables of one file, and marks the apps that they are
// about: drafts are those of the file and of what it includes.
func (l *loader) readNotices(root *node, doc *document, abs string, drafts []*draft) *problem {
	list, p := readNotices(root, doc, abs, l.env)
	if p != nil {
		return p
	}
	for i := range list {
		n := &list[i]
		n.Of = make([]string, 0, len(drafts))
		for _, d := range drafts {
			n.Of = append(n.Of, d.spec.Name)
			d.notify = d.notify || n.About(d.spec.Name, d.spec.Namespace)
		}
		for _, a := range n.Apps {
			if !strings.ContainsAny(a, "*?[:") && !slices.Contains(n.Of, a) {
				p := wrong("there is no app "+shown(a)+" in this file", didYouMean(a, n.Of, "it has "+strings.Join(n.Of, ", ")))
				p.at, p.path = root.items[i].child("apps"), "notify.apps"
				return p
			}
		}
	}
	l.notices = append(l.notices, list...)
	return nil
}

func readNotices(root *node, doc *document, abs string, env Environ) ([]Notice, *problem) {
	if root == nil {
		return nil, nil
	}
	if root.kind != isList {
		p := wrong("is a list of tables", "write [[notify]], and below it type = \"webhook\"")
		p.at, p.path = root, "notify"
		return nil, p
	}
	var list []Notice
	for _, t := range root.items {
		n := Notice{On: usualNews, Group: usualGroup, Rate: usualRate, StartTLS: "auto", base: filepath.Dir(abs), env: env}
		n.Place = shown(doc.path) + ":" + strconv.Itoa(1+strings.Count(string(doc.data[:min(t.offset, len(doc.data))]), "\n"))
		if p := n.readTable(t); p != nil {
			if p.at == nil {
				p.at = t
			}
			if p.path == "" {
				p.path = "notify"
			}
			return nil, p
		}
		list = append(list, n)
	}
	return list, nil
}

func (n *Notice) readTable(t *node) *problem {
	if t.kind != isTable {
		return new(problem).mustBe(isTable, t)
	}
	for _, v := range t.items {
		i := slices.IndexFunc(noticeKeys, func(k noticeKey) bool { return k.name == v.key })
		var p *problem
		if i < 0 {
			names := make([]string, len(noticeKeys))
			for j := range noticeKeys {
				names[j] = noticeKeys[j].name
			}
			p = wrong("unknown key", didYouMean(v.key, names, "remove it; velos reads no key that it does not know"))
		} else {
			p = noticeKeys[i].read(n, v)
		}
		if p != nil {
			if p.path = "notify." + bare(v.key); p.at == nil {
				p.at = v
			}
			return p
		}
	}
	if n.Type == "" {
		return wrong("type is missing", `add type = "webhook", "slack", "telegram" or "email"`)
	}
	for i := range noticeKeys {
		k := &noticeKeys[i]
		v, has := t.child(k.name), k.types == "" || slices.Contains(strings.Fields(k.types), n.Type)
		switch {
		case v != nil && !has:
			p := wrong("is for "+strings.ReplaceAll(k.types, " ", " and ")+", not for "+n.Type, "leave it out")
			p.at, p.path = v, "notify."+k.name
			return p
		case v == nil && has && k.needed:
			return wrong(k.name+" is missing", k.name+": "+k.help)
		}
	}
	sum := sha256.Sum256([]byte(n.base + "\x00" + t.toml()))
	n.ID = n.Type + "-" + hex.EncodeToString(sum[:6])
	return n.checkAddress(t)
}

// checkAddress looks at what is written out, and not referred to.
func (n *Notice) checkAddress(t *node) *problem {
	if n.URL != "" && !refers(n.URL) && !strings.HasPrefix(n.URL, "https://") && !strings.HasPrefix(n.URL, "http://") {
		p := wrong("must begin with https:// or http://", `or be "env:NAME" or "file:PATH"`)
		p.at, p.path = t.child("url"), "notify.url"
		return p
	}
	if n.SMTP != "" && !refers(n.SMTP) && !strings.Contains(n.SMTP, ":") {
		p := wrong("must be HOST:PORT", `such as "smtp.example.com:587"`)
		p.at, p.path = t.child("smtp"), "notify.smtp"
		return p
	}
	return nil
}

// About reports whether it wants news of an app.
func (n *Notice) About(name, namespace string) bool {
	if n.Of != nil && !slices.Contains(n.Of, name) {
		return false
	}
	for _, a := range n.Apps {
		ns, isNS := strings.CutPrefix(a, "ns:")
		subject, pattern := name, a
		if isNS {
			subject, pattern = namespace, ns
		}
		if ok, err := filepath.Match(pattern, subject); ok && err == nil {
			return true
		}
	}
	return len(n.Apps) == 0
}

// NoticesCommand is what notifications do, as people judge it.
func NoticesCommand(list []Notice) Command {
	sum := sha256.New()
	var kinds []string
	c := Command{}
	for i := range list {
		n := &list[i]
		if !slices.Contains(kinds, n.Type) {
			kinds = append(kinds, n.Type)
		}
		c.Lines = append(c.Lines, n.Type+" to "+n.Target())
		sum.Write([]byte(n.ID))
	}
	c.Run, c.Sum = "news go out by "+strings.Join(kinds, ", "), hex.EncodeToString(sum.Sum(nil)[:16])
	return c
}

// Target is where it goes, without what may be secret: of an address the host
// alone.
func (n *Notice) Target() string {
	switch n.Type {
	case "telegram":
		return "chat " + n.Chat
	case "email":
		return strings.Join(n.To, ", ") + " by " + n.SMTP
	}
	if refers(n.URL) {
		return n.URL
	}
	u, err := url.Parse(n.URL)
	if err != nil {
		return "an address that cannot be read"
	}
	return u.Scheme + "://" + u.Host
}
