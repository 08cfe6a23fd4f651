package platform

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"toaster/internal/platform/stub"
	"toaster/netbsd"
)

// newRepeater returns a guest that makes a system call again and again, in light traps.
func newRepeater(t testing.TB, p *Platform, call int) (*Process, *Thread) {
	t.Helper()
	text := binary.LittleEndian.AppendUint32([]byte{0xb8}, uint32(call))
	return newFast(t, p, append(text, 0x0f, 0x05, 0xeb, 0xf7)) // mov $call,%eax; syscall; jmp back
}

// A path comes along if its end is in reach, and nothing else does.
func TestPathComesAlong(t *testing.T) {
	t.Parallel()
	const end = dataAt + 0x10000 // of the guest's memory
	p := newPlatform(t, Options{})
	for _, c := range []struct {
		name  string
		call  int
		addr  uint64
		path  string // what is there
		comes bool
	}{
		{"short", netbsd.SYS___stat50, dataAt, "a", true},
		{"of a whole word", netbsd.SYS___stat50, dataAt, "1234567", true},
		{"ends with a word", netbsd.SYS___stat50, dataAt, "12345678", true},
		{"at an odd address", netbsd.SYS_open, dataAt + 3, "/usr/share/misc/termcap", true},
		{"not in ASCII", netbsd.SYS_open, dataAt + 1, "/\x80\xff\x01\x7f/\x81", true},
		{"empty", netbsd.SYS_access, dataAt + 5, "", true},
		{"the second argument", netbsd.SYS_openat, dataAt + 8, "x/y", true},
		{"as long as there is room", netbsd.SYS___lstat50, dataAt, strings.Repeat("x", stub.CarryMax-1), true},
		{"longer", netbsd.SYS___lstat50, dataAt, strings.Repeat("x", stub.CarryMax), false},
		{"ends in the page", netbsd.SYS_unlink, dataAt + 0x1000 - 8, "1234567", true},
		{"ends behind the page", netbsd.SYS_unlink, dataAt + 0x1000 - 8, "12345678", false},
		{"begins in the last word of a page", netbsd.SYS_unlink, dataAt + 0x1000 - 4, "123", false},
		{"ends where memory does", netbsd.SYS_unlink, end - 16, "123456781234567", true},
		{"no path", netbsd.SYS_getpid, dataAt, "a", false},
		{"a call beyond the lists", netbsd.SYS_memfd_create + 20, dataAt, "a", false},
		{"nowhere", netbsd.SYS___stat50, 0, "", false},
		{"no memory", netbsd.SYS___stat50, end, "", false},
		{"where guests' memory ends", netbsd.SYS___stat50, GuestEnd - 4, "", false},
		{"the window", netbsd.SYS___stat50, stub.WindowAddr, "", false},
		{"no address", netbsd.SYS___stat50, 1 << 63, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, th := newRepeater(t, p, c.call)
			defer q.Release()
			q.Write(c.addr, append([]byte(c.path), 0))
			r := th.Regs()
			r.RDI, r.RSI = c.addr, dataAt+0x8000
			if c.call == netbsd.SYS_openat {
				r.RDI, r.RSI = 7, c.addr
			}
			want := *r
			wantKind(t, th.Run(), Syscall)
			want.RIP, want.RCX, want.RAX, want.R11, want.RFLAGS = codeAt+7, codeAt+7, uint64(c.call), r.R11, r.RFLAGS
			if *r != want {
				t.Errorf("\ngot  %+v\nwant %+v", *r, want)
			}
			if got, ok := th.FetchedPath(c.addr); ok != c.comes || ok && got != c.path {
				t.Errorf("%q, %v", got, ok)
			}
			if _, ok := th.FetchedPath(c.addr + 1); ok || th.Fetched(c.addr, make([]byte, 1)) {
				t.Error("it brings more than it has")
			}
			intact(t, q)
		})
	}
}

// What a call returns in memory is there when the guest goes on, whatever it goes on by; where it cannot be the call fails.
func TestReturn(t *testing.T) {
	t.Parallel()
	const size = 155
	b := bytes.Repeat([]byte("r"), size)
	p := newPlatform(t, Options{})
	for _, c := range []struct {
		name   string
		addr   uint64
		before func(*Thread) // the guest goes on
		fails  bool
	}{
		{"at once", dataAt + 0x100, func(*Thread) {}, false},
		{"at an odd address", dataAt + 0x1ff1, func(*Thread) {}, false},
		{"after a kick", dataAt + 0x100, func(th *Thread) {
			th.Kick()
			wantKind(t, th.Run(), Kicked)
		}, false},
		{"before a stop", dataAt + 0x100, (*Thread).Settle, false},
		{"from a frame", dataAt + 0x100, func(th *Thread) {
			if !th.enterWithFrame() {
				t.Error("no frame")
			}
			th.leave()
		}, false},
		{"with other state to load", dataAt + 0x100, func(th *Thread) {
			fx := th.FP()
			th.SetFP(&fx)
		}, false},
		{"no memory", 0x10000, func(*Thread) {}, true},
		{"half of it", dataAt + 0x10000 - 64, func(*Thread) {}, true},
		{"no memory, from a frame", 0x10000, func(th *Thread) {
			th.enterWithFrame()
			th.leave()
		}, true},
		{"the highest address", GuestEnd - size, func(*Thread) {}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, th := newRepeater(t, p, netbsd.SYS___fstat50)
			defer q.Release()
			wantKind(t, th.Run(), Syscall)
			if !th.Return(c.addr, b) {
				t.Fatal("it cannot")
			}
			r := th.Regs()
			r.RAX, r.RDX, r.RFLAGS = 0, 0, r.RFLAGS&^1
			if c.fails { // the guest calls again, and that is not yet
				r.RIP, r.RCX = codeAt+9, codeAt+9
				q.Write(codeAt+9, code(t, "48 89 c3 0f 92 c2 0f 0b")) // mov %rax,%rbx; setc %dl; ud2
			}
			c.before(th)
			trap := th.Run()
			if c.fails {
				if trap.Kind != Fault || r.RBX != uint64(netbsd.EFAULT) || r.RDX != 1 {
					t.Errorf("%+v, rax %d, carry %d", trap, r.RBX, r.RDX)
				}
				return
			}
			got := make([]byte, size)
			if q.Read(c.addr, got); trap.Kind != Syscall || !bytes.Equal(got, b) {
				t.Errorf("%+v, %q", trap, got)
			}
			q.Write(c.addr, make([]byte, size))
			if wantKind(t, th.Run(), Syscall); peek(t, q, c.addr&^7) != 0 {
				t.Error("it is stored twice")
			}
		})
	}
}

// What the stub does not store the caller does.
func TestReturnRefused(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newRepeater(t, p, netbsd.SYS___fstat50)
	wantKind(t, th.Run(), Syscall)
	word := make([]byte, 8)
	for name, refused := range map[string]bool{
		"nothing":               th.Return(dataAt, nil),
		"more than has room":    th.Return(dataAt, make([]byte, stub.CarryMax+1)),
		"the stub":              th.Return(stub.WindowAddr, word),
		"behind guests' memory": th.Return(GuestEnd-4, word),
	} {
		if refused {
			t.Error(name)
		}
	}
	th.SetTrapAll(true)
	if th.Return(dataAt, word) {
		t.Error("for a thread whose calls all trap")
	}
	th.SetTrapAll(false)
	if th.enterWithFrame(); th.Return(dataAt, word) {
		t.Error("from a frame")
	}
	th.leave()
	intact(t, q)
}

// A signal at any instruction on the way neither loses what comes along nor stores it twice, nor changes a register.
func TestCarryAtEveryInstruction(t *testing.T) {
	t.Parallel()
	s := stub.Load()
	var try []int
	for i, at := range append(append(instructions(t, s.Code, s.Enter, s.Gave), acting(t, s)...), instructions(t, s.Code, s.Over, s.Wait)...) {
		if !testing.Short() || i%8 == 0 {
			try = append(try, at)
		}
	}
	together(try, func(share <-chan int) {
		for at := range share {
			p := newBroken(t, at)
			carryBroken(t, p, at)
			p.Close()
		}
	})
}

// carryBroken has a guest make a call with a path that returns something in memory.
func carryBroken(t *testing.T, p *Platform, at int) {
	t.Helper()
	const path = "/a/path/of/some/words"
	q, th := newRepeater(t, p, netbsd.SYS___stat50)
	q.Write(dataAt+4, append([]byte(path), 0))
	b := bytes.Repeat([]byte("result  "), 19)
	r := th.Regs()
	for i, f := range r.Fields() {
		*f = uint64(i) * 0x0101010101010101
	}
	r.RIP, r.RSP, r.RDI, r.RSI, r.RFLAGS, r.FSBase, r.GSBase = codeAt, stackAt+0x8000, dataAt+4, dataAt+0x100, 0x8d5|0x202, dataAt+0x100, 0
	for round := range 3 {
		want := *r
		wantKind(t, th.Run(), Syscall)
		want.RIP, want.RCX, want.RAX, want.R11, want.RFLAGS = codeAt+7, codeAt+7, netbsd.SYS___stat50, r.R11, r.RFLAGS
		if *r != want {
			t.Errorf("%#x, round %d:\ngot  %+v\nwant %+v", at, round, *r, want)
		}
		got := make([]byte, len(b))
		if q.Read(dataAt+0x100, got); round > 0 && !bytes.Equal(got, b) {
			t.Errorf("%#x, round %d: %q", at, round, got)
		}
		if s, ok := th.FetchedPath(dataAt + 4); ok && s != path {
			t.Errorf("%#x, round %d: path %q", at, round, s)
		}
		b[round]++
		if !th.Return(dataAt+0x100, b) {
			q.Write(dataAt+0x100, b)
		}
	}
	wantKind(t, th.Run(), Syscall)
	q.Write(dataAt+0x100, make([]byte, 8))
	for range 2 {
		if wantKind(t, th.Run(), Syscall); peek(t, q, dataAt+0x100) != 0 {
			t.Errorf("%#x: it is stored again", at)
		}
	}
}
