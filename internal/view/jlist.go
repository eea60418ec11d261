package view

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// processPM2 is one process as readers of PM2's jlist know it, as far as there
// are such facts here.
type processPM2 struct {
	PID   int      `json:"pid"`
	Name  string   `json:"name"`
	Env   envPM2   `json:"pm2_env"`
	ID    uint32   `json:"pm_id"` // the app's: what commands take
	Usage usagePM2 `json:"monit"`
}

type usagePM2 struct {
	Memory int64   `json:"memory"`
	CPU    float64 `json:"cpu"`
}

type envPM2 struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	ID          uint32            `json:"pm_id"`
	Instance    int               `json:"NODE_APP_INSTANCE"`
	Status      string            `json:"status"`
	ExitCode    *int              `json:"exit_code,omitempty"`
	Mode        string            `json:"exec_mode"`
	Instances   int               `json:"instances"`
	Path        string            `json:"pm_exec_path"`
	Args        []string          `json:"args"`
	Interpreter string            `json:"exec_interpreter"`
	NodeArgs    []string          `json:"node_args"`
	Cwd         string            `json:"pm_cwd"`
	Out         string            `json:"pm_out_log_path"`
	Err         string            `json:"pm_err_log_path"`
	MergeLogs   bool              `json:"merge_logs"`
	Autorestart bool              `json:"autorestart"`
	Autostart   bool              `json:"autostart"`
	Log         string            `json:"pm_log_path,omitempty"`
	DateFormat  string            `json:"log_date_format,omitempty"`
	Watch       any               `json:"watch"` // true or false, or the paths
	Ignore      []string          `json:"ignore_watch,omitempty"`
	Cron        string            `json:"cron_restart,omitempty"`
	MaxMemory   int64             `json:"max_memory_restart,omitempty"`
	MaxRestarts int               `json:"max_restarts"`
	MinUptime   velos.Millis      `json:"min_uptime"`
	Delay       velos.Millis      `json:"restart_delay"`
	Backoff     velos.Millis      `json:"exp_backoff_restart_delay,omitempty"`
	StopCodes   []int64           `json:"stop_exit_codes,omitempty"`
	KillTimeout velos.Millis      `json:"kill_timeout"`
	Listen      velos.Millis      `json:"listen_timeout,omitempty"`
	WaitReady   bool              `json:"wait_ready"`
	Message     bool              `json:"shutdown_with_message"`
	User        string            `json:"uid,omitempty"`
	Group       string            `json:"gid,omitempty"`
	Counter     string            `json:"increment_var,omitempty"`
	Uptime      velos.Time        `json:"pm_uptime"` // when the run began
	Created     velos.Time        `json:"created_at"`
	Restarts    int               `json:"restart_time"`
	Unstable    int               `json:"unstable_restarts"`
	Monitors    map[string]string `json:"axm_monitor"` // nothing is put into programs
	Environment map[string]string `json:"env"`
}

// JList shows processes as PM2's jlist does: on one line, or spread like its
// prettylist, which is no JSON.
func JList(w io.Writer, apps []velos.App, pretty bool) error {
	list := []processPM2{}
	for i := range apps {
		a := MaskOf(&apps[i]).App(&apps[i])
		for j := range a.Instances {
			list = append(list, processOf(&a, &a.Instances[j]))
		}
	}
	text := encode(list)
	if pretty {
		text = inspect(text)
	}
	_, err := w.Write(append(text, '\n'))
	return err
}

func processOf(a *velos.App, in *velos.Instance) processPM2 {
	sp := &a.Spec
	e := envPM2{Name: sp.Name, Namespace: sp.Namespace, ID: a.ID, Instance: in.Inst, Status: statusPM2(in.Status), Mode: string(sp.Mode) + "_mode",
		Instances: len(a.Instances), Path: sp.Script, Args: sp.Args, Interpreter: sp.Interpreter, NodeArgs: sp.InterpreterArgs, Cwd: sp.Cwd,
		Out: a.Log.Out, Err: a.Log.Err, MergeLogs: sp.MergeLogs, Autorestart: sp.Autorestart != velos.Never, Autostart: sp.Autostart,
		Log: sp.LogFile, DateFormat: sp.LogDateFormat, Watch: sp.Watch, Ignore: sp.WatchIgnore, Cron: sp.CronRestart, MaxMemory: sp.MaxMemory,
		MaxRestarts: sp.MaxRestarts, MinUptime: sp.MinUptime, Delay: sp.RestartDelay, Backoff: sp.ExpBackoffRestartDelay, StopCodes: sp.StopExitCodes,
		KillTimeout: sp.KillTimeout, Listen: sp.ListenTimeout, WaitReady: sp.WaitReady, Message: sp.ShutdownWithMessage, User: sp.User, Group: sp.Group,
		Counter: sp.IncrementVar, Uptime: in.Started, Created: a.Created, Restarts: in.Restarts, Unstable: in.Strikes,
		Monitors: map[string]string{}, Environment: counted(sp, in.Inst)}
	if sp.Watch && len(sp.WatchPaths) > 0 {
		e.Watch = sp.WatchPaths
	}
	if e.Interpreter == "" {
		e.Interpreter = "none"
	}
	if x := in.LastExit; x != nil && x.Signal == "" && !x.Unknown && x.Error == "" {
		e.ExitCode = &x.Code
	}
	for _, list := range []*[]string{&e.Args, &e.NodeArgs} {
		if *list == nil {
			*list = []string{}
		}
	}
	return processPM2{PID: in.PID, Name: sp.Name, Env: e, ID: a.ID, Usage: usagePM2{in.Usage.Memory, in.Usage.CPU}}
}

// counted are the variables of one instance.
func counted(sp *velos.Spec, inst int) map[string]string {
	env := maps.Clone(sp.Env)
	if env == nil {
		env = map[string]string{}
	}
	counter := sp.Counter()
	if n, err := strconv.Atoi(env[counter]); err == nil {
		env[counter] = strconv.Itoa(n + inst)
	}
	return env
}

// MarshalJSON puts the variables beside the fields, too, where PM2 has them
// and jq looks for .pm2_env.PORT. A field goes before a variable of its name.
func (e envPM2) MarshalJSON() ([]byte, error) {
	type fields envPM2
	b := encode(fields(e))
	var taken map[string]json.RawMessage
	if err := json.Unmarshal(b, &taken); err != nil {
		return nil, err
	}
	b = b[:len(b)-1]
	for _, k := range slices.Sorted(maps.Keys(e.Environment)) {
		if _, is := taken[k]; !is {
			b = append(append(append(append(b, ','), encode(k)...), ':'), encode(e.Environment[k])...)
		}
	}
	return append(b, '}'), nil
}

// statusPM2 is a status in PM2's words.
func statusPM2(s velos.Status) string {
	switch s {
	case velos.Starting:
		return "launching"
	case velos.WaitingRestart:
		return "waiting restart"
	}
	return string(s)
}

// inspected is how wide a list or an object on one line may be.
const inspected = 72

// inspect writes JSON as node shows a value: keys bare, texts in single quotes.
func inspect(text []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return []byte(inspectValue(d, ""))
}

func inspectValue(d *json.Decoder, indent string) string {
	t, err := d.Token()
	if err != nil {
		return ""
	}
	switch t := t.(type) {
	case json.Delim:
		return inspectAll(d, indent, t == '{')
	case string:
		return singleQuoted(t)
	case json.Number:
		return t.String()
	case bool:
		if t {
			return "true"
		}
		return "false"
	}
	return "null"
}

// inspectAll shows what is between brackets or braces: on one line where it
// is short and nothing nests.
func inspectAll(d *json.Decoder, indent string, object bool) string {
	open, end := "[", "]"
	if object {
		open, end = "{", "}"
	}
	var parts []string
	nested, width := false, 0
	for d.More() {
		part := ""
		if object {
			key, err := d.Token()
			if err != nil {
				return ""
			}
			part = bareKey(key.(string)) + ": "
		}
		part += inspectValue(d, indent+"  ")
		nested = nested || strings.ContainsAny(part, "\n{")
		width += len(part) + 2
		parts = append(parts, part)
	}
	if _, err := d.Token(); err != nil || len(parts) == 0 {
		return open + end
	}
	if !nested && width <= inspected {
		return open + " " + strings.Join(parts, ", ") + " " + end
	}
	return open + "\n" + indent + "  " + strings.Join(parts, ",\n"+indent+"  ") + "\n" + indent + end
}

// bareKey is a key, quoted where it is no name of JavaScript.
func bareKey(s string) string {
	for i, r := range s {
		if r != '_' && r != '$' && (r|0x20 < 'a' || r|0x20 > 'z') && (i == 0 || r < '0' || r > '9') {
			return singleQuoted(s)
		}
	}
	if s == "" {
		return "''"
	}
	return s
}

// singleQuoted is a text as JavaScript has it. What could act on a terminal is
// escaped.
func singleQuoted(s string) string {
	b := encode(s)
	in := strings.ReplaceAll(string(b[1:len(b)-1]), `\"`, `"`)
	return "'" + strings.ReplaceAll(in, "'", `\'`) + "'"
}
