// Package wire is the bytes between a client and the daemon: frames, command
// codes and payloads, and the socket that carries them. It knows no app and
// no process; docs/PROTOCOL.md says the same byte for byte.
package wire

import "strconv"

// A Command says what a request asks for.
type Command uint8

// The commands. Each names the payload of its request and of its answer.
const (
	ProcessStart   Command = 0x01 // Start → Started
	ProcessStop    Command = 0x02 // Stop → Done
	ProcessRestart Command = 0x03 // Restart → Done
	ProcessDelete  Command = 0x04 // Target → Done
	ProcessList    Command = 0x05 // List → Apps
	ProcessInfo    Command = 0x06 // Target → velos.App
	ProcessReload  Command = 0x07 // Reload → Reloaded
	ProcessRename  Command = 0x08 // Rename → Done
	ProcessSignal  Command = 0x09 // Signal → Done
	ProcessReset   Command = 0x0a // Target → Done; restart counts go to 0
	ProcessUpdate  Command = 0x0b // Update → Done
	ProcessScale   Command = 0x0c // Scale → Done
	ProcessHistory Command = 0x0d // History → Formers
	ProcessTrash   Command = 0x0e // nothing → Trash
	ProcessRestore Command = 0x0f // Restore → Done
	LogRead        Command = 0x10 // Logs → stream of Entries
	LogStream      Command = 0x11 // Logs → stream of Entries that goes on with new lines
	LogSearch      Command = 0x12 // Logs → stream of Entries
	LogFlush       Command = 0x13 // Target → Done
	LogReopen      Command = 0x14 // nothing → Done
	LogFiles       Command = 0x15 // Target → Files
	LogMinutes     Command = 0x16 // MinutesQuery → stream of Minutes
	MetricsGet     Command = 0x20 // MetricsQuery → Metrics
	MetricsStream  Command = 0x21 // MetricsQuery → stream of Metrics
	StateSave      Command = 0x30 // nothing → StatePath
	StateLoad      Command = 0x31 // StatePath → StatePath
	DaemonPing     Command = 0x40 // nothing → Pong
	DaemonShutdown Command = 0x41 // Shutdown → Done
	DaemonUpgrade  Command = 0x42 // Upgrade → Done
	EventList      Command = 0x50 // EventsQuery → stream of Events
	EventAdd       Command = 0x51 // Finding → Done
	ApprovalList   Command = 0x60 // nothing → Approvals
	ApprovalAnswer Command = 0x61 // ApprovalWord → Approval
	LeaseSet       Command = 0x70 // LeaseWord → Done
	LeaseGrant     Command = 0x71 // Grant → Done
	CancelStream   Command = 0xfe // nothing; ends the stream with the same id
	Error          Command = 0xff // never sent: the table has it, status Failure does its work
)

// String is the command's name in the protocol's table.
func (c Command) String() string {
	for _, n := range commands {
		if n.c == c {
			return n.name
		}
	}
	return "0x" + strconv.FormatUint(uint64(c), 16)
}

// Streams reports whether the command is answered with a stream.
func (c Command) Streams() bool {
	switch c {
	case LogRead, LogStream, LogSearch, LogMinutes, MetricsStream, EventList:
		return true
	}
	return false
}

var commands = [...]struct {
	c    Command
	name string
}{
	{ProcessStart, "PROCESS_START"}, {ProcessStop, "PROCESS_STOP"}, {ProcessRestart, "PROCESS_RESTART"},
	{ProcessDelete, "PROCESS_DELETE"}, {ProcessList, "PROCESS_LIST"}, {ProcessInfo, "PROCESS_INFO"},
	{ProcessReload, "PROCESS_RELOAD"}, {ProcessRename, "PROCESS_RENAME"}, {ProcessSignal, "PROCESS_SIGNAL"},
	{ProcessReset, "PROCESS_RESET"}, {ProcessUpdate, "PROCESS_UPDATE"}, {ProcessScale, "PROCESS_SCALE"}, {ProcessHistory, "PROCESS_HISTORY"}, {ProcessTrash, "PROCESS_TRASH"}, {ProcessRestore, "PROCESS_RESTORE"}, {LogRead, "LOG_READ"},
	{LogStream, "LOG_STREAM"}, {LogSearch, "LOG_SEARCH"}, {LogFlush, "LOG_FLUSH"}, {LogReopen, "LOG_REOPEN"}, {LogFiles, "LOG_FILES"}, {LogMinutes, "LOG_MINUTES"},
	{MetricsGet, "METRICS_GET"}, {MetricsStream, "METRICS_STREAM"}, {StateSave, "STATE_SAVE"},
	{StateLoad, "STATE_LOAD"}, {DaemonPing, "DAEMON_PING"}, {DaemonShutdown, "DAEMON_SHUTDOWN"}, {DaemonUpgrade, "DAEMON_UPGRADE"},
	{EventList, "EVENT_LIST"}, {EventAdd, "EVENT_ADD"},
	{ApprovalList, "APPROVAL_LIST"}, {ApprovalAnswer, "APPROVAL_ANSWER"}, {LeaseSet, "LEASE_SET"}, {LeaseGrant, "LEASE_GRANT"}, {CancelStream, "CANCEL_STREAM"}, {Error, "ERROR"},
}

// A Status says what kind of answer a response is.
type Status uint8

// The statuses. Any number of Streaming responses is followed by exactly one
// response that is OK or a Failure; only then is the request's id free.
const (
	OK        Status = 0
	Failure   Status = 1 // the payload is a velos.Error
	Streaming Status = 2
)

// String is the status in words.
func (s Status) String() string {
	switch s {
	case OK:
		return "ok"
	case Failure:
		return "failure"
	case Streaming:
		return "streaming"
	}
	return strconv.Itoa(int(s))
}
