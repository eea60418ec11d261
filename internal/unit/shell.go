package unit

import "strings"

// launch is what the shell does as velosd's user: the log is opened by the
// one who owns it, not by root, and the mask of the programs is not touched.
const launch = `(umask 077; mkdir -p "$1/logs"; : >>"$1/logs/daemon.log"); ` +
	`export VELOS_HOME="$1" PATH="$2" HOME="$3" GOMAXPROCS=1; cd /; exec "$0" 2>>"$1/logs/daemon.log"`

// launcher is what the shell gets to do that.
func launcher(f Facts) []string {
	home := f.UserHome
	if home == "" {
		home = "/"
	}
	return []string{"-c", launch, f.Velosd, f.Home, f.Path, home}
}

// shell is launcher as words of a script.
func shell(f Facts) string {
	var b strings.Builder
	for _, w := range launcher(f) {
		b.WriteString(" \\\n\t\t" + Word(w))
	}
	return b.String()[1:]
}

// Word is s as one word of a shell's command line, quoted if need be.
func Word(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,=") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// openrc writes a script that backgrounds velosd: the keeper is supervisor
// enough, and supervise-daemon would start again what velos kill has ended.
func openrc(f Facts) Service {
	pidfile := "/run/" + f.Name + ".pid"
	text := "#!/sbin/openrc-run\n# " + marked(f.Home) + `
description=` + Word(title(f)) + `
extra_started_commands="reload"
pidfile=` + Word(pidfile) + `

depend() {
	need localmount
	after net firewall
}

start() {
	ebegin "Starting $RC_SVCNAME"
	start-stop-daemon --start --background --make-pidfile --pidfile "$pidfile" \
		--user ` + Word(f.User) + ` --exec /bin/sh -- ` + shell(f) + `
	eend $?
}

stop() {
	ebegin "Stopping $RC_SVCNAME"
	start-stop-daemon --stop --pidfile "$pidfile" --user ` + Word(f.User) + ` --retry TERM/120
	eend $?
}

reload() {
	ebegin "Reloading $RC_SVCNAME"
	start-stop-daemon --signal HUP --pidfile "$pidfile" --user ` + Word(f.User) + `
	eend $?
}
`
	return Service{
		Files:   []File{{"/etc/init.d/" + f.Name, 0o755, text}},
		Enable:  [][]string{{"rc-update", "add", f.Name, "default"}},
		Disable: [][]string{{"rc-update", "del", f.Name, "default"}},
		Start:   []string{"rc-service", f.Name, "start"},
	}
}

// busy is how long a service waits that another velosd keeps from starting.
const busy = "sleep 4"

// runit writes a service directory. chpst takes groups by number, and they
// are asked for when the service starts: they change.
func runit(f Facts) Service {
	dir := f.Services + "/" + f.Name
	run := "#!/bin/sh\n# " + marked(f.Home) + `
exec 2>&1
uid=$(id -u ` + Word(f.User) + `) && groups=$(id -G ` + Word(f.User) + ` | tr ' ' ':') || exit 1
exec chpst -u ":$uid:$groups" /bin/sh ` + shell(f) + `
`
	finish := "#!/bin/sh\n# " + marked(f.Home) + `
case $1 in
0) sv down . ;; # velos kill has ended it
9) ` + busy + ` ;; # another velosd has the home
esac
`
	link := f.Scan + "/" + f.Name
	return Service{
		Folder:  dir,
		Files:   []File{{dir + "/run", 0o755, run}, {dir + "/finish", 0o755, finish}},
		Enable:  [][]string{{"ln", "-sfn", dir, link}},
		Disable: [][]string{{"rm", "-f", link}},
	}
}

// s6 writes a service directory that s6-svscan and s6-rc understand. How it is
// switched on differs from one distribution to the next.
func s6(f Facts) Service {
	dir := f.Services + "/" + f.Name
	run := "#!/bin/sh\n# " + marked(f.Home) + `
exec 2>&1
exec s6-setuidgid ` + Word(f.User) + ` /bin/sh ` + shell(f) + `
`
	finish := "#!/bin/sh\n# " + marked(f.Home) + `
case $1 in
0) exit 125 ;; # velos kill has ended it: it stays down
9) ` + busy + ` ;; # another velosd has the home
esac
exit 0
`
	return Service{
		Folder: dir,
		Files:  []File{{dir + "/run", 0o755, run}, {dir + "/finish", 0o755, finish}, {dir + "/type", 0o644, "longrun\n"}},
		Advice: []string{"s6-rc with s6-frontend tools (Artix): s6-service add default " + f.Name + " && s6-db-reload",
			"plain s6: link " + Word(dir) + " into the directory that s6-svscan watches, where it is made at each start of the system"},
	}
}
