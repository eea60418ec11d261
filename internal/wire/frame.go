package wire

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/record"
)

const (
	// HeaderSize is the size of a frame's header in bytes: two of magic, one
	// of version, four of length, the lowest first.
	HeaderSize = 7
	// MaxFrame is the largest payload of a frame in bytes.
	MaxFrame = 16 << 20

	magic0, magic1 = 'V', 0x10
)

// A Request is what a client sends.
type Request struct {
	// ID is chosen by the client, never 0, and not in use by another request
	// of the same connection.
	ID      uint32
	Command Command
	Payload []byte // MessagePack; empty means the empty map
	// By is what the client says of itself; zero: nothing.
	By Caller
}

// A Response is what the daemon sends.
type Response struct {
	// ID is that of the request; 0 when the connection itself is in trouble.
	ID      uint32
	Status  Status
	Payload []byte // MessagePack; empty means the empty map
}

// AppendRequest appends a whole frame to b. A nil payload is an empty map. A
// payload that makes the frame larger than MaxFrame is the caller's to notice:
// the daemon answers it by closing the connection.
func AppendRequest(b []byte, id uint32, c Command, payload velos.Record) []byte {
	b, start := open(b, id, "command", uint8(c))
	return seal(b, start, payload)
}

// AppendRequestBy is AppendRequest with what the client says of itself.
func AppendRequestBy(b []byte, id uint32, c Command, payload velos.Record, by *Caller) []byte {
	at := len(b)
	b = AppendRequest(b, id, c, payload)
	if by == nil || *by == (Caller{}) {
		return b
	}
	b[at+HeaderSize] = 0x84 // one more key than there was
	b = append(b, 0xa2, 'b', 'y')
	b = record.AppendMsgpack(b, by)
	binary.LittleEndian.PutUint32(b[at+HeaderSize-4:], uint32(len(b)-at-HeaderSize))
	return b
}

// AppendResponse appends a whole frame to b. A nil payload is an empty map. A
// payload that makes the frame larger than MaxFrame is replaced by a Failure
// that says so.
func AppendResponse(b []byte, id uint32, s Status, payload velos.Record) []byte {
	at := len(b)
	b, start := open(b, id, "status", uint8(s))
	b = seal(b, start, payload)
	if len(b)-start > MaxFrame {
		b, start = open(b[:at], id, "status", uint8(Failure))
		b = seal(b, start, &velos.Error{
			Code:    velos.TooLarge,
			Message: "the answer is larger than " + strconv.Itoa(MaxFrame>>20) + " MiB",
			Hint:    "ask for less at once",
		})
	}
	return b
}

// open appends a header without a length, and the envelope up to its payload.
// start is where the frame's payload begins.
func open(b []byte, id uint32, key string, code uint8) (_ []byte, start int) {
	b = append(b, magic0, magic1, velos.Protocol, 0, 0, 0, 0)
	start = len(b)
	b = append(b, 0x83, 0xa2, 'i', 'd')
	b = record.PackInt(b, int64(id))
	b = append(b, 0xa0|byte(len(key)))
	b = append(b, key...)
	b = record.PackInt(b, int64(code))
	return append(b, 0xa7, 'p', 'a', 'y', 'l', 'o', 'a', 'd'), start
}

// seal appends the payload as bin and writes the frame's length. The payload
// is encoded in place, behind the two bytes that most heads of a bin take, and
// moved when it turns out to need a longer one.
func seal(b []byte, start int, payload velos.Record) []byte {
	const room = 2
	head := len(b)
	b = append(b, 0, 0)
	b = record.AppendMsgpack(b, payload)
	var h [5]byte
	form := record.PackBytesHead(h[:0], len(b)-head-room)
	if extra := len(form) - room; extra > 0 {
		b = slices.Insert(b, head, h[:extra]...)
	}
	copy(b[head:], form)
	binary.LittleEndian.PutUint32(b[start-4:start], uint32(len(b)-start))
	return b
}

// An envelope is a Request or a Response as a Record.
type envelope struct {
	id      uint32
	command Command
	status  Status
	payload []byte
	by      Caller
	has     bool // the code that makes it a request or a response was there
	code    string
}

func (e *envelope) Fields(f velos.Fields) {
	velos.Int(f, "id", &e.id)
	velos.Int(f, "command", &e.command)
	velos.Int(f, "status", &e.status)
	f.Bytes("payload", &e.payload)
	if f.Has("by") {
		f.Nest("by", true, &e.by)
	}
	e.has = f.Has(e.code)
}

func parse(p []byte, e *envelope) error {
	if err := record.ViewMsgpack(p, e); err != nil {
		return &velos.Error{Code: velos.BadFrame, Message: "read a frame: " + err.Error()}
	}
	if !e.has {
		return &velos.Error{Code: velos.BadFrame, Message: "read a frame: " + e.code + " is missing"}
	}
	return nil
}

// ParseRequest reads a frame's payload. The result's Payload is a part of p.
// The error has the code velos.BadFrame; the id is set if there was one.
func ParseRequest(p []byte) (Request, error) {
	e := envelope{code: "command"}
	err := parse(p, &e)
	r := Request{e.id, e.command, e.payload, e.by}
	if err == nil && e.id == 0 {
		err = &velos.Error{Code: velos.BadFrame, Message: "read a frame: id is missing or 0"}
	}
	return r, err
}

// ParseResponse reads a frame's payload. The result's Payload is a part of p.
// The error has the code velos.BadFrame.
func ParseResponse(p []byte) (Response, error) {
	e := envelope{code: "status"}
	err := parse(p, &e)
	if err == nil && e.status > Streaming {
		err = &velos.Error{Code: velos.BadFrame, Message: "read a frame: unknown status " + e.status.String()}
	}
	return Response{e.id, e.status, e.payload}, err
}

// Decode reads the Payload of a Request or a Response into r.
func Decode(payload []byte, r velos.Record) error {
	if len(payload) == 0 {
		payload = []byte{0x80}
	}
	return record.DecodeMsgpack(payload, r)
}
