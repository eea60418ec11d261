#!/bin/sh
# Shows what Velos does, with the three programs of velos.toml: brings them up, kills one, shows that it
# came back and why, shows the logs, stops everything. Takes a few seconds, asks nothing, leaves nothing behind.
#
#   make demo                 build, then this
#   KEEP=1 make demo          leave the daemon and the programs running, to look around
#   VELOS_DEMO_HOME=DIR       keep files there instead of in a temporary directory
set -eu

# A home of its own: what runs under ~/.velos is not touched.
if [ -n "${VELOS_DEMO_HOME:-}" ]; then
	mkdir -p "$VELOS_DEMO_HOME"
	VELOS_HOME=$(cd "$VELOS_DEMO_HOME" && pwd)
	temporary=
else
	VELOS_HOME=$(mktemp -d "${TMPDIR:-/tmp}/velos-demo.XXXXXX")
	temporary=$VELOS_HOME
fi
export VELOS_HOME

cd "$(dirname "$0")/.."
root=$(pwd)
bin=$root/bin

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

# run shows a command as one would type it, then does it.
run() {
	printf '\n$ velos %s\n' "$*"
	velos "$@"
}

if [ ! -x "$bin/velos" ] || [ ! -x "$bin/velosd" ]; then
	make build
fi
PATH=$bin:$PATH
export PATH

# clean ends the daemon and what it runs, however the script ends.
clean() {
	code=$?
	set +e
	trap - EXIT
	trap '' INT TERM HUP PIPE
	if [ "$code" -ne 0 ] && [ -s "$VELOS_HOME/logs/daemon.log" ]; then
		printf '\nthe demo ended early; the daemon said:\n' >&2
		tail -n 20 "$VELOS_HOME/logs/daemon.log" >&2
	fi
	if [ -n "${KEEP:-}" ] && [ "$code" -eq 0 ]; then
		exit 0
	fi
	if velos ping >/dev/null 2>&1; then
		velos kill >/dev/null || code=1
	fi
	[ -z "$temporary" ] || rm -rf "$temporary"
	exit "$code"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
trap 'exit 141' PIPE

# What can run here? sh is always there.
scripts=examples/apps/clock.sh
skipped=
skip() {
	skipped=yes
	echo "skipped: $1, because $2 is not installed"
}
if command -v python3 >/dev/null 2>&1; then scripts="examples/apps/worker.py $scripts"; else skip worker python3; fi
if command -v node >/dev/null 2>&1; then scripts="examples/apps/server.js $scripts"; else skip api node; fi

# pid prints the process id of an app while it is online, else nothing.
pid() {
	velos list "$1" | awk '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["status"] == "online" { print $at["pid"] }'
}

say "1. Bring up what examples/velos.toml describes. The answer comes when all of it runs."
if [ -z "$skipped" ]; then
	run start --config examples/velos.toml
	victim=api
else # a file is taken as a whole; what can run here is started by its script
	# shellcheck disable=SC2086
	run start $scripts --namespace demo --min-uptime 500ms
	victim=clock
fi
run list

say "2. Kill $victim the hard way. It is started again."
old=$(pid "$victim")
printf '\n$ kill -9 %s\n' "$old"
kill -9 "$old"
new=$old
tries=0
while [ -z "$new" ] || [ "$new" = "$old" ]; do
	tries=$((tries + 1))
	if [ "$tries" -gt 100 ]; then
		echo "$victim did not come back within 10 s" >&2
		exit 1
	fi
	sleep 0.1
	new=$(pid "$victim")
done
run list
run why "$victim"

say "3. What they wrote: all together, in time order, then the newest lines of one, with the time.
   A ! before a line means that it was written to stderr."
run logs -n 12
run logs "$victim" -n 3 --timestamp

say "4. What happened, and who asked for it."
run events "$victim" -n 8

if [ -n "${KEEP:-}" ]; then
	say "All of it keeps running. To look around, and to end it:"
	echo "  export VELOS_HOME=$VELOS_HOME PATH=$bin:\$PATH"
	echo "  velos list"
	echo "  velos kill"
	exit 0
fi

say "5. Stop one, then all, then the daemon. A stopped app stays known; velos start NAME starts it again."
run stop "$victim"
run list
run kill

say "That was all. KEEP=1 make demo leaves it running; README.md says more."
