package config

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/velospm/velos"
)

// OTel is the table [otel] of the global configuration: where figures, runs
// and lines are sent. Nil switches are on.
type OTel struct {
	Endpoint    string
	Headers     map[string]string // resolved; secrets may be among them
	Interval    time.Duration     // of figures; 0: the default
	Timeout     time.Duration     // of one request; 0: the default
	Compression string            // gzip, none or empty
	Certificate string            // path of the authorities to trust
	Traces      bool
	Metrics     bool
	Logs        bool
	Apps        []string // names; none: all
	Resource    map[string]string
}

// History is the table [history]: how figures are recorded. Zero is the
// default of each.
type History struct {
	Interval time.Duration
	Samples  time.Duration // how long single samples are kept
	Minutes  time.Duration // and the figures of each minute
	Hours    time.Duration // and of each hour
}

// mostSecret is how large a file with a secret may be.
const mostSecret = 64 << 10

// ReadOTel reads [otel] of the global configuration. A file that is missing,
// or does not have it, says nothing. Other tables are not looked at.
func ReadOTel(path string, vars map[string]string) (OTel, error) {
	o := OTel{Traces: true, Metrics: true, Logs: true}
	err := readSection(path, "otel", map[string]func(*node) *problem{
		"endpoint":    asAddress(&o.Endpoint),
		"headers":     asReferences(&o.Headers, vars),
		"interval":    asLength(&o.Interval, time.Second, 24*time.Hour),
		"timeout":     asLength(&o.Timeout, 100*time.Millisecond, 10*time.Minute),
		"compression": asWord(&o.Compression, "gzip", "none"),
		"certificate": asPath(&o.Certificate),
		"traces":      asBool(&o.Traces),
		"metrics":     asBool(&o.Metrics),
		"logs":        asBool(&o.Logs),
		"apps":        asTexts(&o.Apps),
		"resource":    asReferences(&o.Resource, vars),
	})
	return o, err
}

// ReadHistory reads [history] of the global configuration, as ReadOTel does.
func ReadHistory(path string) (History, error) {
	var h History
	const day = 24 * time.Hour
	err := readSection(path, "history", map[string]func(*node) *problem{
		"interval":     asLength(&h.Interval, time.Second, time.Minute),
		"keep_samples": asLength(&h.Samples, 10*time.Minute, 7*day),
		"keep_minutes": asLength(&h.Minutes, 2*time.Hour, 90*day),
		"keep_hours":   asLength(&h.Hours, day, 10*365*day),
	})
	return h, err
}

// readSection reads one table of the file at path. Each key has its reader;
// others are problems, with their place.
func readSection(path, name string, readers map[string]func(*node) *problem) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &velos.Error{Code: velos.Invalid, Message: "read " + shown(path) + ": " + err.Error(), Cause: err}
	}
	doc := &document{path: path, data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))}
	root, err := doc.tree()
	if err != nil {
		return err
	}
	table := root.child(name)
	if table == nil {
		return nil
	}
	if table.kind != isTable {
		return doc.error((&problem{at: table, path: name}).mustBe(isTable, table))
	}
	known := make([]string, 0, len(readers))
	for k := range readers {
		known = append(known, k)
	}
	for _, n := range table.items {
		read := readers[n.key]
		var p *problem
		if read == nil {
			p = wrong("unknown key", didYouMean(n.key, known, "docs/OTEL.md and docs/HISTORY.md name the keys"))
		} else {
			p = read(n)
		}
		if p != nil {
			if p.at == nil {
				p.at = n
			}
			if p.path == "" {
				p.path = name + "." + bare(n.key)
			}
			return doc.error(p)
		}
	}
	return nil
}

func asText(n *node) (string, *problem) {
	if n.kind != isString {
		return "", new(problem).mustBe(isString, n)
	}
	return n.text, nil
}

func asWord(to *string, words ...string) func(*node) *problem {
	return func(n *node) *problem {
		s, p := asText(n)
		for _, w := range words {
			if s == w {
				*to = s
				return nil
			}
		}
		if p == nil {
			p = wrong("must be "+strings.Join(words, " or "), didYouMean(s, words, ""))
		}
		return p
	}
}

func asAddress(to *string) func(*node) *problem {
	return func(n *node) *problem {
		s, p := asText(n)
		if p != nil {
			return p
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return wrong("is no address of a collector", "write http://HOST:4318 or https://HOST")
		}
		if u.User != nil {
			return wrong("holds a password", "put it into headers, as \"${NAME}\" or \"file:/PATH\"")
		}
		*to = s
		return nil
	}
}

func asPath(to *string) func(*node) *problem {
	return func(n *node) *problem {
		s, p := asText(n)
		if p == nil && !filepath.IsAbs(s) {
			p = wrong("must be an absolute path", "")
		}
		*to = s
		return p
	}
}

func asBool(to *bool) func(*node) *problem {
	return func(n *node) *problem {
		if n.kind != isBool {
			return new(problem).mustBe(isBool, n)
		}
		*to = n.text == "true"
		return nil
	}
}

func asLength(to *time.Duration, least, most time.Duration) func(*node) *problem {
	return func(n *node) *problem {
		s, p := asText(n)
		if p != nil {
			return p
		}
		m, err := Duration(s)
		if err != nil {
			return wrong(err.Error(), velos.HintOf(err))
		}
		if d := m.Std(); d < least || d > most {
			return wrong("must be between "+velos.MillisOf(least).String()+" and "+velos.MillisOf(most).String(), "")
		}
		*to = m.Std()
		return nil
	}
}

func asTexts(to *[]string) func(*node) *problem {
	return func(n *node) *problem {
		if n.kind != isList {
			return new(problem).mustBe(isList, n)
		}
		for _, c := range n.items {
			s, p := asText(c)
			if p != nil {
				p.at = c
				return p
			}
			*to = append(*to, s)
		}
		return nil
	}
}

// asReferences is a table of texts, in which ${NAME} is a variable of the
// environment and "file:/PATH" what that file holds: a secret need not be in
// the configuration.
func asReferences(to *map[string]string, vars map[string]string) func(*node) *problem {
	return func(n *node) *problem {
		if n.kind != isTable {
			return new(problem).mustBe(isTable, n)
		}
		m := make(map[string]string, len(n.items))
		for _, c := range n.items {
			s, p := asText(c)
			if p == nil {
				s, p = referred(s, vars)
			}
			if p != nil {
				p.at = c
				return p
			}
			m[c.key] = s
		}
		*to = m
		return nil
	}
}

func referred(s string, vars map[string]string) (string, *problem) {
	file, ok := strings.CutPrefix(s, "file:")
	if !ok {
		return expand(s, vars)
	}
	if !filepath.IsAbs(file) {
		return "", wrong("file: needs an absolute path", "write file:/PATH")
	}
	f, err := os.Open(file)
	if err != nil {
		return "", wrong(err.Error(), "")
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, mostSecret))
	if err != nil {
		return "", wrong(err.Error(), "")
	}
	return strings.TrimSpace(string(b)), nil
}
