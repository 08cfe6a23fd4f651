package syscalls

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"testing"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/socket"
	"toaster/kern"
	"toaster/netbsd"
)

var hostileCalls = flag.Int("inputs", 50_000, "how many hostile arguments TestHostileArguments makes up")

// reader is something that handlers read of a guest's memory.
type reader struct {
	name string
	// read says what is wrong with what came of it, "" if nothing.
	read func(c *Call, addr uint64, n int) string
}

// readers are those that follow lengths and pointers.
var readers = []reader{
	{"iovecs", func(c *Call, addr uint64, n int) string {
		v, errno := c.iovecs(addr, n)
		if errno == 0 && (len(v) != n || n > netbsd.IOV_MAX || vecLen(v) > maxIO) {
			return "a vector that is too long"
		}
		return ""
	}},
	{"msghdr", func(c *Call, addr uint64, _ int) string {
		h, errno := c.msghdr(addr)
		if errno != 0 {
			return ""
		}
		v, errno := c.msgvec(h.Iov, h.Iovlen)
		if errno != 0 {
			return ""
		}
		if len(v) > netbsd.IOV_MAX {
			return "a vector that is too long"
		}
		var m socket.Message
		c.control(h, netbsd.AF_LOCAL, &m)
		c.control(h, netbsd.AF_INET6, &m)
		for _, d := range m.Rights {
			d.Release()
		}
		if len(m.Rights) > maxControl/4 {
			return "too many rights"
		}
		n := 0
		for _, cm := range m.Control {
			n += len(cm.Data)
		}
		if n > maxControl {
			return "more in control messages than there is"
		}
		return ""
	}},
	{"spawn file actions", func(c *Call, addr uint64, _ int) string {
		if l, errno := c.spawnActions(addr); errno == 0 && len(l) > spawnActionsMax {
			return "too many actions"
		}
		return ""
	}},
	{"spawn attributes", func(c *Call, addr uint64, _ int) string {
		var a kern.PosixSpawnArgs
		c.spawnAttr(addr, &a)
		return ""
	}},
	{"string vector", func(c *Call, addr uint64, _ int) string {
		v := c.stringVectors(netbsd.ARG_MAX)
		defer v.done()
		if l, errno := v.next(addr); errno == 0 && (len(l) > netbsd.ARG_MAX || v.room < 0) {
			return "too many strings"
		}
		return ""
	}},
	{"timespec", func(c *Call, addr uint64, _ int) string {
		if d, errno := c.timespecIn(addr); errno == 0 && d < 0 {
			return "a negative time"
		}
		return ""
	}},
	{"timeout", func(c *Call, addr uint64, _ int) string {
		c.timeout(addr)
		return ""
	}},
	{"sets", func(c *Call, addr uint64, n int) string {
		c.Args = [8]uint64{0, addr, addr + 8, addr + 16}
		selectSets(c, min(max(n, 0), int(c.nofile())))
		return ""
	}},
	{"sysctl name", func(c *Call, addr uint64, n int) string {
		c.Args = [8]uint64{addr, uint64(n)}
		if name, errno := sysctlName(c); errno == 0 && len(name) > ctlMaxName {
			return "a name that is too long"
		}
		return ""
	}},
	{"context", func(c *Call, addr uint64, _ int) string {
		b := make([]byte, netbsd.SizeofUcontext)
		if c.Space.Read(addr, b) == 0 {
			netbsd.DecodeUcontext(b)
		}
		return ""
	}},
}

// ReadString implements Space.
func (m *memory) ReadString(addr uint64, max int) (string, netbsd.Errno) {
	return (&pages{space: m}).string(addr, max)
}

// hostileSpace is memory full of numbers that could matter, many of them pointers into it.
func hostileSpace(rnd *rand.Rand, m *memory) {
	numbers := [...]uint64{0, 1, 2, 3, 4, 16, 20, 24, 1023, 1024, 1025, 4096, 16 << 10, 16<<10 + 1, 1 << 20, 1 << 31, 1<<32 - 1, 1 << 62, 1<<63 - 1, 1 << 63, ^uint64(0)}
	for i := 0; i+8 <= len(m.b); i += 8 {
		v := rnd.Uint64()
		switch v >> 61 {
		case 0, 1, 2:
			v = m.base + v%uint64(len(m.b)+64)
		case 3, 4, 5:
			v = numbers[v%uint64(len(numbers))]
		case 6:
			v = uint64(rnd.IntN(64))<<32 | uint64(rnd.IntN(64))
		}
		binary.LittleEndian.PutUint64(m.b[i:], v)
	}
}

// inGuest runs f as a process of a machine with nothing else in it.
func inGuest(t testing.TB, f func(c *Call)) {
	t.Helper()
	m := kern.New(kern.Config{Bug: func(b *guard.Bug) { t.Errorf("%s", b.Text()) }})
	defer m.Close()
	p, errno := m.Spawn(kern.SpawnArgs{Files: Files{file.NewTable()}, Body: func(l *kern.LWP) {
		f(&Call{L: l, K: &Kernel{M: m}})
	}})
	if errno != 0 {
		t.Fatal(errno)
	}
	<-p.Done()
}

// Whatever is in a guest's memory and registers, it is read within bounds and refused by an
// errno.
func TestHostileArguments(t *testing.T) {
	inGuest(t, func(c *Call) {
		rnd := rand.New(rand.NewPCG(7, 8))
		m := &memory{base: 0x10000, b: make([]byte, 2*pageSize)}
		c.Space = m
		for i := range *hostileCalls {
			if i%8 == 0 {
				hostileSpace(rnd, m)
			}
			addr, n := m.base+rnd.Uint64N(uint64(len(m.b)+16)), int(int32(rnd.Uint32()))>>rnd.IntN(31)
			for _, r := range readers {
				if wrong := r.read(c, addr, n); wrong != "" {
					t.Errorf("%s at %#x, %d: %s", r.name, addr, n, wrong)
				}
			}
		}
	})
}

func FuzzArguments(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00"), uint16(0), int32(1))
	f.Add(make([]byte, 512), uint16(8), int32(1024))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, n int32) {
		inGuest(t, func(c *Call) {
			c.Space = &memory{base: 0x10000, b: b[:min(len(b), 2*pageSize)]}
			for _, r := range readers {
				if wrong := r.read(c, 0x10000+uint64(at), int(n)); wrong != "" {
					t.Errorf("%s: %s", r.name, wrong)
				}
			}
		})
	})
}
