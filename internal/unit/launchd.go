package unit

import (
	"encoding/xml"
	"strconv"
	"strings"
)

// prefix makes labels that nobody else uses.
const prefix = "io.github.velospm."

// launchd writes a property list. AbandonProcessGroup leaves the programs
// alone when velosd dies; it is started again unless it ended with code 0.
// A shell opens the log: launchd makes no directories, and would open it as
// root.
func launchd(f Facts) Service {
	label := prefix + f.Name
	var b strings.Builder
	b.WriteString(xml.Header + "<!-- " + marked(f.Home) + " -->\n" +
		`<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n" +
		`<plist version="1.0">` + "\n<dict>\n")
	put := func(indent, key, value string) {
		b.WriteString(indent + "<key>" + escape(key) + "</key>\n" + indent + value + "\n")
	}
	text := func(s string) string { return "<string>" + escape(s) + "</string>" }
	put("\t", "Label", text(label))
	b.WriteString("\t<key>ProgramArguments</key>\n\t<array>\n")
	for _, w := range append([]string{"/bin/sh"}, launcher(f)...) {
		b.WriteString("\t\t" + text(w) + "\n")
	}
	b.WriteString("\t</array>\n")
	if f.System {
		put("\t", "UserName", text(f.User))
	}
	put("\t", "RunAtLoad", "<true/>")
	put("\t", "KeepAlive", "<dict>\n\t\t<key>SuccessfulExit</key>\n\t\t<false/>\n\t</dict>")
	put("\t", "AbandonProcessGroup", "<true/>")
	put("\t", "ExitTimeOut", "<integer>90</integer>")
	b.WriteString("</dict>\n</plist>\n")
	path, domain := f.UserHome+"/Library/LaunchAgents/", "gui/"+strconv.Itoa(f.UID)
	if f.System {
		path, domain = "/Library/LaunchDaemons/", "system"
	}
	path += label + ".plist"
	return Service{
		Files:   []File{{path, 0o644, b.String()}},
		Enable:  [][]string{{"launchctl", "enable", domain + "/" + label}},
		Disable: [][]string{{"launchctl", "disable", domain + "/" + label}},
		Start:   []string{"launchctl", "bootstrap", domain, path},
	}
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
