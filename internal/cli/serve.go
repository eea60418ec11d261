package cli

import (
	"context"
	"net"
	"os"
	"runtime"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/foreign"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/site"
)

const serveLong = `Keeps a server of the files in a directory running, as an app like any other: the working directory and port 8080
unless said. It lists no directory, follows no link out of it, and hides names that begin with a dot. A file 404.html is what is shown
for one that is not there; with --spa that is the home page. Only this machine can ask, unless --host says otherwise.

    velos serve dist 8080 --spa --name frontend
    velos serve . --host 0.0.0.0 --basic-auth-username me --basic-auth-password secret

The password may also be in the environment, as PM2_SERVE_BASIC_AUTH_PASSWORD, where other users of this machine cannot see it.`

// serveFlags are the flags of serve.
type serveFlags struct {
	waiting
	port                   int
	name, space            string
	host, user, passphrase string
	spa                    bool
}

func setupServe(s *session, f *pflag.FlagSet) handler {
	var o serveFlags
	o.waiting.flags(f)
	f.IntVar(&o.port, "port", site.DefaultPort, "port to listen on, as the second word does")
	f.StringVar(&o.host, "host", "127.0.0.1", "address to listen on; 0.0.0.0 lets other machines ask")
	f.BoolVar(&o.spa, "spa", false, "what is not there is the home page, for an application of one page")
	f.StringVar(&o.user, "basic-auth-username", "", "ask for this name")
	f.StringVar(&o.passphrase, "basic-auth-password", "", "and this password")
	f.StringVarP(&o.name, "name", "n", "", "name of the app; static-page-server-PORT unless given")
	f.StringVar(&o.space, "namespace", "", "namespace of the app")
	return func(ctx context.Context, args []string) error {
		limit, err := o.limit()
		if err != nil {
			return err
		}
		spec, err := s.served(&o, args)
		if err != nil {
			return err
		}
		p := &plan{named: true}
		if p.apps, err = s.apps(ctx); err == nil {
			err = p.script(spec)
		}
		if velos.CodeOf(err) == velos.Conflict {
			return &velos.Error{Code: velos.Conflict, Message: err.Error(), Hint: "velos restart " + quote(spec.Name) + " starts it anew; another directory or port needs another --name", Cause: err}
		}
		if err != nil {
			return err
		}
		return s.carryOut(ctx, []order{s.startOrder(p.steps[0], !o.noWait)}, limit)
	}
}

// served is the app that serves a directory.
func (s *session) served(o *serveFlags, args []string) (*velos.Spec, error) {
	dir := s.Dir
	if len(args) > 0 {
		dir = s.abs(args[0])
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return nil, invalid("serve "+quote(dir)+": is no directory", "usage: velos serve [DIRECTORY] [PORT]")
	}
	if len(args) > 1 {
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return nil, invalid("serve: "+quote(args[1])+" is no port", "usage: velos serve [DIRECTORY] [PORT]")
		}
		o.port = n
	}
	vars := map[string]string{site.PathVar: dir, site.PortVar: strconv.Itoa(o.port), site.HostVar: o.host, site.SPAVar: strconv.FormatBool(o.spa)}
	if o.passphrase == "" && o.user != "" {
		o.passphrase = s.Vars[site.PasswordVar]
	}
	if o.user != "" || o.passphrase != "" {
		vars[site.AuthVar], vars[site.UserVar], vars[site.PasswordVar] = "true", o.user, o.passphrase
	}
	if _, err := site.FromVars(vars); err != nil {
		return nil, invalid("serve: "+err.Error(), "velos serve --help shows the flags")
	}
	if o.name == "" {
		o.name = "static-page-server-" + strconv.Itoa(o.port)
	}
	opts := config.Options{Name: o.name, Namespace: o.space, Cwd: dir, Interpreter: "none", Args: []string{foreign.ServeFiles}}
	if ready := runtime.GOOS == "linux"; ready { // elsewhere there is no way to say it
		opts.WaitReady = &ready
	}
	for k, v := range vars {
		opts.Env = append(opts.Env, k+"="+v)
	}
	env, err := s.environ()
	if err != nil {
		return nil, err
	}
	specs, err := config.FromArgs([]string{ourselves()}, opts, env)
	if err != nil {
		return nil, err
	}
	return &specs[0], nil
}

// ourselves is the path of this program, which an app can run.
func ourselves() string {
	path, err := os.Executable()
	if err != nil {
		return "velos"
	}
	return path
}

// setupServeFiles is what such an app runs. It asks no daemon.
func setupServeFiles(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, _ []string) error {
		files, err := site.FromVars(s.Vars)
		if err == nil {
			err = files.Open()
		}
		if err != nil {
			return &velos.Error{Code: velos.Invalid, Message: "serve: " + err.Error(), Cause: err}
		}
		defer files.Close()
		l, err := net.Listen("tcp", net.JoinHostPort(files.Host, strconv.Itoa(files.Port)))
		if err != nil {
			return &velos.Error{Code: velos.Failed, Message: "serve: " + err.Error(), Hint: "velos ports " + strconv.Itoa(files.Port) + " shows who has the port", Cause: err}
		}
		if err := sayReady(s.Vars["NOTIFY_SOCKET"]); err != nil {
			s.notice("serve: ", err.Error())
		}
		s.Out.Write([]byte("serving " + quote(files.Dir) + " on http://" + l.Addr().String() + "\n"))
		return guard.Serve(ctx, l, files)
	}
}

// sayReady tells the daemon, as programs tell systemd, that the files are there.
func sayReady(socket string) error {
	if socket == "" {
		return nil // started by hand
	}
	c, err := net.Dial("unixgram", socket)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("READY=1"))
	return err
}
