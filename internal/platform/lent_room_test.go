package platform

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// mapCode: mov $197,%eax; syscall; mov 8(%rsp),%rax; syscall; the seventh argument is 42.
const mapCode = "b8 c5 00 00 00 0f 05 48 8b 44 24 08 0f 05"

const (
	roomLow, roomHigh = 0x10000000, 0x10100000

	readWrite = unix.PROT_READ | unix.PROT_WRITE
	noFile    = 1<<32 - 1 // -1, as a 32-bit argument
)

// newMapper is a guest about to call mmap(2), with room.
func newMapper(t *testing.T, p *Platform, addr, size, prot, flags uint64) (*Process, *Thread) {
	t.Helper()
	q, th := newCaller(t, p, mapCode, addr, size, prot, flags, noFile, 0)
	th.PublishRoom(roomLow, roomHigh)
	return q, th
}

// mapped runs such a guest, and says whether the stub has done the call. The result is
// lost in the call that follows, but for what the stub noted.
func mapped(t *testing.T, th *Thread) bool {
	t.Helper()
	return answered(t, th, stub.CallMmap)
}

// usable says whether size bytes at addr are memory that can be written.
func usable(q *Process, addr, size uint64) bool {
	_, first := q.Write(addr, []byte{1})
	_, last := q.Write(addr+size-1, []byte{1})
	return first && last
}

func TestMapInTheStub(t *testing.T) {
	p := newPlatform(t, Options{})
	for _, c := range []struct {
		name              string
		addr, size, flags uint64
		want              Placed
	}{
		{"anywhere", 0, 0x3000, mapPlain, placedAt(roomHigh-0x3000, 0x3000)},
		{"odd size", 0, 0x2001, mapPlain, placedAt(roomHigh-0x3000, 0x3000)},
		{"all of the room", 0, roomHigh - roomLow, mapPlain, placedAt(roomLow, roomHigh-roomLow)},
		{"fixed", dataAt, 0x1000, mapPlain | mapFixed, placedAt(dataAt, 0x1000)},
		{"fixed in the room", roomLow + 0x5000, 1, mapPlain | mapFixed, placedAt(roomLow+0x5000, 0x1000)},
		{"the highest page", mapHighest - 0x1000, 0x1000, mapPlain | mapFixed, placedAt(mapHighest-0x1000, 0x1000)},
		{"hint", 0x8000000, 0x4000, mapPlain, placedAt(0x8000000, 0x4000)},
	} {
		q, th := newMapper(t, p, c.addr, c.size, readWrite, c.flags)
		if !mapped(t, th) {
			t.Errorf("%s: left to the kernel", c.name)
		}
		if got := th.CollectRoom(); !slices.Equal(got, []Placed{c.want}) {
			t.Errorf("%s: placed %#x, want %#x", c.name, got, c.want)
		}
		if len(th.CollectRoom()) != 0 {
			t.Errorf("%s: taken twice", c.name)
		}
		if !usable(q, c.want.Addr, c.want.Size) {
			t.Errorf("%s: no memory there", c.name)
		}
		intact(t, q)
		q.Release()
	}
}

func TestMapLeftToTheKernel(t *testing.T) {
	p := newPlatform(t, Options{})
	for name, set := range map[string]func(th *Thread, r *Regs){
		"no room lent":      func(th *Thread, r *Regs) { th.Revoke(LentRoom) },
		"traced":            func(th *Thread, r *Regs) { th.SetTrapAll(true) },
		"shared":            func(th *Thread, r *Regs) { r.R10 = 0x1001 },
		"a file":            func(th *Thread, r *Regs) { r.R10 = 2 },
		"a descriptor":      func(th *Thread, r *Regs) { r.R8 = 3 },
		"aligned":           func(th *Thread, r *Regs) { r.R10 |= 20 << 24 },
		"code":              func(th *Thread, r *Regs) { r.RDX |= unix.PROT_EXEC },
		"PROT_MPROTECT":     func(th *Thread, r *Regs) { r.RDX |= 4 << 3 },
		"nothing":           func(th *Thread, r *Regs) { r.RSI = 0 },
		"too much":          func(th *Thread, r *Regs) { r.RSI = roomHigh - roomLow + 1 },
		"huge":              func(th *Thread, r *Regs) { r.RSI = 1 << 39 },
		"more than all":     func(th *Thread, r *Regs) { r.RSI = ^uint64(0) },
		"odd fixed":         func(th *Thread, r *Regs) { r.RDI, r.R10 = dataAt+1, mapPlain|mapFixed },
		"odd hint":          func(th *Thread, r *Regs) { r.RDI = dataAt + 0x100001 },
		"fixed at 0":        func(th *Thread, r *Regs) { r.RDI, r.R10 = 0, mapPlain|mapFixed },
		"fixed too high":    func(th *Thread, r *Regs) { r.RDI, r.R10 = mapHighest, mapPlain|mapFixed },
		"fixed up to there": func(th *Thread, r *Regs) { r.RDI, r.R10 = mapHighest-0x1000, mapPlain|mapFixed; r.RSI = 0x2000 },
		"over the stub":     func(th *Thread, r *Regs) { r.RDI, r.R10 = stub.Addr, mapPlain|mapFixed },
		"over the slot":     func(th *Thread, r *Regs) { r.RDI, r.R10 = stub.WindowAddr, mapPlain|mapFixed },
		"fixed at nobody's": func(th *Thread, r *Regs) { r.RDI, r.R10 = ^uint64(0xfff), mapPlain|mapFixed },
		"a hint in use":     func(th *Thread, r *Regs) { r.RDI = dataAt },
		"a hint above":      func(th *Thread, r *Regs) { r.RDI = roomHigh },
		"a hint at the end": func(th *Thread, r *Regs) { r.RDI = ^uint64(0xfff) },
	} {
		q, th := newMapper(t, p, 0, 0x1000, readWrite, mapPlain)
		set(th, th.Regs())
		if mapped(t, th) {
			t.Errorf("%s: done", name)
		}
		if got := th.CollectRoom(); len(got) != 0 {
			t.Errorf("%s: placed %#x", name, got)
		}
		intact(t, q)
		q.Release()
	}
}

// Room is used from its top, until something is mapped into it; and a note that has not
// been taken by the next trap would be lost.
func TestRoomInUse(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newMapper(t, p, 0, 0x1000, readWrite, mapPlain)
	again := func(addr, flags uint64) bool {
		r := th.Regs()
		r.RIP, r.RDI, r.RSI, r.RDX, r.R10, r.R8 = codeAt, addr, 0x1000, readWrite, flags, noFile
		return mapped(t, th)
	}
	var want []Placed
	for i := range uint64(5) {
		want = append(want, placedAt(roomHigh-0x1000*(i+1), 0x1000))
		if !again(0, mapPlain) {
			t.Fatalf("%d: left to the kernel", i)
		}
	}
	if got := th.CollectRoom(); !slices.Equal(got, want) {
		t.Errorf("placed %#x, want %#x", got, want)
	}
	for _, addr := range []uint64{roomLow - 0x1000, roomHigh - 0x5000} {
		if !again(addr, mapPlain|mapFixed) || !again(0, mapPlain) {
			t.Errorf("%#x is beside the room, and ends it", addr)
		}
	}
	if !again(roomLow, mapPlain|mapFixed) || again(0, mapPlain) {
		t.Error("still in use though something was mapped into it")
	}
	th.PublishRoom(roomLow+0x10000, roomHigh-0x10000)
	if !again(0, mapPlain) {
		t.Error("not in use though it was published anew")
	}
}

// A signal at each instruction: the memory is there and noted, or the call comes again
// and nothing is noted.
func TestSignalAtEveryInstructionOfAMap(t *testing.T) {
	t.Parallel()
	m := stub.Load().Marks
	for name, flags := range map[string]uint64{"anywhere": mapPlain, "fixed": mapPlain | mapFixed} {
		var outcome tally[bool]
		eachInstructionFrom(t, m.StackTold, m.NoteTold, func(p *Platform, at int) {
			addr, want := uint64(0), uint64(roomHigh-0x2000)
			if flags != mapPlain {
				addr, want = dataAt, dataAt
			}
			q, th := newMapper(t, p, addr, 0x2000, readWrite, flags)
			done := mapped(t, th)
			outcome.add(done)
			notes := th.CollectRoom()
			if done != (fmt.Sprint(notes) == fmt.Sprint([]Placed{placedAt(want, 0x2000)})) || !done && len(notes) != 0 {
				t.Errorf("%s, %#x: done %v, noted %#x", name, at, done, notes)
			}
			if there := usable(q, want, 0x2000); there != done && flags == mapPlain {
				t.Errorf("%s, %#x: done %v, memory there %v", name, at, done, there)
			}
		})
		if outcome.n[true] == 0 || outcome.n[false] == 0 {
			t.Errorf("%s: done and not done: %v", name, outcome.n)
		}
	}
}

// placedAt is memory that can be read and written.
func placedAt(addr, size uint64) Placed { return Placed{Addr: addr, Size: size, Prot: readWrite} }

// What a hostile guest notes is aligned and its own, or nothing.
// A guest that is lent no room, as one whose memory is counted is not, has mapped nothing, whatever it notes.
func TestNotesWithoutRoom(t *testing.T) {
	th := &Thread{slot: stub.SlotAt(make([]byte, 1<<14), 0, 1<<14)}
	for _, kinds := range []Lent{0, LentRoom} {
		th.lent.kinds = kinds
		th.slot.Poke(stub.OffCommand, 0x1000)
		th.slot.Poke(stub.OffCommand+8, 0x1000)
		th.slot.Poke32(stub.OffRoomNoted, 1)
		th.takeNotes()
		if noted, list := th.Noted()&LentRoom, th.CollectRoom(); noted != kinds || len(list) != int(kinds/LentRoom) || th.slot.Peek32(stub.OffRoomNoted) != 0 {
			t.Errorf("lent %#x: noted %#x, %v", kinds, noted, list)
		}
	}
}

func FuzzPlacedNotes(f *testing.F) {
	f.Add(uint32(1), uint64(0x1000), uint64(0x1000), uint64(3))
	f.Add(uint32(48), uint64(1), uint64(0x1000), uint64(7))
	f.Add(uint32(0xffffffff), uint64(stub.WindowAddr), uint64(0x1000), uint64(0))
	f.Add(uint32(2), uint64(GuestEnd-0x1000), uint64(0x2000), uint64(0))
	f.Add(uint32(3), uint64(0x1000), ^uint64(0xfff), uint64(0))
	th := &Thread{slot: stub.SlotAt(make([]byte, 1<<14), 0, 1<<14)}
	f.Fuzz(func(t *testing.T, n uint32, addr, size, prot uint64) {
		th.lent.kinds = LentRoom
		for i := range stub.MaxPlaced {
			at := stub.OffCommand + stub.PlacedSize*i
			th.slot.Poke(at, addr)
			th.slot.Poke(at+8, size)
			th.slot.Poke(at+16, prot)
		}
		th.slot.Poke32(stub.OffRoomNoted, n)
		th.takeNotes()
		list := th.CollectRoom()
		if len(list) > stub.MaxPlaced || th.slot.Peek32(stub.OffRoomNoted) != 0 {
			t.Fatalf("%d notes taken", len(list))
		}
		for _, p := range list {
			if p.Addr%PageSize != 0 || p.Size%PageSize != 0 || p.Size == 0 || p.Addr+p.Size > GuestEnd || p.Addr+p.Size < p.Addr || p.Prot&^mapProt != 0 {
				t.Fatalf("taken %#x", p)
			}
		}
	})
}
