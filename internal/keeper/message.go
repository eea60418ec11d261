package keeper

// A cursor reads a message. What is missing reads as zero and is remembered.
type cursor struct {
	b     []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if len(c.b) < n {
		c.b, c.short = nil, true
		return nil
	}
	p := c.b[:n]
	c.b = c.b[n:]
	return p
}

func (c *cursor) number(n int) (v uint64) {
	p := c.take(n)
	for i := len(p) - 1; i >= 0; i-- {
		v = v<<8 | uint64(p[i])
	}
	return v
}

func (c *cursor) u8() int     { return int(c.number(1)) }
func (c *cursor) u32() uint32 { return uint32(c.number(4)) }
func (c *cursor) u64() uint64 { return c.number(8) }

// rest is the body's end; the message is complete with it.
func (c *cursor) rest() []byte {
	p := c.b
	c.b = nil
	return p
}

// whole reports whether the message had all that was read, and no more.
func (c *cursor) whole() bool { return !c.short && len(c.b) == 0 }

func head(b []byte, kind byte) []byte { return append(b[:0], Version, kind) }

func put32(b []byte, v uint32) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func put64(b []byte, v uint64) []byte { return put32(put32(b, uint32(v)), uint32(v>>32)) }

// validName reports whether a name may be parked.
func validName(n int) bool { return n > 0 && n <= MaxName }

// An end is an Exit as the keeper keeps it: without what time.Time costs.
type end struct {
	number uint64
	start  uint64
	when   int64 // nanoseconds since 1970
	pid    int32
	status uint32
}

const endSize = 32

func (e *end) append(b []byte) []byte {
	b = put32(put32(put64(b, e.number), uint32(e.pid)), e.status)
	return put64(put64(b, uint64(e.when)), e.start)
}

func (e *end) read(c *cursor) {
	e.number, e.pid, e.status = c.u64(), int32(c.u32()), c.u32()
	e.when, e.start = int64(c.u64()), c.u64()
}

// ends are the exits of strangers that nobody has acknowledged, by number.
type ends struct {
	list []end
	last uint64 // number of the newest there ever was
	lost uint32
}

func (q *ends) add(e end) {
	if len(q.list) >= maxExits {
		// Many at a time, so that a flood does not move the table at each exit.
		n := len(q.list) / 8
		q.list = q.list[:copy(q.list, q.list[n:])]
		q.lost += uint32(n)
	}
	q.last++
	e.number = q.last
	q.list = append(q.list, e)
}

// after is the index of the first exit with a higher number.
func (q *ends) after(number uint64) int {
	lo, hi := 0, len(q.list)
	for lo < hi {
		if mid := (lo + hi) / 2; q.list[mid].number <= number {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (q *ends) remove(number uint64) {
	i := q.after(number) - 1
	if i < 0 || q.list[i].number != number {
		return
	}
	q.list = append(q.list[:i], q.list[i+1:]...)
	if len(q.list) == 0 && cap(q.list) > 1024 {
		q.list = nil
	}
}
