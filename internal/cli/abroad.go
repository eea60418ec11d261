package cli

// What people who come from PM2 type, and what does it here.

const (
	insteadList    = "here it is: velos list --json"
	insteadUpgrade = "here it is: velos daemon upgrade; what has changed in a configuration file: velos apply"
	insteadApply   = "here it is: velos diff shows what has changed in a configuration file, velos apply makes it so"
	insteadFile    = "here it is: velos init; velos import makes a velos.toml of another manager's file"
	insteadLogs    = "nothing is needed: logs are rotated by themselves, see velos start --help"
	noModules      = "PM2 has this; Velos has no modules and no settings of its own"
	noService      = "PM2 has this for its web service; Velos has none"
	insteadWeb     = "PM2 has this for its paid web service; here it is a page of this machine: velos web"
	noDeploy       = "PM2 has this; Velos starts what is there and fetches nothing"
	noPatch        = "PM2 has this; Velos looks at programs from outside"
	later          = "not yet in this version of velos"
)

// abroad are commands of PM2 that have another name here, or none: what to do
// instead.
var abroad = map[string]string{
	"slist": insteadList, "sysmonit": insteadList, "sysinfos": insteadList, "sysinfo": insteadList,
	"imonit": "here it is: velos monit", "report": "here it is: velos doctor, and velos info all",
	"update": insteadUpgrade, "updatePM2": insteadUpgrade, "deepUpdate": insteadUpgrade,
	"create": insteadFile, "generate": insteadFile, "examples": "velos start --help has some",
	"logrotate": insteadLogs, "up": "here it is: velos start FILE.toml", "down": "here it is: velos stop all",
	"rm": "here it is: velos delete", "remove": "here it is: velos delete", "add": insteadApply, "reread": insteadApply, "avail": insteadApply, "cleardump": "here it is: rm saved.json in VELOS_HOME; a crash or a reboot brings back what ran without it",
	"tail": "here it is: velos logs NAME, with -f to follow", "fg": "here it is: velos logs -f NAME; programs have no terminal", "clear": "here it is: velos flush NAME",
	"maintail": "here it is: daemon.log in VELOS_HOME, and velos events", "shutdown": "here it is: velos kill", "dev": "here it is: velos runtime SCRIPT --watch",
	"process": "here it is: velos list, start, stop, restart, logs and scale", "project": "here it is: velos list, and velos apply for what has changed in a file", "attach": "here it is: velos logs -f NAME",
	"unmonitor": noService, "monitor": insteadWeb, "link": insteadWeb, "unlink": noService, "plus": insteadWeb, "login": noService, "logout": noService,
	"register": noService, "open": insteadWeb, "install": noModules, "uninstall": noModules, "module:update": noModules, "module:generate": noModules,
	"module:install": noModules, "module:uninstall": noModules, "module:publish": noModules, "module:list": noModules, "publish": noModules, "package": noModules, "autoinstall": noModules, "set": noModules, "multiset": noModules, "get": noModules,
	"conf": noModules, "unset": noModules, "deploy": noDeploy, "pull": noDeploy, "forward": noDeploy, "backward": noDeploy,
	"trigger": noPatch, "inspect": noPatch, "profile:cpu": noPatch, "profile:mem": noPatch, "send": "PM2 has this; " + later, "install-otel": noPatch, "uninstall-otel": noPatch,
}

// abroadFlags are flags of PM2 that are none here: what to do instead.
var abroadFlags = map[string]string{
	"pid": "velos pid NAME prints it", "parallel": "leave it out: apps start side by side", "no-watch": "velos config set NAME watch=false",
	"filter-env": "apps of a velos.toml get few variables of the shell", "trace": noPatch, "v8": noPatch, "deep-monitoring": noPatch, "event-loop-inspector": noPatch,
	"ext": "--ignore-watch leaves files out", "write": "write a velos.toml",
	"user": "run velos startup as that user", "hp": "set VELOS_HOME", "service-name": "--name", "wait-ip": "leave it out; apps are started again until they find their network",
	"secret": noService, "public": noService, "machine-name": noService, "web": "here it is: velos api",
	"auto-exit": "leave it out: velos runtime ends when the last app is done", "no-auto-exit": "velos start keeps the daemon; velos runtime ends when the last app is done",
	"format": "--json has every field", "ftp": "directories are not listed", "monitor": noService, "highlight": "--grep shows the lines that match", "container": noDeploy,
}
