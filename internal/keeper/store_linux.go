package keeper

import "golang.org/x/sys/unix"

// A slot is a parked descriptor. Its name's memory is used again.
type slot struct {
	name   []byte
	number uint64 // grows with each park
	fd     int32
}

// A store holds descriptors by name, in the order in which they were parked.
// Names are found by looking at all their hashes: thousands of them fit into
// the processor's cache, and there is nothing to collect.
type store struct {
	slots  []slot
	hashes []uint32
	last   uint64
}

func hash(name []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range name {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

func (s *store) find(name []byte, h uint32) int {
	for i, x := range s.hashes {
		if x == h && string(s.slots[i].name) == string(name) {
			return i
		}
	}
	return -1
}

// park takes fd over. False: there is no room.
func (s *store) park(name []byte, fd int) bool {
	h := hash(name)
	old := s.find(name, h)
	if old < 0 && len(s.slots) >= maxParked {
		return false
	}
	s.last++
	s.add(name, h, s.last, fd)
	if old >= 0 {
		s.remove(old)
	}
	return true
}

func (s *store) add(name []byte, h uint32, number uint64, fd int) {
	n := len(s.slots)
	if n < cap(s.slots) {
		s.slots = s.slots[:n+1]
	} else {
		s.slots = append(s.slots, slot{})
	}
	p := &s.slots[n]
	p.name, p.number, p.fd = append(p.name[:0], name...), number, int32(fd)
	s.hashes = append(s.hashes, h)
}

func (s *store) drop(name []byte) {
	if i := s.find(name, hash(name)); i >= 0 {
		s.remove(i)
	}
}

func (s *store) remove(i int) {
	gone := s.slots[i]
	unix.Close(int(gone.fd))
	n := len(s.slots) - 1
	copy(s.slots[i:], s.slots[i+1:])
	s.slots[n] = slot{name: gone.name}
	s.slots = s.slots[:n]
	s.hashes = append(s.hashes[:i], s.hashes[i+1:]...)
}

// after is the index of the first slot with a higher number.
func (s *store) after(number uint64) int {
	for i := range s.slots {
		if s.slots[i].number > number {
			return i
		}
	}
	return len(s.slots)
}
