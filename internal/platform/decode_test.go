package platform

import (
	"bytes"
	"encoding/binary"
	goflag "flag"
	"math/rand/v2"
	"testing"

	"toaster/internal/platform/stub"
)

var hostileSlots = goflag.Int("slots", 100_000, "how many hostile slots TestHostileStops makes up")

// detached is a thread of no process, whose slot is s.
func detached(p *Platform, s stub.Slot) *Thread {
	q := &Process{platform: p, reaped: true, threads: map[*Thread]struct{}{}}
	th := &Thread{proc: q, slot: s}
	q.threads[th] = struct{}{}
	return th
}

func detachedPlatform() *Platform {
	p := &Platform{stub: stub.Load(), arena: &arena{slotSize: len(stub.StoppedSlot().Memory())}}
	p.xlayout.Store(&stub.XLayout{Size: stub.ForgedX, Features: 7})
	return p
}

// Parts of extended state: where FXSAVE has MXCSR, and the size of XSAVE's header.
const (
	fpMXCSR    = 24
	headerSize = 64
)

// checkStop has the platform take a stop out of a slot and put everything back, and says
// what is wrong.
func checkStop(p *Platform, s stub.Slot, state []byte) string {
	th := detached(p, s)
	trap := th.decodeTrap()
	if trap.Kind == Syscall && th.light && th.regs.RIP >= GuestEnd {
		return "a system call outside user space"
	}
	if trap.Left < 0 || trap.Left > stub.LongestNap {
		return "nap"
	}
	if n := len(th.lent.placed); n > 2*stub.MaxPlaced {
		return "notes"
	}
	if th.light {
		return checkLight(th, state)
	}
	before := append([]byte(nil), s.Memory()[:stub.OffStack]...)
	saved := th.SaveX()
	if n := len(saved); n != 0 && n != stub.FPSize && (n < stub.FPSize+headerSize || n > stub.ForgedX) {
		return "size of what is kept"
	}
	th.RestoreX(state)
	fx := th.FP()
	th.SetFP(&fx)
	th.RestoreX(saved)
	if !bytes.Equal(before, s.Memory()[:stub.OffStack]) {
		return "something outside of the frame has been written"
	}
	if len(state) >= stub.FPSize {
		var loadable [stub.FPSize]byte
		fx = s.FrameFP()
		if stub.PutFP(loadable[:], fx[:]); !bytes.Equal(loadable[fpMXCSR:][:4], fx[fpMXCSR:][:4]) {
			return "MXCSR"
		}
	}
	th.moveFPToFrame()
	th.storeRegs()
	return ""
}

// checkLight does the same with a light trap, for which no stub is there to answer.
func checkLight(th *Thread, state []byte) string {
	if len(state) >= stub.ForgedX {
		th.RestoreX(state)
	}
	if th.xstate != nil && binary.LittleEndian.Uint64(th.xstate[stub.FPSize:])&^7 != 0 {
		return "features that the processor does not have"
	}
	th.prepareFP()
	if !th.regs.Loadable() {
		return ""
	}
	th.storeRegs()
	return ""
}

// Whatever a guest has left in its slot, and whatever state it hands back, nothing is written
// but what a stop lets the platform write.
func TestHostileStops(t *testing.T) {
	t.Parallel()
	together(upTo(*hostileSlots), func(share <-chan int) {
		p, clean, s := detachedPlatform(), stub.StoppedSlot(), stub.StoppedSlot()
		state := make([]byte, stub.ForgedX+64)
		for i := range share {
			rnd := rand.New(rand.NewPCG(9, uint64(i)))
			copy(s.Memory(), clean.Memory())
			s.Spoil(rnd, &p.stub)
			for j := range state {
				state[j] = byte(i * j)
			}
			if wrong := checkStop(p, s, state[:rnd.IntN(len(state)+1)]); wrong != "" {
				t.Fatalf("slot %d: %s", i, wrong)
			}
		}
	})
}

// Whatever a frame says of the size of its extended state.
func TestStopsWithSizesOfExtendedState(t *testing.T) {
	t.Parallel()
	const magic = 4 // Linux's, behind the state
	together(upTo(len(stub.StoppedSlot().Memory())), func(share <-chan int) {
		p := detachedPlatform()
		for i := range share {
			size := uint32(i)
			for _, inner := range []uint32{0, size - magic, size, size + 1, ^uint32(0)} {
				s := stub.StoppedSlot()
				s.ForgeXSize(size, inner)
				if wrong := checkStop(p, s, make([]byte, stub.ForgedX)); wrong != "" {
					t.Fatalf("size %d of %d: %s", inner, size, wrong)
				}
			}
		}
	})
}

func FuzzStop(f *testing.F) {
	words, scratch, frame := stub.StoppedSlot().ForgedParts()
	f.Add(words, scratch, frame, make([]byte, stub.ForgedX))
	p := detachedPlatform()
	f.Fuzz(func(t *testing.T, words, scratch, frame, state []byte) {
		s := stub.StoppedSlot()
		a, b, c := s.ForgedParts()
		copy(a, words)
		copy(b, scratch)
		copy(c, frame)
		if wrong := checkStop(p, s, state); wrong != "" {
			t.Fatal(wrong)
		}
	})
}
