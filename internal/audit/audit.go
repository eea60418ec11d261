// Package audit is the record of orders: who asked for what, and what became
// of it, one line of JSON each, in files that only grow and whose lines are
// chained by hashes. It holds both ends, writing for the daemon and reading and
// verifying for everybody else, so that there is one idea of a whole chain. It
// decides nothing: what is recorded is said by its caller.
//
// The chain shows a line that was changed, taken out or put in by somebody who
// did not write all that follows anew. Whoever may write the files can do that:
// no key is kept from him. It is evidence against mistakes, not against the
// user himself.
package audit

import (
	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/record"
)

// Files are bounded: one begins anew at maxFile, and so many full ones are
// kept beside it.
const (
	maxFile  = 1 << 20
	maxFiles = 4
	maxLine  = 64 << 10
)

// A Record is one order.
type Record struct {
	Seq      uint64            `json:"seq"`
	Time     velos.Time        `json:"ts"` // when it was answered
	Op       string            `json:"op"` // the verb: stop, restart, approve; mend is the record's own
	App      string            `json:"app,omitempty"`
	ID       uint32            `json:"id,omitempty"`
	Inst     int               `json:"instance"` // -1: all of them
	Actor    velos.Actor       `json:"actor"`
	Args     map[string]string `json:"args,omitempty"` // without secrets
	Result   string            `json:"result"`         // ok, or the word of an error's code
	Message  string            `json:"message,omitempty"`
	Approval string            `json:"approval,omitempty"` // that it needed, or had
	Waived   string            `json:"waived,omitempty"`   // agent that VELOS_AGENT=0 says it is not
	Prev     string            `json:"prev"`               // hash of the line before; empty: there was none
	Hash     string            `json:"hash"`               // of this line up to here
}

// Fields implements velos.Record. The hash is no part of what it is a hash of:
// it is put behind the other fields, see line.
func (r *Record) Fields(f velos.Fields) {
	velos.Int(f, "seq", &r.Seq)
	velos.Int(f, "ts", &r.Time)
	f.String("op", &r.Op)
	f.String("app", &r.App)
	velos.Int(f, "id", &r.ID)
	velos.Int(f, "instance", &r.Inst)
	f.Nest("actor", true, &r.Actor)
	f.Map("args", &r.Args)
	f.String("result", &r.Result)
	f.String("message", &r.Message)
	f.String("approval", &r.Approval)
	f.String("waived", &r.Waived)
	f.String("prev", &r.Prev)
	if f.Decodes() {
		f.String("hash", &r.Hash)
	}
}

// The end of a line: ,"hash":"64 digits"} and nothing else.
const (
	hashKey  = `,"hash":"`
	hashSize = 2 * sumSize
	tailSize = len(hashKey) + hashSize + len(`"}`)
)

// line is r as a line of the file, with its hash, which r gets.
func (r *Record) line() []byte {
	b := record.AppendJSON(nil, r)
	b = b[:len(b)-1] // the brace
	r.Hash = digest(b)
	return append(append(append(b, hashKey...), r.Hash...), "\"}\n"...)
}

const digits = "0123456789abcdef"

func digest(b []byte) string {
	text := make([]byte, 0, hashSize)
	for _, c := range sum256(b) {
		text = append(text, digits[c>>4], digits[c&15])
	}
	return string(text)
}

// parse reads a line without its newline; ok is false when its hash is not
// that of what it says.
func parse(line []byte) (r Record, ok bool) {
	if record.DecodeJSON(line, &r) != nil || len(line) < tailSize {
		return r, false
	}
	body := line[:len(line)-tailSize]
	return r, string(line[len(body):len(body)+len(hashKey)]) == hashKey && digest(body) == r.Hash
}
