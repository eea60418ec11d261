package velos_test

// This file holds the plan of the house: which packages there are, which of
// the others each may import, what the daemon must never link, and what
// documents may say. It reads the sources itself; asking the go command would
// be hidden by the test cache.

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/velospm/velos"

// A side says on which side of the wall a package stands.
type side string

const (
	shared side = "shared" // both programs link it: held to the daemon's rules
	daemon side = "daemon" // only velosd links it
	reader side = "reader" // only velos links it
)

// A room is a row of the plan.
type room struct {
	side    side
	imports string
	later   bool
}

// rooms is the plan. Imports are rooms under internal, besides the root
// package that all may import. A package that is not listed here fails until
// somebody has decided where it stands: change this table and the one in
// docs/ARCHITECTURE.md together. The rooms marked later may be absent.
var rooms = map[string]room{
	".": {side: shared},

	"internal/record":  {side: shared},
	"internal/wire":    {side: shared, imports: "record"},
	"internal/home":    {side: shared, imports: "fault record"},
	"internal/level":   {side: shared},
	"internal/dotenv":  {side: shared},
	"internal/cron":    {side: shared},
	"internal/fault":   {side: shared},
	"internal/policy":  {side: shared},
	"internal/project": {side: shared},
	"internal/audit":   {side: shared, imports: "record"},

	"internal/journal":   {side: daemon, imports: "fault record"},
	"internal/poll":      {side: daemon},
	"internal/proc":      {side: daemon},
	"internal/child":     {side: daemon, imports: "poll proc"},
	"internal/usage":     {side: daemon, imports: "proc"},
	"internal/logs":      {side: daemon, imports: "fault level poll record"},
	"internal/keeper":    {side: daemon},
	"internal/lease":     {side: daemon},
	"internal/probe":     {side: daemon},
	"internal/notify":    {side: daemon},
	"internal/sockets":   {side: daemon},
	"internal/channel":   {side: daemon, imports: "poll"},
	"internal/cluster":   {side: daemon, imports: "channel sockets"},
	"internal/trigger":   {side: daemon},
	"internal/supervise": {side: daemon, imports: "child cluster cron dotenv fault home journal keeper level logs notify probe proc trigger usage"},
	"internal/daemon":    {side: daemon, imports: "audit child cluster dotenv fault home journal keeper lease level logs policy poll proc project record supervise trigger usage wire"},
	"cmd/velosd":         {side: daemon, imports: "daemon"},

	"internal/config":  {side: reader, imports: "cron dotenv home level policy"},
	"internal/foreign": {side: reader, imports: "config dotenv home"},
	"internal/digest":  {side: reader, imports: "level"},
	"internal/client":  {side: reader, imports: "home record wire"},
	"internal/search":  {side: reader, imports: "level"},
	"internal/crash":   {side: reader, imports: "digest level"},
	"internal/view":    {side: reader, imports: "audit crash digest level"},
	"internal/verb":    {side: reader, imports: "client config crash digest home project record search view wire"},
	"internal/unit":    {side: reader},
	"internal/trust":   {side: reader, imports: "config home"},
	"internal/herald":  {side: reader, imports: "client config home trust verb view wire"},
	"internal/guard":   {side: reader, imports: "home view"},
	"internal/fan":     {side: reader, imports: "client verb view wire"},
	"internal/page":    {side: reader},
	"internal/site":    {side: reader},
	"internal/api":     {side: reader, imports: "client fan guard search verb view wire"},
	"internal/mcp":     {side: reader, imports: "audit client config crash digest guard record search verb view wire"},
	"internal/metrics": {side: reader, imports: "client wire"},
	"internal/otel":    {side: reader, imports: "client config home metrics verb view wire"},
	"internal/history": {side: reader, imports: "client home"},
	"internal/tui":     {side: reader, imports: "client verb view wire"},
	"internal/cli":     {side: reader, imports: "api audit client config crash digest dotenv foreign guard herald home level metrics page policy record search site trust unit verb view wire"},
	"cmd/velos":        {side: reader, imports: "cli"},
	"cmd/velos-mcp":    {side: reader, imports: "cli mcp"},
	"cmd/velos-doors":  {side: reader, imports: "cli history home otel tui view"},
	"bench/rig":        {side: reader, imports: "client home record wire", later: true},
	"bench/logs":       {side: reader, imports: "digest level", later: true},
	"bench/search":     {side: reader, imports: "search", later: true},
	"bench/*":          {side: reader, imports: "bench/rig client home record wire", later: true}, // one program each
}

// place finds a package's row.
func place(dir string) (room, bool) {
	r, ok := rooms[dir]
	if !ok && path.Dir(dir) == "bench" {
		r, ok = rooms["bench/*"]
	}
	return r, ok
}

// forbidden is what velosd must not link, directly or through others, and why.
// Resident memory is from a small program that imports the package and no more.
var forbidden = map[string]string{
	"net":           "600 KiB resident; wire speaks to the socket itself",
	"net/http":      "2.1 MiB resident, and a parser of strangers' bytes",
	"os/exec":       "a thread for each child; child forks and reaps itself",
	"regexp":        "236 KiB resident; clients match",
	"encoding/json": "364 KiB resident; record writes JSON",
	"encoding/gob":  "heavier than encoding/json",
	"text/template": "keeps the linker from dropping unused methods",
	"html/template": "keeps the linker from dropping unused methods",
	"log/slog":      "356 KiB resident",
	"log":           "the daemon has a journal",
	"os/user":       "reads and keeps the user data base; uids are enough",
	"flag":          "velosd has one way to start",
	"testing":       "a test helper has leaked into the product",
}

// modules are the third parties that product code may import, by side. Tests
// may import testModules as well. CONTRIBUTING.md gives a reason for each.
var (
	modules = map[side][]string{
		shared: {"golang.org/x/sys"},
		daemon: {"golang.org/x/sys"},
		reader: {"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/pelletier/go-toml/v2",
			"charm.land/bubbletea/v2", "github.com/charmbracelet/colorprofile", "github.com/charmbracelet/x/ansi", "github.com/coder/websocket", "github.com/goccy/go-yaml", "github.com/klauspost/compress", "github.com/modelcontextprotocol/go-sdk", "golang.org/x/sys", "golang.org/x/term", "golang.org/x/time", "github.com/tailscale/hujson",
			"go.opentelemetry.io/otel", "modernc.org/sqlite"},
	}
	testModules = []string{"github.com/getkin/kin-openapi", "github.com/google/go-cmp", "github.com/prometheus/common", "github.com/rogpeppe/go-internal", "github.com/tiktoken-go/tokenizer", "github.com/tinylib/msgp",
		"go.opentelemetry.io/proto/otlp", "google.golang.org/protobuf"}
)

const (
	longestFunction = 80  // lines, from func to the closing brace
	longestFile     = 500 // lines; tests may be longer
)

// A source is one parsed Go file.
type source struct {
	path, dir string
	test      bool
	generated bool
	fset      *token.FileSet
	file      *ast.File
}

func (s *source) imports() []string {
	var list []string
	for _, i := range s.file.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		list = append(list, p)
	}
	return list
}

func (s *source) line(p token.Pos) int { return s.fset.Position(p).Line }

// files lists the product's files, by slash-separated path.
var files = sync.OnceValue(func() []string {
	var list []string
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // an editor's file that has gone meanwhile
		}
		if err != nil {
			return err
		}
		p = filepath.ToSlash(p)
		switch {
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == ".velos" || p == "bin" || p == "dist"),
			d.IsDir() && strings.HasSuffix(p, "testdata/fuzz"):
			return fs.SkipDir
		case d.Type().IsRegular():
			list = append(list, p)
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	return list
})

// sources are all Go files, whatever system they are for.
var sources = sync.OnceValue(func() []*source {
	var list []*source
	for _, p := range files() {
		if path.Ext(p) != ".go" || strings.Contains(p, "testdata/") {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, nil, parser.ParseComments)
		if err != nil {
			panic(err)
		}
		list = append(list, &source{path: p, dir: path.Dir(p), test: strings.HasSuffix(p, "_test.go"),
			generated: ast.IsGenerated(f), fset: fset, file: f})
	}
	return list
})

// product is the sources without tests, by directory.
func product() map[string][]*source {
	m := make(map[string][]*source)
	for _, s := range sources() {
		if !s.test {
			m[s.dir] = append(m[s.dir], s)
		}
	}
	return m
}

func TestEveryPackageHasItsPlaceInThePlan(t *testing.T) {
	found := product()
	for dir := range found {
		if _, ok := place(dir); !ok {
			t.Errorf("%s is not in the plan: decide where it stands, here and in docs/ARCHITECTURE.md", dir)
		}
		switch path.Base(dir) {
		case "util", "utils", "common", "helper", "helpers", "types", "manager":
			t.Errorf("%s: this name says nothing about what the package owns", dir)
		}
	}
	for dir, r := range rooms {
		if len(found[dir]) == 0 && !r.later {
			t.Logf("%s is planned and not there", dir)
		}
	}
}

func TestArrowsGoOnlyWhereThePlanAllows(t *testing.T) {
	for dir, list := range product() {
		row, _ := place(dir)
		for _, s := range list {
			for _, p := range s.imports() {
				to, ours := strings.CutPrefix(p, module+"/")
				if ours && !slices.Contains(strings.Fields(row.imports), strings.TrimPrefix(to, "internal/")) {
					t.Errorf("%s imports %s: the plan does not let it", s.path, to)
				}
			}
		}
	}
}

func TestThePlanKeepsTheWall(t *testing.T) {
	for dir, row := range rooms {
		for _, to := range strings.Fields(row.imports) {
			next, ok := rooms["internal/"+to]
			if !ok {
				next, ok = rooms[to]
			}
			if !ok {
				t.Errorf("%s may import %s, which is not in the plan", dir, to)
			}
			if next.side != shared && next.side != row.side {
				t.Errorf("%s (%s) may import %s (%s): the wall between them is what keeps velosd small",
					dir, row.side, to, next.side)
			}
		}
	}
}

func TestTheDaemonLinksLittle(t *testing.T) {
	for dir, list := range product() {
		if row, _ := place(dir); row.side == reader {
			continue
		}
		for _, s := range list {
			for _, p := range s.imports() {
				if why := forbidden[p]; why != "" {
					t.Errorf("%s imports %s, which velosd must not link: %s", s.path, p, why)
				}
				if p == "reflect" {
					t.Errorf("%s imports reflect: a Record describes its own fields", s.path)
				}
			}
		}
	}
}

func TestThirdPartiesAreListedWithAReason(t *testing.T) {
	reasons, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sources() {
		row, _ := place(s.dir)
		allowed := modules[row.side]
		if s.test || strings.HasPrefix(s.dir, "bench/") {
			allowed = slices.Concat(modules[reader], testModules)
		}
		for _, p := range s.imports() {
			if host, _, _ := strings.Cut(p, "/"); !strings.Contains(host, ".") || p == module || strings.HasPrefix(p, module+"/") {
				continue
			}
			i := slices.IndexFunc(allowed, func(m string) bool { return p == m || strings.HasPrefix(p, m+"/") })
			if i < 0 {
				t.Errorf("%s imports %s, which is not allowed there", s.path, p)
			} else if !strings.Contains(string(reasons), "`"+allowed[i]+"`") {
				t.Errorf("%s imports %s, and CONTRIBUTING.md gives no reason for it", s.path, allowed[i])
			}
		}
	}
}

func TestCommittedDependencyListIsClean(t *testing.T) {
	b, err := os.ReadFile("docs/velosd.deps")
	if err != nil {
		if len(product()["cmd/velosd"]) == 0 {
			t.Skip("cmd/velosd is not there")
		}
		t.Fatalf("%v; make deps writes it", err)
	}
	list := strings.Fields(string(b))
	if !slices.IsSorted(list) || !slices.Contains(list, module+"/cmd/velosd") {
		t.Error("docs/velosd.deps is not what make deps writes")
	}
	for _, p := range list {
		if why := forbidden[p]; why != "" {
			t.Errorf("velosd links %s: %s", p, why)
		}
		dir, ours := strings.CutPrefix(p, module+"/")
		switch host, _, _ := strings.Cut(p, "/"); {
		case ours && (rooms[dir].side == reader || strings.HasPrefix(dir, "bench/")):
			t.Errorf("velosd links %s, a reader's room", dir)
		case !ours && p != module && (host == "vendor" || strings.Contains(host, ".")) && !strings.HasPrefix(p, "golang.org/x/sys/"):
			t.Errorf("velosd links %s: it may link the standard library and golang.org/x/sys", p)
		}
	}
}

func TestEveryPackageSaysOnceWhatItOwns(t *testing.T) {
	for dir, list := range product() {
		var docs []string
		for _, s := range list {
			if s.file.Doc == nil {
				continue
			}
			docs = append(docs, s.path)
			text, name := strings.TrimSpace(s.file.Doc.Text()), s.file.Name.Name
			begins := strings.HasPrefix(text, "Package "+name+" ")
			if name == "main" {
				name = path.Base(dir)
				begins = strings.HasPrefix(text, "Command "+name+" ") || strings.HasPrefix(text, strings.ToUpper(name[:1])+name[1:]+" ")
			}
			if !begins || !strings.HasSuffix(text, ".") || len(text) < 40 {
				t.Errorf("%s: the package doc is a sentence or two that begin with the package's name", s.path)
			}
		}
		if len(docs) != 1 {
			t.Errorf("%s has %d package docs %v; want one", dir, len(docs), docs)
		}
	}
}

func TestFilesAndFunctionsFitInAHead(t *testing.T) {
	for _, s := range sources() {
		if s.test || s.generated {
			continue
		}
		if n := s.line(s.file.FileEnd); n > longestFile {
			t.Errorf("%s has %d lines; want at most %d", s.path, n, longestFile)
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				if n := s.line(f.End()) - s.line(f.Pos()) + 1; n > longestFunction {
					t.Errorf("%s: %s has %d lines; want at most %d", s.path, f.Name.Name, n, longestFunction)
				}
			}
		}
	}
}

// documents are the Markdown files that people read.
func documents() []string {
	var list []string
	for _, p := range files() {
		if path.Ext(p) == ".md" && (path.Dir(p) == "." || strings.HasPrefix(p, "docs/")) {
			list = append(list, p)
		}
	}
	return list
}

var (
	fence    = regexp.MustCompile("(?ms)^ *(```|~~~).*?^ *(```|~~~) *$")
	code     = regexp.MustCompile("`[^`\n]*`")
	link     = regexp.MustCompile(`\]\(<?([^)\s>]+)`)
	refLink  = regexp.MustCompile(`(?m)^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)`)
	scheme   = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:`)
	citation = regexp.MustCompile(`\.go:\d+`)
)

func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	for _, p := range documents() {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		text := code.ReplaceAllString(fence.ReplaceAllString(string(b), ""), "")
		for _, m := range slices.Concat(link.FindAllStringSubmatch(text, -1), refLink.FindAllStringSubmatch(text, -1)) {
			to, _, _ := strings.Cut(m[1], "#")
			if to == "" || scheme.MatchString(to) {
				continue
			}
			if _, err := os.Stat(filepath.FromSlash(path.Join(path.Dir(p), to))); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", p, m[1])
			}
		}
		for _, m := range citation.FindAllString(string(b), -1) {
			t.Errorf("%s cites %s: cite names, line numbers go stale", p, m)
		}
	}
}

var decision = regexp.MustCompile(`^docs/adr/(\d{4})-[a-z0-9-]+\.md$`)

func TestDecisionsAreNumberedAndNameTheirPrice(t *testing.T) {
	next := 1
	for _, p := range files() {
		if !strings.HasPrefix(p, "docs/adr/") || path.Base(p) == "README.md" {
			continue
		}
		m := decision.FindStringSubmatch(p)
		if m == nil {
			t.Errorf("%s: want docs/adr/NNNN-title.md", p)
			continue
		}
		if n, _ := strconv.Atoi(m[1]); n != next {
			t.Errorf("%s: the next number is %d", p, next)
		}
		next++
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"# ", "## Context\n", "## Decision\n", "## Price\n"} {
			if !strings.Contains(string(b), part) {
				t.Errorf("%s: the part %q is missing", p, strings.TrimSpace(part))
			}
		}
	}
}

// foreign is what product files must not say: paths of one machine, and
// numbers that mean something to one tracker only.
var foreign = regexp.MustCompile(`(^|[^\w.-])(shared/(design|spec|data|hooks)|/work/|/tmp/bash_jobs)|(?i:\bissues? #?\d+\b)`)

func TestProductFilesSpeakOfTheProduct(t *testing.T) {
	for _, p := range files() {
		info, err := os.Stat(p)
		if err != nil || info.Size() > 1<<20 || p == "structure_test.go" {
			continue
		}
		b, err := os.ReadFile(p)
		if err != nil || strings.ContainsRune(string(b), 0) {
			continue
		}
		for i, line := range strings.Split(string(b), "\n") {
			if m := foreign.FindString(line); m != "" {
				t.Errorf("%s, line %d: %q is no part of the product", p, i+1, strings.TrimSpace(m))
			}
		}
	}
}
