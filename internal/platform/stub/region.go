package stub

import "bytes"

// A Region is a part of the stub between two marks: where a signal finds a thread tells what
// of the guest's registers is where, and whether the call that it made is done.
type Region int

const (
	InGuest     Region = iota // not in the stub at all
	Entering                  // registers as they were, but for CX and R11
	Switching                 // and but for SP
	Saved                     // registers in the slot
	InClock                   // and XMM registers there, too
	InNap                     // asleep in the stub, or about to be, or just awake
	Mapped                    // the host has said whether memory is mapped
	Transferred               // the host has said what a lent file's transfer came to
	Moved                     // and it has been noted; after a short read the stub looks why it is
	Waiting                   // about to read or write what may wait, or asleep there
	Waited                    // the host has said what came of it
	WaitNoted                 // and it has been noted
	Asking                    // about to take events of a lent kqueue, or asleep there
	Took                      // the host has said how many it has taken
	Telling                   // and that has been noted
	Told                      // all of them have been told
	Noted                     // that is noted, or what else the guest has changed in the slot
	Answered                  // about to return with what the stub answers
	InLightTrap               // in a light trap, or about to return from one
	InIsland                  // at a rewritten call site: no part of the stub, but on the way there
	Elsewhere                 // where a guest can be only if it has jumped there
)

// Marks are the addresses that bound the regions. A signal frame's RIP is compared with
// them. The guest cannot change the code, so that what stands at a mark is what was
// assembled there.
type Marks struct {
	Enter, Save, Saved, Gave, Over     uint64 // the way in, and a light trap
	Clocked, Restored                  uint64 // the clock's XMM registers are being put back
	Nap, Napped                        uint64
	Posted, Told                       uint64 // a signal action is changed
	Masked, MaskTold, Stack, StackTold uint64
	Mapped, Noted, NoteTold            uint64 // memory is mapped
	Wait, Waited, WaitNoted, WaitTold  uint64 // a lent pipe or socket is read or written
	Transferred, Moved, MoveTold       uint64 // a lent file is
	Ask, Took, Tell, AllTold, EndTell  uint64 // events of a lent kqueue
	Answered, Last                     uint64
}

// findMarks sorts the no-ops that MARK has left in the code. Each is there exactly once.
func findMarks(found []mark) (m Marks) {
	for _, x := range [...]struct {
		tag  string
		addr *uint64
	}{
		{"ent0", &m.Enter}, {"sav0", &m.Save}, {"sav1", &m.Saved}, {"gav0", &m.Gave},
		{"end0", &m.Over}, {"xmm0", &m.Clocked}, {"xmm1", &m.Restored}, {"nap0", &m.Nap}, {"nap1", &m.Napped},
		{"pst0", &m.Posted}, {"pst1", &m.Told}, {"map0", &m.Mapped}, {"map1", &m.Noted}, {"map2", &m.NoteTold},
		{"wai0", &m.Wait}, {"wai1", &m.Waited}, {"wai2", &m.WaitNoted}, {"wai3", &m.WaitTold},
		{"kev0", &m.Ask}, {"kev1", &m.Took}, {"kev2", &m.Tell}, {"kev3", &m.AllTold}, {"kev4", &m.EndTell},
		{"fil0", &m.Transferred}, {"fil1", &m.Moved}, {"fil2", &m.MoveTold},
		{"msk0", &m.Masked}, {"msk1", &m.MaskTold}, {"stk0", &m.Stack}, {"stk1", &m.StackTold}, {"ans0", &m.Answered},
		{"end1", &m.Last},
	} {
		*x.addr = Addr + uint64(markAt(found, x.tag))
	}
	return m
}

// A mark is a no-op in the code: its tag and its offset.
type mark struct {
	tag string
	at  int
}

// markOp begins a mark, a no-op of seven bytes whose last four are the tag.
const markOp = "\x0f\x1f\x80"

// marksIn returns all marks, in one pass and without a map: each start of a machine waits for it.
func marksIn(code []byte) []mark {
	found := make([]mark, 0, 64)
	for i := 0; ; i++ {
		n := bytes.Index(code[i:], []byte(markOp))
		if n < 0 || i+n+len(markOp)+4 > len(code) {
			return found
		}
		i += n
		found = append(found, mark{string(code[i+len(markOp):][:4]), i})
	}
}

// markAt returns where the only mark with a tag is.
func markAt(found []mark, tag string) int {
	at := -1
	for _, m := range found {
		switch {
		case m.tag != tag:
		case at >= 0:
			panic("stub: the code has two marks " + tag)
		default:
			at = m.at
		}
	}
	if at < 0 {
		panic("stub: the code does not have the mark " + tag)
	}
	return at
}

// RegionOf returns where in the stub, or in the vdso behind it, an address is. The RIP of a
// signal frame is the guest's word, as it can write the frame: what is done with a region must
// be harmless for any guest that claims to be there.
func (m *Marks) RegionOf(rip uint64, v *VDSO) Region {
	switch {
	case rip < Addr || rip >= v.AreaEnd():
		return InGuest
	case v.Text != 0 && rip >= v.Text:
		return InClock
	case rip < m.Enter || rip >= m.Last:
		return Elsewhere
	case rip <= m.Save:
		return Entering
	case rip < m.Saved:
		return Switching
	case rip >= m.Gave && rip < m.Over:
		return InLightTrap
	case rip >= m.Clocked && rip < m.Restored:
		return InClock
	case rip >= m.Nap && rip < m.Napped:
		return InNap
	case rip >= m.Posted && rip < m.Told, rip >= m.Noted && rip < m.NoteTold,
		rip >= m.Masked && rip < m.MaskTold, rip >= m.Stack && rip < m.StackTold:
		return Noted
	case rip >= m.Mapped && rip < m.Noted:
		return Mapped
	case rip >= m.Wait && rip < m.Waited:
		return Waiting
	case rip >= m.Waited && rip < m.WaitNoted:
		return Waited
	case rip >= m.WaitNoted && rip < m.WaitTold:
		return WaitNoted
	case rip >= m.Ask && rip < m.Took:
		return Asking
	case rip >= m.Took && rip < m.Tell:
		return Took
	case rip >= m.Tell && rip < m.AllTold:
		return Telling
	case rip >= m.AllTold && rip < m.EndTell:
		return Told
	case rip >= m.Transferred && rip < m.Moved:
		return Transferred
	case rip >= m.Moved && rip < m.MoveTold:
		return Moved
	case rip >= m.Answered:
		return Answered
	}
	return Saved
}
