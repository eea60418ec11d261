//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/velospm/velos/bench/rig"
)

// patience bounds each wait for something that must happen.
const patience = 40 * time.Second

// get asks once: an answer that says ready must be true when it comes.
func get(url string) (string, error) {
	c := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(io.LimitReader(r.Body, 1<<10))
	return string(b), err
}

// answers wants a word in what a URL gives.
func answers(url, want string) error {
	got, err := get(url)
	if err == nil && !strings.Contains(got, want) {
		err = fmt.Errorf("%s answers %q and not %q", url, got, want)
	}
	return err
}

var urls = regexp.MustCompile(`(?m)^url (\S+)$`)

// said are the URLs in answers, in their order.
func said(text string) (list []string) {
	for _, m := range urls.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}

func (s *side) at(port string) string { return s.ports.Replace("http://localhost:" + port) }

// A seen app is what is looked at in the list.
type seen struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	PID    int    `json:"pid"`
	URL    string `json:"url"`
	Config struct {
		Env map[string]string `json:"env"`
	} `json:"config"`
}

func (s *side) apps(args ...string) (map[string]seen, error) {
	out, err := s.line(strings.Join(append([]string{"velos list --json"}, args...), " "))
	if err != nil {
		return nil, err
	}
	var list []seen
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, fmt.Errorf("velos list: %w\n%s", err, out)
	}
	m := map[string]seen{}
	for _, a := range list {
		m[a.Name] = a
	}
	return m, nil
}

// statuses wants apps to be as name=status says, and no others.
func (s *side) statuses(want ...string) error {
	apps, err := s.apps()
	if err == nil && len(apps) != len(want) {
		err = fmt.Errorf("%d apps, and %d were expected", len(apps), len(want))
	}
	for _, w := range want {
		name, status, _ := strings.Cut(w, "=")
		if a := apps[name]; err == nil && (a.Status != status || (a.PID != 0) != (status == "online")) {
			err = fmt.Errorf("%s is %q with pid %d, and not %s", name, a.Status, a.PID, status)
		}
	}
	return err
}

// gone reports whether a process has ended.
func gone(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(b), ") Z ")
}

func serves(s *side, b *bill) error { return answers(said(b.text)[0], "first of "+s.dir) }

// moved wants both servers to answer, each on its own port.
func moved(s *side, b *bill) error {
	list := said(b.text)
	return errors.Join(answers(s.at("{shop}"), "first of "+filepath.Join(s.dir, "shop")), answers(list[len(list)-1], "first of "+s.dir),
		s.statuses("shop=online", "web=online"))
}

// edited wants the new program to answer as soon as the call is over.
func edited(s *side, _ *bill) error { return answers(s.at("{web}"), "second") }

// crashedTwice kills the server twice, and has another agent restart it.
func crashedTwice(s *side) error {
	for range 2 {
		apps, err := s.apps()
		if err != nil {
			return err
		}
		old := apps["web"].PID
		if old == 0 {
			return errors.New("web does not run")
		}
		if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
			return err
		}
		err = rig.Await(patience, "another web", func() bool {
			apps, _ := s.apps()
			return apps["web"].PID != old && apps["web"].Status == "online"
		})
		if err != nil {
			return err
		}
	}
	return s.must("VELOS_AGENT=codex velos restart web")
}

// worktrees makes two worktrees of one repository.
func worktrees(s *side) error {
	return s.must("export GIT_CONFIG_GLOBAL=/dev/null; cd one && git init -q && git add app.js && " +
		"git -c user.name=a -c user.email=a@localhost commit -qm app && git worktree add -q ../two")
}

// apart wants two processes with ports of their own, which stay the same, and
// each worktree to see its own alone.
func apart(s *side, b *bill) error {
	first := said(b.text)
	if len(first) != 2 || first[0] == first[1] {
		return fmt.Errorf("the URLs are %v", first)
	}
	before, err := s.apps()
	if err != nil {
		return err
	}
	var text string
	names := []string{"app", "app-two"}
	for i, dir := range []string{"one", "two"} {
		err := rig.Await(patience, "an answer of "+dir, func() bool { return answers(first[i], "of "+filepath.Join(s.dir, dir)) == nil })
		if err != nil {
			return err
		}
		out, err := s.line("cd " + dir + " && velos ensure app.js --name app --port auto --ai=table && velos list --project --json")
		if err != nil {
			return err
		}
		if !strings.Contains(out, "outcome already_running") || !strings.Contains(out, `"name":"`+names[i]+`"`) || strings.Contains(out, `"name":"`+names[1-i]+`"`) {
			return fmt.Errorf("asked again in %s: %s", dir, out)
		}
		text += out
	}
	after, err := s.apps()
	if err != nil {
		return err
	}
	for _, n := range names {
		if before[n].PID == 0 || before[n].PID != after[n].PID {
			return fmt.Errorf("%s was process %d and is %d", n, before[n].PID, after[n].PID)
		}
	}
	if again := said(text); len(after) != 2 || len(again) != 2 || again[0] != first[0] || again[1] != first[1] {
		return fmt.Errorf("asked again: %v, %d apps", again, len(after))
	}
	return nil
}

// agentDies has an agent start two servers, kills it, and waits until what it
// has left is cleared away.
func agentDies(s *side) error {
	if err := os.WriteFile(filepath.Join(s.home, "config.toml"), []byte("[agents]\nlease_grace = \"1s\"\n"), 0o600); err != nil {
		return err
	}
	// The person's shell is between the agent and whoever runs this, who may
	// be an agent, too.
	c := exec.Command("sh", "person.sh")
	c.Dir, c.Env = s.dir, append(s.env, "VELOS_AGENT=0")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return err
	}
	s.ends = append(s.ends, func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
	})
	said := func() string {
		b, _ := os.ReadFile(filepath.Join(s.dir, "agent.txt"))
		return string(b)
	}
	if err := rig.Await(patience, "the servers of an agent", func() bool { return strings.Contains(said(), "working\n") }); err != nil {
		return fmt.Errorf("%w: %s", err, said())
	}
	b, err := os.ReadFile(filepath.Join(s.dir, "agent.pid"))
	if err != nil {
		return err
	}
	agent, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return err
	}
	apps, err := s.apps()
	if err != nil {
		return err
	}
	if err := syscall.Kill(agent, syscall.SIGKILL); err != nil {
		return err
	}
	return rig.Await(patience, "the end of what an agent has left", func() bool {
		now, err := s.apps()
		return err == nil && now["left"].Status == "stopped" && gone(apps["left"].PID)
	})
}

// leftBehind wants what was kept and what is people's to serve on.
func leftBehind(s *side, _ *bill) error {
	if err := s.statuses("db=online", "kept=online", "left=stopped"); err != nil {
		return err
	}
	apps, err := s.apps()
	if err != nil {
		return err
	}
	return errors.Join(answers(s.at("{web}"), "of "+s.dir), answers(apps["kept"].URL, "of "+s.dir))
}

// nothingRuns wants the whole tree to be gone, no app to be left, and the exit
// code of tests that end by themselves.
func nothingRuns(s *side, _ *bill) error {
	b, err := os.ReadFile(filepath.Join(s.dir, "pids"))
	if err != nil {
		return err
	}
	pids := strings.Fields(string(b))
	if len(pids) != 4 {
		return fmt.Errorf("the tests were to be four processes, and said %v", pids)
	}
	for _, p := range pids {
		if n, err := strconv.Atoi(p); err != nil || !gone(n) {
			return fmt.Errorf("process %s of %v runs on", p, pids)
		}
	}
	out, err := s.line("velos run --timeout 30s -- sh failing.sh; echo code $?")
	if err == nil && out != "test 2 failed\ncode 7\n" {
		err = fmt.Errorf("tests that fail: %s", out)
	}
	return errors.Join(err, s.statuses())
}

// othersRun wants the apps of another agent and of people to serve on, and one
// agent not to get at what is another's.
func othersRun(s *side, _ *bill) error {
	out, err := s.line("velos stop theirs --ai=table; echo code $?")
	if err == nil && (!strings.Contains(out, "belongs to codex") || !strings.HasSuffix(out, "code 8\n")) {
		err = fmt.Errorf("stop what is another agent's: %s", out)
	}
	return errors.Join(err, answers(s.at("{web}"), "of "+s.dir), answers(s.at("{shop}"), "of "+s.dir),
		s.statuses("mine-1=stopped", "mine-2=stopped", "theirs=online", "db=online"))
}

// forms are the forms of answers.
var forms = []string{"", " --json", " --ai", " --ai=table"}

// every types each command in every form, and asks over MCP.
func (s *side) every(app string, commands []string, tools map[string]map[string]any) (map[string]string, error) {
	all := map[string]string{}
	for _, c := range commands {
		for _, f := range forms {
			out, err := s.line("velos " + c + f)
			if err != nil {
				return nil, err
			}
			all["velos "+c+f] = out
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	over, err := s.mcp(ctx, app, tools)
	for tool, out := range over {
		all[tool] = out
	}
	return all, err
}

// harmless wants nothing of the hostile lines to do or to be anything but text
// of a log, in any form.
func harmless(s *side, b *bill) error {
	for _, line := range strings.Split(b.text, "\n") {
		if _, log, ok := strings.Cut(line, " "); ok && strings.Contains(log, "velos kill") && line[0] != '1' {
			return fmt.Errorf("a line of the program begins a line of the answer: %q", line)
		}
	}
	all, err := s.every("hostile", []string{"logs hostile", "logs hostile --grep next", "wait hostile log=ignore", "logs hostile --summary", "why hostile"},
		map[string]map[string]any{"log_read": nil, "log_search": {"pattern": "ignore|next|hint"}, "log_summary": nil, "process_wait": {"until": []string{"log=ignore"}}})
	if err != nil {
		return err
	}
	if text := all["log_read"]; !strings.Contains(text, "ignore all") {
		return fmt.Errorf("log_read: %q", text)
	}
	for from, text := range all {
		// A line that ends with \n is a line here, whatever a form makes of it.
		for _, r := range text {
			if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r >= 0xe0000 && r <= 0xe007f {
				return fmt.Errorf("%s has %U: %q", from, r, text)
			}
		}
		for _, line := range strings.Split(text, "\n") {
			for _, order := range []string{"next:", "hint:", "error.hints", "velos kill", "velos delete"} {
				if strings.HasPrefix(strings.TrimSpace(line), order) {
					return fmt.Errorf("%s: %q looks like an answer's own: %q", from, line, text)
				}
			}
		}
	}
	return nil
}

// secretive wants the secrets to be in no answer, whatever is asked, while the
// rest of the lines is.
func secretive(s *side, b *bill) error {
	all, err := s.every("secret", []string{"list", "info secret", "info secret --env", "env secret", "logs secret", "logs secret --grep key", "logs secret --summary", "logs secret --patterns", "crash secret",
		"why secret", "changes", "events secret", "config get secret"},
		map[string]map[string]any{"process_info": nil, "config_get": nil, "log_read": nil, "log_search": {"pattern": "key|Basic"}, "log_summary": nil, "crash_report": nil})
	if err != nil {
		return err
	}
	for _, from := range []string{"velos logs secret --ai", "velos logs secret --grep key --json", "log_read", "log_search"} {
		if !strings.Contains(all[from], "[masked]") || !strings.Contains(all[from], "connecting to postgres") {
			return fmt.Errorf("%s: %q", from, all[from])
		}
	}
	if !strings.Contains(all["crash_report"], "was refused") {
		return fmt.Errorf("crash_report: %q", all["crash_report"])
	}
	for from, text := range all {
		for _, w := range []string{"tr0ub4dor", key, keyBase64, keyURL, "sk_live"} {
			if strings.Contains(text, w) {
				return fmt.Errorf("%s leaks %q: %s", from, w, text)
			}
		}
	}
	return nil
}
