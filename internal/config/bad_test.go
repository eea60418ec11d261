package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

// badConfigs are files that must be refused; testdata/bad.golden has the
// errors.
var badConfigs = []string{
	"",
	"# only a comment\n",
	"[apps]\n",
	"apps = 3\n",
	"apps = [1]\n",
	"[apps.api]\n",
	"[apps.api\nscript = \"app.js\"\n",
	"[apps.api]\nscript = app.js\n",
	"[apps.api]\nscript = \"app.js\"\nscript = \"run.sh\"\n",
	"[apps.api]\nscript = \"app.js\"\n[apps.api]\nscript = \"run.sh\"\n",
	"[apps.api]\nscript = \"app.js\"\ninstnces = 2\n",
	"[apps.api]\nscript = \"app.js\"\n\texec_mode = \"fork\"\n",
	"[apps.api]\ncommand = \"npm start\"\n",
	"[apps.api]\nscript = \"app.js\"\nxyzzy = 1\n",
	"[app.api]\nscript = \"app.js\"\n",
	"script = \"app.js\"\n",
	"[hooks]\n[apps.api]\nscript = \"app.js\"\n",
	"[defaults]\nname = \"x\"\n[apps.api]\nscript = \"app.js\"\n",
	"[defaults]\nkill_timeout = -1\n[apps.api]\nscript = \"app.js\"\n",
	"defaults = 1\n[apps.api]\nscript = \"app.js\"\n",
	"[[apps]]\nscript = \"app.js\"\n",
	"[[apps]]\nname = \"a\"\nscript = \"app.js\"\n[[apps]]\nname = \"a\"\nscript = \"run.sh\"\n",
	"[apps.Api]\nscript = \"app.js\"\n[apps.api]\nscript = \"run.sh\"\n",
	"[apps.\"a/b\"]\nscript = \"app.js\"\n",
	"[apps.all]\nscript = \"app.js\"\n",
	"[apps.17]\nscript = \"app.js\"\n",
	"[[apps]]\nname = \"..\"\nscript = \"app.js\"\n",
	"[[apps]]\nname = 3\nscript = \"app.js\"\n",
	"[apps.api]\nname = \"web\"\nscript = \"app.js\"\n",
	"[apps.api]\nscript = 3\n",
	"[apps.api]\nscript = \"  \"\n",
	"[apps.api]\nscript = \"./nosuch.js\"\n",
	"[apps.api]\nscript = \"src\"\n",
	"[apps.api]\nscript = \"apps.js\"\n",
	"[apps.api]\nscript = \"nosuchprogram\"\n",
	"[apps.api]\nscript = \"npm run dev && echo\"\n",
	"[apps.api]\nscript = \"PORT=3 npm run\"\n",
	"[apps.api]\nscript = \"npm 'run\"\n",
	"[apps.api]\nscript = \"notes.txt\"\n",
	"[apps.api]\nscript = \"app.rb\"\n",
	"[apps.api]\nscript = \"lost\"\n",
	"[apps.api]\nscript = \"package.json\"\n",
	"[apps.api]\nscript = \"ecosystem.config.js\"\n",
	"[apps.api]\nscript = \"app.js\"\ninterpreter = \"noode\"\n",
	"[apps.api]\nscript = \"app.js\"\ninterpreter = \"none\"\n",
	"[apps.api]\nscript = \"app.js\"\ninterpreter = \"./no/node\"\n",
	"[apps.api]\nscript = \"app.js\"\ncwd = \"nowhere\"\n",
	"[apps.api]\nscript = \"app.js\"\ncwd = \"notes.txt\"\n",
	"[apps.api]\nscript = \"app.js\"\nargs = 5\n",
	"[apps.api]\nscript = \"app.js\"\nargs = [\"a\", [\"b\"]]\n",
	"[apps.api]\nscript = \"app.js\"\nargs = [\"a\", 2020-01-01]\n",
	"[apps.api]\nscript = \"app.js\"\nargs = \"a > b\"\n",
	"[apps.api]\nscript = \"app.js\"\ninstances = -2\n",
	"[apps.api]\nscript = \"app.js\"\ninstances = 99999\n",
	"[apps.api]\nscript = \"app.js\"\ninstances = \"many\"\n",
	"[apps.api]\nscript = \"app.js\"\ninstances = \"2\"\n",
	"[apps.api]\nscript = \"app.js\"\ninstances = 1.5\n",
	"[apps.api]\nscript = \"app.js\"\nmode = \"clutser\"\n",
	"[apps.api]\nscript = \"app.js\"\nmode = 1\n",
	"[apps.api]\nscript = \"app.js\"\nmode = \"spoon\"\n",
	"[apps.api]\nscript = \"app.js\"\nenv = \"A=b\"\n",
	"[apps.api]\nscript = \"app.js\"\nenv = { A = [1] }\n",
	"[apps.api]\nscript = \"app.js\"\nenv = { \"A=B\" = \"1\" }\n",
	"[apps.api]\nscript = \"app.js\"\n[apps.api.env.production]\nA = [1]\n",
	"[apps.api]\nscript = \"app.js\"\nenv_production = { A = { B = 1 } }\n",
	"[apps.api]\nscript = \"app.js\"\nenv_flie = \".env\"\n",
	"[apps.api]\nscript = \"app.js\"\nenv_production = 3\n",
	"[apps.api]\nscript = \"app.js\"\nenv_ = { A = 1 }\n",
	"[apps.api]\nscript = \"app.js\"\nenv.\"a=b\" = { A = 1 }\n",
	"[apps.api]\nscript = \"app.js\"\nenv_profiles = 3\n",
	"[apps.api]\nscript = \"app.js\"\nenv_profiles = { A = \"1\" }\n",
	"[apps.api]\nscript = \"app.js\"\nenv_profiles.live = { A = [1] }\n",
	"[apps.api]\nscript = \"app.js\"\nenv_file = { path = \".env\", optonal = true }\n",
	"[apps.api]\nscript = \"app.js\"\nenv_file = { path = 3 }\n",
	"[apps.api]\nscript = \"app.js\"\nenv_file = { optional = true }\n",
	"[apps.api]\nscript = \"app.js\"\nenv_file = { path = \".env\", optional = \"yes\" }\n",
	"[apps.api]\nscript = \"app.js\"\nenv_file = \"?\"\n",
	"[apps.api]\nscript = \"app.js\"\nenv_file = \"?bad.env\"\n",
	"[apps.api]\nscript = \"app.js\"\ncwd = \"${NOWHERE}/x\"\n",
	"[apps.api]\nscript = \"app.js\"\nargs = [\"a\", \"${NOWHERE}\"]\n",
	"[apps.api]\nscript = \"app.js\"\nenv = { A = \"${LANG\" }\n",
	"[apps.api]\nscript = \"app.js\"\nenv.A = \"${LANG:?no}\"\n",
	"[apps.api]\nscript = \"${NOWHERE}\"\n",
	"[apps.api]\nscript = \"app.js\"\nkill_timeout = \"${LANG}\"\n",
	"[defaults]\nnamespace = \"${NOWHERE}\"\n[apps.api]\nscript = \"app.js\"\n",
	"include = 3\n",
	"include = [\"none.toml\"]\n",
	"include = [\"none/*.toml\"]\n",
	"include = \"[\"\n",
	"include = \"\"\n",
	"include = [\"a.toml\", 4]\n",
	"include = \"velos.toml\"\n",
	"include = \"parts/round.toml\"\n",
	"include = \"parts/bad.toml\"\n",
	"include = \"parts/lost.toml\"\n",
	"include = \"parts/*.toml\"\n[apps.twin]\nscript = \"app.js\"\n",
	"include = \"parts/need.toml\"\n",
	"includes = \"parts/need.toml\"\n",
	"[apps.api]\nscript = \"app.js\"\nenv_file = \"none.env\"\n",
	"[apps.api]\nscript = \"app.js\"\nenv_file = \"bad.env\"\n",
	"[apps.api]\nscript = \"app.js\"\nenv_file = 3\n",
	"[apps.api]\nscript = \"app.js\"\nincrement_var = \"PORT\"\n",
	"[apps.api]\nscript = \"app.js\"\nenv.PORT = \"http\"\nincrement_var = \"PORT\"\n",
	"[apps.api]\nscript = \"app.js\"\nautostart = \"no\"\n",
	"[apps.api]\nscript = \"app.js\"\nautorestart = \"allways\"\n",
	"[apps.api]\nscript = \"app.js\"\nautorestart = 1\n",
	"[apps.api]\nscript = \"app.js\"\nstop_exit_codes = [256]\n",
	"[apps.api]\nscript = \"app.js\"\nstop_exit_codes = [\"0\"]\n",
	"[apps.api]\nscript = \"app.js\"\nmax_restarts = \"3\"\n",
	"[apps.api]\nscript = \"app.js\"\nmax_restarts = -5\n",
	"[apps.api]\nscript = \"app.js\"\nmax_restarts = 99999999999999999999\n",
	"[apps.api]\nscript = \"app.js\"\nmin_uptime = \"soon\"\n",
	"[apps.api]\nscript = \"app.js\"\nmin_uptime = \"2d\"\n",
	"[apps.api]\nscript = \"app.js\"\nkill_timeout = true\n",
	"[apps.api]\nscript = \"app.js\"\nrestart_delay = 1.5\n",
	"[apps.api]\nscript = \"app.js\"\nstop_signal = \"SIGTRM\"\n",
	"[apps.api]\nscript = \"app.js\"\nstop_signal = 99\n",
	"[apps.api]\nscript = \"app.js\"\nlog_file = \"src\"\n",
	"[apps.api]\nscript = \"app.js\"\nmerge_logs = 1\n",
	"[apps.api]\nscript = \"app.js\"\nmax_log_size = \"ten\"\n",
	"[apps.api]\nscript = \"app.js\"\nmax_log_size = 0\n",
	"[apps.api]\nscript = \"app.js\"\nmax_log_files = 0\n",
	"[apps.api]\nscript = \"app.js\"\nnamespace = \"a b\"\n",
	"[apps.api]\nscript = \"app.js\"\nmax_memory = \"1X\"\n",
	"[apps.api]\nscript = \"app.js\"\nmax_memory = 150\n",
	"[apps.api]\nscript = \"app.js\"\nwatch = 1\n",
	"[apps.api]\nscript = \"app.js\"\nwatch = [true]\n",
	"[apps.api]\nscript = \"app.js\"\nwatch_ignore = \"\"\n",
	"[apps.api]\nscript = \"app.js\"\npre_start = 3\n",
	"[apps.api]\nscript = \"app.js\"\npre_start = \"a && b\"\n",
	"[apps.api]\nscript = \"app.js\"\npre_start = []\n",
	"[apps.api]\nscript = \"app.js\"\npre_stop = { cmd = \"x\" }\n",
	"[apps.api]\nscript = \"app.js\"\non_crash = { timeout = \"5s\" }\n",
	"[apps.api]\nscript = \"app.js\"\non_crash = { command = [\"a\", \"b\"], shell = true }\n",
	"[apps.api]\nscript = \"app.js\"\npost_start = { command = \"npm\", timeout = \"2d\" }\n",
	"[apps.api]\nscript = \"app.js\"\npost_start = [\"./no/such.sh\"]\n",
	"[apps.api]\nscript = \"app.js\"\npre_strat = \"npm\"\n",
	"[apps.api]\nscript = \"app.js\"\nwatch_delay = \"soon\"\n",
	"[apps.api]\nscript = \"app.js\"\nignore_watch = \"tmp\"\n",
	"[apps.api]\nscript = \"app.js\"\ncron_restart = \"0 25 * * *\"\n",
	"[apps.api]\nscript = \"app.js\"\ncron_restart = \"TZ=UTC 0 0 30 FEB *\"\n",
	"[apps.api]\nscript = \"app.js\"\ncron_restart = \"\\u0030 25 * * *\"\n",
	"[apps.api]\nscript = \"app.js\"\ncron_restart = 5\n",
	"[apps.api]\nscript = \"app.js\"\nschedule = \"* * *\"\n",
	"[apps.api]\nscript = \"app.js\"\nschedule = \"@daily\"\nautorestart = true\n",
	"[apps.api]\nscript = \"app.js\"\nschedule = \"@daily\"\noverlap = \"qeue\"\n",
	"[apps.api]\nscript = \"app.js\"\noverlap = \"skip\"\n",
	"[apps.api]\nscript = \"app.js\"\nwait_ready = \"yes\"\n",
	"[apps.api]\nscript = \"app.js\"\nwait_ready = true\nready = { http = \"/\" }\nenv.PORT = 1\n",
	"[apps.api]\nscript = \"app.js\"\nlisten_timeout = \"soon\"\n",
	"[apps.api]\nscript = \"app.js\"\nwatchdog = -1\n",
	"[apps.api]\nscript = \"app.js\"\nlisten = true\n",
	"[apps.api]\nscript = \"app.js\"\nlisten = [[\"a\"]]\n",
	"[apps.api]\nscript = \"app.js\"\nlisten = \"tcp://8080\"\n",
	"[apps.api]\nscript = \"app.js\"\nlisten = \"8o80\"\n",
	"[apps.api]\nscript = \"app.js\"\nlisten = \"tcp://:99999\"\n",
	"[apps.api]\nscript = \"app.js\"\nlisten = [\":80\", \"80\"]\n",
	"[apps.api]\nscript = \"app.js\"\nlisten = \"http://:8080\"\n",
	"[apps.api]\nscript = \"app.js\"\nlisten = \"::1:8080\"\n",
	"[apps.api]\nscript = \"app.js\"\nlisten = \"nohost:8080\"\n",
	"[apps.api]\nscript = \"app.js\"\nlisten = \"unix:\"\n",
	"[apps.api]\nscript = \"app.js\"\nlisten = \"unix:@abstract\"\n",
	"[apps.api]\nscript = \"app.js\"\nlisten_reuseport = true\n",
	"[apps.api]\nscript = \"app.js\"\nready = \"/health\"\n",
	"[apps.api]\nscript = \"app.js\"\nready = { }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { htp = \"/health\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { url = \"/health\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { http = \"/health\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { http = \"http://127.0.0.1:3000/\", log = \"up\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { http = \"http://127.0.0.1:3000/\", start_period = 1 }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { http = \"https://127.0.0.1:3000/\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { http = \"127.0.0.1:3000/\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { http = \"http://example.com/\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { http = \"http://127.0.0.1:http/\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { http = \"http://127.0.0.1:$PROT/\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { http = \"http://127.0.0.1:80/a b\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { tcp = \"db:5432\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { tcp = 0 }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { tcp = \"$\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { tcp = \"${PROT}\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { tcp = \"[fe80::1%eth0]:80\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { exec = [\"sh\", \"-c\", \"echo $WHAT\"] }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { http = \"http://a:b@127.0.0.1/\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { exec = \"nosuch --check\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { exec = \"./notes.txt\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { exec = \"curl x | grep ok\" }\n",
	"[apps.api]\nscript = \"app.js\"\nready = { exec = 3 }\n",
	"[apps.api]\nscript = \"app.js\"\n[apps.api.health]\nlog = \"up\"\n",
	"[apps.api]\nscript = \"app.js\"\n[apps.api.health]\ntcp = 3000\nintervall = 5\n",
	"[apps.api]\nscript = \"app.js\"\n[apps.api.health]\ntcp = 3000\ninterval = \"soon\"\n",
	"[apps.api]\nscript = \"app.js\"\n[apps.api.health]\ntcp = 3000\nretries = -1\n",
	"[apps.api]\nscript = \"app.js\"\n[apps.api.health]\ntcp = 3000\ntimeout = \"2d\"\n",
	"[apps.api]\nscript = \"app.js\"\nshutdown_with_message = 1\n",
	"[apps.api]\nscript = \"app.js\"\nshutdown_message = \"shutdown\"\n",
	"[apps.api]\nscript = \"app.js\"\nshutdown_with_message = true\nshutdown_message = \"{type:1}\"\n",
	"[apps.api]\nscript = \"app.js\"\nshutdown_with_message = true\nshutdown_message = { type = \"x\" }\n",
	"[apps.api]\nscript = \"app.js\"\ndepends_on = 3\n",
	"[apps.api]\nscript = \"app.js\"\ndepends_on = [3]\n",
	"[apps.api]\nscript = \"app.js\"\ndepends_on = [\"api\"]\n",
	"[apps.api]\nscript = \"app.js\"\ndepends_on = [\"a b\"]\n",
	"[apps.api]\nscript = \"app.js\"\ndepends_on = [\"db\", \"db\"]\n",
	"[apps.api]\nscript = \"app.js\"\ndepends_on = [{ condition = \"ready\" }]\n",
	"[apps.api]\nscript = \"app.js\"\ndepends_on = [{ name = \"db\", condition = \"helthy\" }]\n",
	"[apps.api]\nscript = \"app.js\"\ndepends_on = [{ name = \"db\", when = \"ready\" }]\n",
	"[apps.api]\nscript = \"app.js\"\ndepends_on = [{ name = 3 }]\n",
	"[apps.api]\nscript = \"app.js\"\ndepends_on = [{ name = \"db\", condition = \"healthy\" }]\n[apps.db]\nscript = \"run.sh\"\n",
	"[apps.api]\nscript = \"app.js\"\ndepends_on = [{ name = \"db\", condition = \"exited_ok\" }]\n[apps.db]\nscript = \"run.sh\"\n",
	"[apps.api]\nscript = \"app.js\"\ndepends_on = [\"db\"]\n[apps.db]\nscript = \"run.sh\"\ndepends_on = [\"cache\"]\n[apps.cache]\nscript = \"run.sh\"\ndepends_on = [\"db\"]\n",
	"[apps.api]\nscript = \"app.js\"\nuser = \"no such user\"\n",
	"[apps.api]\nscript = \"app.js\"\nuser = true\n",
	"[apps.api]\nscript = \"app.js\"\nuser = 987654321\n",
	"[apps.api]\nscript = \"app.js\"\ngroup = \"no such group\"\n",
	"[apps.api]\nscript = \"app.js\"\numask = 22\n",
	"[apps.api]\nscript = \"app.js\"\numask = \"089\"\n",
	"[apps.api]\nscript = \"app.js\"\nnice = 20\n",
	"[apps.api]\nscript = \"app.js\"\nlimits = 3\n",
	"[apps.api]\nscript = \"app.js\"\nlimits = { nofiles = 3 }\n",
	"[apps.api]\nscript = \"app.js\"\nlimits = { nofile = \"many\" }\n",
	"[apps.api]\nscript = \"app.js\"\n[apps.api.limits]\nnofile = \"4096:1024\"\n",
	"[apps.api]\r\nscript = \"app.js\"\r\ninstnces = 2\r\n",
	"[apps.api]\nscript = \"app.js\"\nenv = { Ä = \"1\" }\n",
	"[apps.api]\nscript = \"app\\u0000.js\"\n",
	"[apps.api]\nscript = \"app.js\"\nargs = [\"\\u0000\"]\n",
	"[apps.api]\nscript = \"app.js\"\n\xff = 1\n",
}

func TestBadFilesAreRefusedWithTheirPlace(t *testing.T) {
	dir, env := project(t)
	for name, body := range map[string]string{
		"round.toml": "include = \"../velos.toml\"\n", "bad.toml": "[apps.b]\nscript = \"../app.js\"\n  instnces = 2\n", "lost.toml": "\n[apps.l]\nscript = \"gone.js\"\n",
		"need.toml": "[apps.n]\nscript = \"../app.js\"\ndepends_on = \"n\"\n", "again.toml": "[apps.Twin]\nscript = \"../app.js\"\n",
	} {
		write(t, filepath.Join(dir, "parts", name), body, 0o644)
	}
	var b strings.Builder
	for _, c := range badConfigs {
		write(t, filepath.Join(dir, "velos.toml"), c, 0o644)
		f, err := Load("velos.toml", env)
		if err == nil {
			t.Errorf("no error for\n%s", c)
			continue
		}
		if f != nil {
			t.Errorf("specs came with an error for\n%s", c)
		}
		message := strings.ReplaceAll(err.Error(), dir, "/project")
		b.WriteString("--- " + strings.ReplaceAll(strings.TrimSpace(strings.ToValidUTF8(c, "?")), "\n", "\n  | ") + "\n")
		b.WriteString(velos.CodeOf(err).String() + ": " + message + "\nhint: " + strings.ReplaceAll(velos.HintOf(err), dir, "/project") + "\n\n")
		if velos.HintOf(err) == "" {
			t.Errorf("no hint: %v", err)
		}
	}
	golden(t, "testdata/bad.golden", strings.ReplaceAll(b.String(), "\r", ""))
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		write(t, path, got, 0o644)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs; run with -update and read the difference. got:\n%s", path, got)
	}
}
