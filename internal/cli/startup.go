package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/unit"
)

const startupLong = `Has the daemon started with the system, for the user and VELOS_HOME at hand: writes a service for systemd,
launchd, OpenRC, runit or s6, and switches it on. As root it is a service of the system that runs as the owner of
VELOS_HOME; else one of the user, or the command to run with sudo where there are none. Apps come back as they were.

    velos startup
    velos startup --dry-run            # show the files and commands, change nothing
    sudo env VELOS_HOME=/home/ann/.velos velos startup`

// bootFlags choose a service; startup and unstartup have the same.
type bootFlags struct {
	init         string
	user, system bool
	name         string
	dryRun       bool
}

func (o *bootFlags) flags(f *pflag.FlagSet) {
	f.BoolVar(&o.user, "user", false, "a service of this user")
	f.BoolVar(&o.system, "system", false, "a service of the system; needs root")
	f.StringVar(&o.init, "init", "", "systemd, launchd, openrc, runit or s6; without it, what runs here")
	f.StringVar(&o.name, "name", "", "name of the service, if velos or velos-USER is taken by another VELOS_HOME")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be done")
}

// A boot is one run of startup or unstartup.
type boot struct {
	*session
	bootFlags
	verb    string
	machine unit.Machine
	euid    int

	facts   unit.Facts
	service unit.Service
	running bool // the init system is there to be asked
	answer  bootAnswer
}

type bootAnswer struct {
	Init     string     `json:"init"`
	Name     string     `json:"name"`
	System   bool       `json:"system"`
	User     string     `json:"user"`
	Home     string     `json:"home"`
	DryRun   bool       `json:"dry_run"`
	Files    []bootFile `json:"files"`
	Commands []string   `json:"commands"` // those of the init system
	Ran      bool       `json:"ran"`      // they were run
	Next     []string   `json:"next"`     // what remains to be done by hand
}

type bootFile struct {
	Path string `json:"path"`
	Mode string `json:"mode"`
	Text string `json:"text,omitempty"`
}

func setupStartup(s *session, f *pflag.FlagSet) handler   { return setupBoot(s, f, "startup") }
func setupUnstartup(s *session, f *pflag.FlagSet) handler { return setupBoot(s, f, "unstartup") }

func setupBoot(s *session, f *pflag.FlagSet, verb string) handler {
	b := &boot{session: s, verb: verb, euid: os.Geteuid()}
	b.flags(f)
	return func(ctx context.Context, args []string) error {
		b.machine = s.machine()
		if len(args) > 0 { // as PM2 has it
			b.init = args[0]
		}
		return b.do(ctx)
	}
}

func (b *boot) do(ctx context.Context) error {
	if err := b.plan(); err != nil {
		return err
	}
	switch {
	case b.dryRun:
		return b.show(ctx)
	case b.facts.System && b.euid != 0:
		return &velos.Error{Code: velos.Denied, Message: b.verb + ": a service of the system needs root", Hint: "run: " + b.sudo()}
	case b.verb == "startup":
		return b.install(ctx)
	}
	return b.remove(ctx)
}

// plan finds out what is to be written.
func (b *boot) plan() error {
	if err := b.choose(); err != nil {
		return err
	}
	h, err := b.session.home()
	if err != nil {
		return err
	}
	f := &b.facts
	f.Home, f.UID = h.Dir, b.euid
	if f.System {
		if f.UID, err = ownerOf(h.Dir); err != nil {
			return &velos.Error{Code: velos.Failed, Message: b.verb + ": whose is " + h.Dir + ": " + err.Error(), Cause: err}
		}
	}
	f.User, f.UserHome = account(f.UID)
	if !f.System && b.Vars["HOME"] != "" {
		f.UserHome = b.Vars["HOME"]
	}
	if f.Velosd, err = b.velosd(); err != nil {
		return err
	}
	f.Path = absolute(b.Vars["PATH"])
	f.Config = filepath.Join(f.UserHome, ".config")
	if dir := b.Vars["XDG_CONFIG_HOME"]; filepath.IsAbs(dir) && !f.System {
		f.Config = dir
	}
	f.Services, f.Scan = unit.Places(f.Init, b.machine)
	if f.Name = b.name; f.Name == "" {
		f.Name = unit.NameFor(f.System, f.User)
	}
	if b.service, err = unit.Make(*f); err != nil {
		return err
	}
	commands := b.service.Enable
	if b.verb == "unstartup" {
		commands = b.service.Disable
	}
	b.answer = bootAnswer{Init: string(f.Init), Name: f.Name, System: f.System, User: f.User, Home: f.Home, DryRun: b.dryRun,
		Files: []bootFile{}, Commands: []string{}, Next: []string{}}
	for _, c := range commands {
		b.answer.Commands = append(b.answer.Commands, line(c))
	}
	return nil
}

// choose decides about the init system, and whether the service is the
// user's or the system's.
func (b *boot) choose() error {
	found, running := unit.Detect(b.machine)
	switch {
	case b.machine.OS == "windows":
		return &velos.Error{Code: velos.Unsupported, Message: b.verb + ": not on Windows", Hint: "let the task scheduler run velos list when you log on"}
	case b.user && b.system:
		return invalid("--user and --system exclude each other", "leave one of them out")
	case b.init == "" && found == "":
		return &velos.Error{Code: velos.Unsupported, Message: b.verb + ": none of the init systems known to velos was found",
			Hint: "--init systemd, launchd, openrc, runit or s6, together with --dry-run, shows files to start from"}
	case b.init == "":
		b.facts.Init = found
	default:
		b.facts.Init = unit.Init(strings.ToLower(b.init))
	}
	b.running = running && found == b.facts.Init
	if b.user && !b.facts.Init.ByUser() {
		return &velos.Error{Code: velos.Unsupported, Message: b.verb + ": " + string(b.facts.Init) + " has no services of users", Hint: "use --system, with root"}
	}
	b.facts.System = b.system || !b.user && b.euid == 0 || !b.facts.Init.ByUser()
	return nil
}

// sudo is this command for root.
func (b *boot) sudo() string {
	self, err := os.Executable()
	if err != nil {
		self = "velos"
	}
	words := []string{"sudo", "env", "PATH=" + b.facts.Path, "VELOS_HOME=" + b.facts.Home, self, b.verb, "--system", "--init", string(b.facts.Init)}
	if b.name != "" {
		words = append(words, "--name", b.name)
	}
	return line(words)
}
