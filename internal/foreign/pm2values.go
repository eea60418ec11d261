package foreign

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos/internal/config"
)

func itoa(n int) string { return strconv.Itoa(n) }

// quote is a value for a message.
func (v *value) quote() string {
	if s, ok := v.scalar(); ok {
		return shown(s)
	}
	return v.what()
}

// rename makes a name that is allowed.
func (t *pm2App) rename() { t.Name = t.file.called(t.Name) }

// end sets what takes several keys to know, and what is PM2's way when
// nothing is said.
func (t *pm2App) end() error {
	for _, step := range [...]func(*pm2App) error{
		(*pm2App).program, (*pm2App).many, (*pm2App).stopping, (*pm2App).environment, (*pm2App).counting, (*pm2App).logs, (*pm2App).watching,
	} {
		if err := step(t); err != nil {
			return err
		}
	}
	return nil
}

// program sets script, interpreter and directory. Without cwd that is the
// directory of the file: PM2 takes the shell's, which is the same for whoever
// starts it from there.
func (t *pm2App) program() error {
	script, line := t.str("script"), t.keys["script"].line
	cwd := "."
	if s := t.str("cwd"); s != "" {
		cwd = s
		line := t.keys["cwd"].line
		t.set("cwd", cwd, line)
	} else {
		t.set("cwd", cwd, 0)
	}
	t.set("script", script, line)
	if strings.Contains(script, " ") && t.head() == nil {
		// PM2 hands it to bash -c, and forgets args.
		if _, err := config.Split(script); err != nil {
			t.set("shell", true, line)
		}
		if t.get("args") != nil {
			t.drop("args")
			t.file.lost(t.Name, "args", "the script is a command line, and PM2 leaves them out beside one")
		}
		return nil
	}
	return t.interpreter()
}

func (t *pm2App) interpreter() error {
	v := t.keys["interpreter"]
	in := t.str("interpreter")
	switch {
	case v != nil && v.kind != text:
		return t.wrong("interpreter", "must be a string, not "+v.what(), "such as interpreter: \"python3\"")
	case strings.HasPrefix(in, "node@"):
		path := filepath.Join(t.opts.Env.Vars["NVM_DIR"], "versions", "node", "v"+strings.TrimPrefix(in[5:], "v"), "bin", "node")
		if _, err := os.Stat(path); err != nil {
			t.file.lost(t.Name, "interpreter", shown(in)+" is not installed by nvm; the node of PATH runs it")
			return nil
		}
		t.set("interpreter", path, v.line)
	case in != "":
		t.set("interpreter", in, v.line)
	case t.bare():
		t.set("interpreter", "node", 0)
	}
	if on, _ := t.flag("source_map_support"); on && t.isNode() {
		args, _ := t.get("interpreter_args").([]string)
		t.drop("interpreter_args")
		t.set("interpreter_args", append([]string{"--enable-source-maps"}, args...), t.keys["source_map_support"].line)
	} else if t.keys["source_map_support"] != nil {
		t.file.idle(t.Name, "source_map_support", "nothing is put into programs; node has --enable-source-maps")
	}
	return nil
}

// bare reports a script that says nothing of what runs it: PM2 takes node for
// any text.
func (t *pm2App) bare() bool {
	head := t.head()
	return len(head) > 0 && filepath.Ext(t.str("script")) == "" && !bytes.HasPrefix(head, []byte("#!")) && !bytes.ContainsRune(head, 0)
}

// isNode reports whether PM2 would run it with node: only then instances are
// a cluster.
func (t *pm2App) isNode() bool {
	in, _ := t.get("interpreter").(string)
	base := strings.TrimSuffix(filepath.Base(in), ".exe")
	if in != "" {
		return base == "node" || base == "bun"
	}
	switch strings.ToLower(filepath.Ext(t.str("script"))) {
	case ".js", ".cjs", ".mjs":
		return true
	}
	return bytes.Contains(bytes.SplitN(t.head(), []byte("\n"), 2)[0], []byte("node"))
}

// many sets instances and mode. PM2 makes a cluster of whatever has instances
// and is run by node, one instance too.
func (t *pm2App) many() error {
	v := t.keys["instances"]
	if v != nil && v.kind != number && v.kind != text {
		return t.wrong("instances", "must be a number or max, not "+v.what(), "such as instances: 2")
	}
	if v != nil {
		n, ok := v.integer()
		switch {
		case v.text == "max" || !ok || n == 0: // PM2 reads other words as 0
			t.set("instances", "max", v.line)
			if v.text != "max" && !ok {
				t.file.idle(t.Name, "instances", shown(v.text)+" is one for each core, as PM2 has it")
			}
		case n < -1:
			t.set("instances", int64(max(1, t.opts.Env.Cores()+int(max(n, -1<<20)))), v.line)
			t.file.lost(t.Name, "instances", "leaves "+strconv.FormatInt(-n, 10)+" cores free in the file; here it is the number for this machine")
		default:
			t.set("instances", n, v.line)
		}
	}
	mode := strings.TrimSuffix(t.str("exec_mode"), "_mode")
	line := 0
	if m := t.keys["exec_mode"]; m != nil {
		line = m.line
		if mode != "fork" && mode != "cluster" {
			return t.wrong("exec_mode", "must be fork or cluster, not "+m.quote(), "leave it out")
		}
	}
	if on, _ := t.flag("execute_command"); on {
		mode = "fork"
	}
	if mode == "" && v != nil && t.isNode() && t.get("shell") == nil {
		mode = "cluster"
	}
	if mode == "cluster" || mode == "fork" && v != nil && t.get("instances") != int64(1) {
		t.set("mode", mode, line)
	}
	return nil
}

// stopping keeps PM2's way of ending a program.
func (t *pm2App) stopping() error {
	t.set("stop_signal", "SIGINT", 0)
	if v := t.keys["kill_timeout"]; v != nil {
		return length("kill_timeout")(t, "kill_timeout", v)
	}
	t.set("kill_timeout", int64(1600), 0)
	return nil
}

func readMessage(t *pm2App, key string, v *value) error {
	on, ok := v.truth()
	if !ok {
		return t.wrong(key, "must be true or false, not "+v.what(), "write true or false")
	}
	if on {
		t.set("shutdown_with_message", true, v.line)
		t.set("shutdown_message", "shutdown", v.line)
	}
	return nil
}

func readAutorestart(t *pm2App, key string, v *value) error {
	on, ok := v.truth()
	if !ok {
		return t.wrong(key, "must be true or false, not "+v.what(), "write true or false")
	}
	if !on {
		t.set("autorestart", "never", v.line)
	}
	return nil
}

func readCodes(t *pm2App, key string, v *value) error {
	items := []*value{v}
	if v.kind == list {
		items = v.items
	}
	var codes []int64
	for _, c := range items {
		n, ok := c.integer()
		if !ok {
			return t.wrong(key, "must be numbers, not "+c.quote(), "such as stop_exit_codes: [0]")
		}
		codes = append(codes, n)
	}
	t.set("stop_exit_codes", codes, v.line)
	return nil
}

func readMemory(t *pm2App, key string, v *value) error {
	if n, ok := v.integer(); ok {
		t.set("max_memory", n, v.line)
		return nil
	}
	if _, err := config.Size(v.text); v.kind != text || err != nil {
		return t.wrong(key, "must be a size such as 150M or 1G, not "+v.quote(), `such as max_memory_restart: "300M"`)
	}
	t.set("max_memory", v.text, v.line)
	return nil
}

func readCron(t *pm2App, key string, v *value) error {
	if v.kind == boolean && v.text == "false" || v.text == "0" {
		return nil
	}
	if v.kind != text {
		return t.wrong(key, "must be a cron expression, not "+v.what(), `such as cron_restart: "0 3 * * *"`)
	}
	t.set("cron_restart", v.text, v.line)
	return nil
}

func readTreekill(t *pm2App, key string, v *value) error {
	if on, _ := v.truth(); !on {
		t.file.lost(t.Name, key, wholeTree)
	} else {
		t.file.idle(t.Name, key, wholeTree)
	}
	return nil
}

// readMerge: one file for all instances is what there is.
func readMerge(t *pm2App, key string, v *value) error {
	if on, _ := v.truth(); on {
		t.file.idle(t.Name, key, "all instances of an app write to the same files")
	} else {
		t.file.lost(t.Name, key, "all instances of an app write to the same files; each line says which it was")
	}
	return nil
}

func readIgnore(t *pm2App, key string, v *value) error {
	items := []*value{v}
	switch v.kind {
	case list:
		items = v.items
	case text: // PM2 cuts it at blanks
		items = nil
		for _, s := range strings.Fields(v.text) {
			items = append(items, &value{kind: text, text: s, line: v.line})
		}
	}
	var keep []string
	for _, c := range items {
		s, ok := c.scalar()
		if !ok && c.kind != odd {
			return t.wrong(key, "must be strings, not "+c.what(), `such as ignore_watch: ["node_modules"]`)
		}
		if c.kind == odd || strings.ContainsAny(s, `\^$()|+`) {
			if c.kind == odd {
				s = strings.TrimPrefix(c.text, "the expression ")
			}
			t.file.lost(t.Name, key, shown(s)+" is a regular expression; watch_ignore has patterns as .gitignore has")
			continue
		}
		keep = append(keep, s)
	}
	if len(keep) > 0 {
		t.set("watch_ignore", keep, v.line)
	}
	return nil
}

// watching sets watch; without it PM2 looks at nothing that is about it.
func (t *pm2App) watching() error {
	v := t.keys["watch"]
	on := false
	if v != nil {
		var plain bool
		if on, plain = v.truth(); !plain {
			paths, ok := v.scalars()
			if !ok || v.kind == number {
				return t.wrong("watch", "must be true, false or a list of paths, not "+v.what(), `such as watch: ["src"]`)
			}
			if paths = slices.DeleteFunc(paths, func(p string) bool { return p == "" }); len(paths) > 0 {
				on = true
				for i, p := range paths {
					if t.cwd != t.file.dir() {
						paths[i] = t.abs(t.cwd, p) // here they are relative to the file
					}
				}
				t.set("watch_paths", paths, v.line)
			}
		}
	}
	if on {
		t.set("watch", true, v.line)
		return nil
	}
	for _, k := range []string{"watch_ignore", "watch_delay"} {
		if t.get(k) != nil {
			t.drop(k)
			t.file.idle(t.Name, strings.Replace(k, "watch_ignore", "ignore_watch", 1), "nothing is watched")
		}
	}
	return nil
}
