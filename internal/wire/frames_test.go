package wire

import (
	"slices"
	"testing"

	"github.com/velospm/velos"
)

// rest are the frames of the commands that have no longer example, so that each
// has one.
var rest = []struct {
	name  string
	frame []byte
}{
	{"restart", AppendRequest(nil, 11, ProcessRestart, &Restart{Target: All(1), Wait: true})},
	{"list", AppendRequest(nil, 12, ProcessList, nil)},
	{"apps", AppendResponse(nil, 12, OK, &Apps{[]velos.App{{ID: 1, Spec: velos.Spec{Name: "api"}, Generation: 1, Status: velos.Online,
		Instances: []velos.Instance{{Status: velos.Online, Wanted: true, PID: 4712}}}}})},
	{"info", AppendRequest(nil, 13, ProcessInfo, &Target{ID: 1, Inst: -1})},
	{"rename", AppendRequest(nil, 14, ProcessRename, &Rename{ID: 1, Name: "web"})},
	{"signal", AppendRequest(nil, 15, ProcessSignal, &Signal{Target: Target{ID: 1, Inst: 2}, Signal: 10})},
	{"reset", AppendRequest(nil, 16, ProcessReset, &Target{ID: 1, Inst: -1})},
	{"update", AppendRequest(nil, 17, ProcessUpdate, &Update{ID: 1, Spec: velos.Spec{Name: "api", Script: "/srv/api/app.js", Cwd: "/srv/api", Instances: 2}})},
	{"history", AppendRequest(nil, 18, ProcessHistory, &History{ID: 1, Last: 2})},
	{"formers", AppendResponse(nil, 18, OK, &Formers{[]velos.Former{{ID: 1, Generation: 1, Until: 1795449600000, Cause: "reloaded",
		By: velos.Actor{Kind: "user", UID: 1000, User: "anna", Exe: "velos"}, Spec: velos.Spec{Name: "api", Script: "/srv/api/app.js"}}}})},
	{"trash", AppendRequest(nil, 19, ProcessTrash, nil)},
	{"trashed", AppendResponse(nil, 19, OK, &Trash{[]velos.Trashed{{ID: 1, Spec: velos.Spec{Name: "api"}, Running: true, Deleted: 1795449600000, Expires: 1795536000000,
		By: velos.Actor{Kind: "user", UID: 1000, User: "anna", Exe: "velos"}}}})},
	{"restore", AppendRequest(nil, 20, ProcessRestore, &Restore{ID: 1, Start: true, Wait: true})},
	{"log_read", AppendRequest(nil, 21, LogRead, &Logs{ID: 1, Query: velos.Query{Inst: -1, After: 1842}})},
	{"log_search", AppendRequest(nil, 22, LogSearch, &Logs{ID: 1, Query: velos.Query{Inst: 0, Src: velos.Stderr, Since: 1795449600000, Grep: "refused"}})},
	{"log_flush", AppendRequest(nil, 23, LogFlush, &Target{ID: 1, Inst: -1})},
	{"log_reopen", AppendRequest(nil, 24, LogReopen, nil)},
	{"log_minutes", AppendRequest(nil, 25, LogMinutes, &MinutesQuery{ID: 1, Since: 1795446000000, Until: 1795449600000})},
	{"metrics_get", AppendRequest(nil, 26, MetricsGet, &MetricsQuery{})},
	{"metrics", AppendResponse(nil, 26, OK, &Metrics{Time: 1795449600000, Daemon: DaemonMetrics{Uptime: 3_600_000, PID: 4711, RSS: 2_900_000, Anon: 980_000, CPU: 1200,
		Apps: 2, Instances: 3, Clients: 1, Requests: 97, Events: 512}})},
	{"metrics_stream", AppendRequest(nil, 27, MetricsStream, &MetricsQuery{ID: 1, Interval: 1000})},
	{"state_save", AppendRequest(nil, 28, StateSave, nil)},
	{"state_path", AppendResponse(nil, 28, OK, &StatePath{Path: "/home/anna/.velos/state.json", Count: 2})},
	{"state_load", AppendRequest(nil, 29, StateLoad, &StatePath{})},
	{"shutdown", AppendRequest(nil, 30, DaemonShutdown, &Shutdown{Leave: true})},
	{"upgrade", AppendRequest(nil, 31, DaemonUpgrade, &Upgrade{Path: "/usr/local/bin/velosd"})},
	{"approvals", AppendRequest(nil, 32, ApprovalList, nil)},
	{"lease_keep", AppendRequest(nil, 33, LeaseSet, &LeaseWord{ID: 1, Keep: true})},
	{"lease_bind", AppendRequest(nil, 34, LeaseSet, &LeaseWord{ID: 1, Bind: true, TTL: 7_200_000})},
	{"lease_sign", AppendRequestBy(nil, 35, LeaseSet, &LeaseWord{ID: 1}, &Caller{Channel: "mcp", Agent: "claude-code"})},
	{"leased", AppendResponse(nil, 35, OK, &Done{Success: true, App: &velos.App{ID: 1, Status: velos.Online,
		Lease: &velos.Lease{Agent: "claude-code", PID: 4242, Start: 86_400, Grants: []string{"codex"}}}})},
	{"grant", AppendRequest(nil, 36, LeaseGrant, &Grant{ID: 1, Agent: "codex"})},
	{"revoke", AppendRequest(nil, 37, LeaseGrant, &Grant{ID: 1, Agent: velos.AnyAgent, Revoke: true})},
}

func TestEveryCommandHasAGoldenFrame(t *testing.T) {
	shown := map[Command]bool{Error: true} // never sent
	for _, f := range slices.Concat(frames, rest) {
		if r, err := ParseRequest(f.frame[HeaderSize:]); err == nil && r.Command != 0 {
			shown[r.Command] = true
		}
	}
	for _, c := range commands {
		if !shown[c.c] {
			t.Errorf("%s has no golden frame", c.name)
		}
	}
}
