package platform

// A process with one thread may map memory by itself: the stub then answers mmap(2) of
// private anonymous memory, where the guest says, or, if it leaves that open, at the top
// of a range that is known to be free: the room. A Go program maps two dozen pieces of
// memory before it has a second thread. What has been mapped is noted in the slot, where
// commands have no use for the place while the guest runs, and taken at the next trap.

// Placed is memory that the guest has mapped without the kernel. A hostile guest can note
// what it likes: no more is true of it than that it is aligned and the guest's to map.
type Placed struct {
	Addr, Size uint64
	Prot       int
}

const (
	placedSize = 24
	maxPlaced  = 48 // < (slotScratch-slotCommand)/placedSize
)

func (s slot) hideRoom() {
	s.store32(slotMapMost, 0)
	s.store32(slotMapped, 0)
}

// ShowRoom lets the stub map memory. Between low and high, which are multiples of a
// page's size, nothing is mapped, and what is mapped anywhere goes there from the top.
// It holds until HideRoom; whoever changes the guest's memory otherwise shows it anew.
func (t *Thread) ShowRoom(low, high uint64) {
	t.slot.store(slotRoomLow, low)
	t.slot.store(slotRoomHigh, high)
	t.slot.store32(slotMapMost, maxPlaced)
}

// HideRoom ends it. The guest is stopped.
func (t *Thread) HideRoom() { t.slot.store32(slotMapMost, 0) }

// TakePlaced gives what the guest has mapped since it was asked last, in order. The
// slice is valid until the next Run.
func (t *Thread) TakePlaced() []Placed {
	p := t.placed
	t.placed = t.placed[:0]
	return p
}

// takeMapped follows each stop, and gives the number of notes.
func (t *Thread) takeMapped() int {
	n := t.slot.notes()
	if n == 0 {
		return 0
	}
	for i := range n {
		t.takeNote(i)
	}
	t.slot.store32(slotMapped, 0)
	return n
}

func (t *Thread) takeNote(i int) {
	if p, ok := t.slot.note(i); ok {
		t.placed = append(t.placed, p)
	}
}

// leaveMap is for a signal that met the guest in an mmap(2); rax is what it found in that
// register, and placed how many notes there were before. If memory is mapped the call is
// done; if not it comes again.
func (t *Thread) leaveMap(at place, rax uint64, placed int) {
	switch addr := t.slot.answer(); at {
	case placeMapped:
		if rax != addr || placed == maxPlaced {
			return
		}
		t.takeNote(placed)
		fallthrough
	case placePosted, placeAnswered:
		t.answered(addr)
	}
}
