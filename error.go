package velos

import "errors"

// A Code says what kind of thing went wrong. Codes travel on the wire as
// numbers and are shown as words. Codes 1 to 9 are also exit codes of velos.
type Code uint16

const (
	Failed      Code = 1 // anything without a better code
	Invalid     Code = 2 // bad input: a flag, a field, a file
	NotRunning  Code = 3
	NotFound    Code = 4
	Timeout     Code = 5
	Crashed     Code = 6 // the program ended while its start was awaited
	Unreachable Code = 7 // no daemon answers
	Denied      Code = 8
	Conflict    Code = 9  // a name, a script or a port that is taken
	NotYet      Code = 10 // a field that a later version will understand
	Unsupported Code = 11 // not on this platform
	BadFrame    Code = 12 // bytes that are not a frame, or another version
	TooLarge    Code = 13
	Cancelled   Code = 14
	Busy        Code = 15 // a limit was reached; trying again may work
	// NeedsApproval is about an order of an agent that a person has to allow
	// first: see Error.Approval.
	NeedsApproval Code = 16
)

var codeNames = [...]string{
	Failed: "failed", Invalid: "invalid", NotRunning: "not_running", NotFound: "not_found",
	Timeout: "timeout", Crashed: "crashed", Unreachable: "unreachable", Denied: "denied",
	Conflict: "conflict", NotYet: "not_yet", Unsupported: "unsupported", BadFrame: "protocol",
	TooLarge: "too_large", Cancelled: "cancelled", Busy: "busy", NeedsApproval: "needs_approval",
}

// String is the code's word in JSON: not_found, conflict, …
func (c Code) String() string {
	if int(c) < len(codeNames) && codeNames[c] != "" {
		return codeNames[c]
	}
	return "failed"
}

// Exit is the exit code of velos for an error of this kind.
func (c Code) Exit() int {
	switch {
	case c >= Failed && c <= Conflict:
		return int(c)
	case c == NotYet, c == TooLarge:
		return int(Invalid)
	case c == BadFrame:
		return int(Unreachable)
	case c == Busy:
		return int(Conflict)
	case c == NeedsApproval:
		return int(Denied)
	}
	return int(Failed)
}

// Retryable reports whether the same call may succeed later without a change.
func (c Code) Retryable() bool {
	return c == Timeout || c == Unreachable || c == Busy
}

// An Error is an error with a code and, where there is one, a hint: the next
// thing to do, built from our own data only, never from what a program wrote.
type Error struct {
	Code    Code
	Message string
	Hint    string
	// Approval is what a person can allow, with the code NeedsApproval: the
	// same order passes once when this id was approved.
	Approval string
	// Cause is the error behind this one; it stays on this side of the wire.
	Cause error
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is the sentinel of this error's code, so that
// errors.Is(err, velos.ErrNotFound) works behind every door.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Message == "" && t.Code == e.Code
}

// Fields implements Record.
func (e *Error) Fields(f Fields) {
	Int(f, "code", &e.Code)
	f.String("message", &e.Message)
	f.String("hint", &e.Hint)
	f.String("approval", &e.Approval)
}

// Sentinels for errors.Is.
var (
	ErrInvalid     = &Error{Code: Invalid}
	ErrNotRunning  = &Error{Code: NotRunning}
	ErrNotFound    = &Error{Code: NotFound}
	ErrTimeout     = &Error{Code: Timeout}
	ErrCrashed     = &Error{Code: Crashed}
	ErrUnreachable = &Error{Code: Unreachable}
	ErrDenied      = &Error{Code: Denied}
	ErrConflict    = &Error{Code: Conflict}
	ErrNotYet      = &Error{Code: NotYet}
	ErrUnsupported = &Error{Code: Unsupported}
	ErrProtocol    = &Error{Code: BadFrame}
	ErrTooLarge    = &Error{Code: TooLarge}
	ErrCancelled   = &Error{Code: Cancelled}
	ErrBusy        = &Error{Code: Busy}

	ErrNeedsApproval = &Error{Code: NeedsApproval}
)

// CodeOf finds the code in err's chain; Failed when there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Failed
}

// HintOf finds the hint in err's chain.
func HintOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}
