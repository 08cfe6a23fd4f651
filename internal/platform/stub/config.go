package stub

import (
	"bytes"
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/memprog"
)

// A Config is what the stub knows of its process and of the host. It is in a page that every
// host process has, and that nobody can write.
type Config struct {
	SlotSize, WindowSize int

	// Parent is toaster's process id. A newborn whose parent is another one ends: toaster
	// was gone before the newborn had asked the host to die with it.
	Parent int

	FSGSBase bool // the stub may use the instructions for segment bases
	RDTSCP   bool // that instruction tells cores apart
	Answer   bool // the stub answers what needs no kernel

	FilterFlags uint64 // of seccomp(2)
	FilterLen   int    // instructions of the filter, which is in slot FilterSlot of the zygote's window

	Name, Sentinel string        // of host processes and of the sentinel in the host's process list
	TimerSlack     time.Duration // of guests' timed sleeps
}

// FilterSlot is the slot of the zygote's window that holds the filter until it is installed.
// The configuration page would not do: guests can read it, and the filter has the pass.
const FilterSlot = 1

// Image returns the zygote's executable, at fixed addresses. Code and configuration are
// separate segments, as the filter trusts every instruction of the first one.
func Image(t *Text, v *VDSO, c *Config) *memprog.Image {
	text := bytes.Repeat([]byte{0xf4}, Size) // hlt
	copy(text, t.Code)
	return &memprog.Image{Entry: Addr, Segments: []memprog.Segment{
		{Addr: Addr, Prot: unix.PROT_READ | unix.PROT_EXEC, Data: text},
		{Addr: ConfigAddr, Prot: unix.PROT_READ, Data: c.page(t, v)}}}
}

// page lays the configuration out as layout.go says. What is not set is zero: the end of the
// list of the vdso's pieces, the empty signal mask, RLIMIT_CORE, and the newborns' stack, which
// is never written to.
func (c *Config) page(t *Text, v *VDSO) []byte {
	le, b := binary.LittleEndian, make([]byte, ConfigSize)
	le.PutUint64(b[cfgSlotMask:], ^uint64(c.SlotSize-1))
	le.PutUint64(b[cfgWindow:], uint64(c.WindowSize))
	le.PutUint64(b[cfgFiles:], WindowAddr+uint64(c.WindowSize)-FilesSize)
	le.PutUint32(b[cfgParent:], uint32(c.Parent))
	b[cfgFSGSBase], b[cfgRDTSCP], b[cfgAnswer] = bit(c.FSGSBase), bit(c.RDTSCP), bit(c.Answer)
	le.PutUint64(b[cfgFlags:], c.FilterFlags)
	le.PutUint16(b[cfgProgram:], uint16(c.FilterLen))
	le.PutUint64(b[cfgProgram+8:], WindowAddr+FilterSlot*uint64(c.SlotSize))
	le.PutUint64(b[cfgAction:], t.Handler)
	le.PutUint64(b[cfgAction+8:], saSiginfo|saOnstack|saRestorer)
	le.PutUint64(b[cfgAction+16:], Addr) // never returned to
	le.PutUint64(b[cfgAction+24:], ^uint64(0))
	le.PutUint64(b[cfgIgnore:], saIgnore)
	le.PutUint64(b[cfgAltstack:], WindowAddr+slotStack)
	le.PutUint64(b[cfgAltstack+16:], uint64(c.SlotSize-slotStack))
	le.PutUint64(b[cfgBlocked:], ^uint64(0))
	copy(b[cfgName:cfgSlack-1], c.Name)
	copy(b[cfgSentinel:cfgIgnore-1], c.Sentinel)
	le.PutUint64(b[cfgSlack:], uint64(c.TimerSlack))
	le.PutUint64(b[cfgLightBegin:], t.Gave)
	le.PutUint64(b[cfgLightEnd:], t.Over)
	setBits(b[cfgPaths:cfgPathsAt], paths)
	setBits(b[cfgPathsAt:cfgPathsEnd], pathsAt)
	v.configure(b)
	return b
}

// setBits sets bit n for each call n of a list.
func setBits(b []byte, calls []int) {
	for _, n := range calls {
		b[n/8] |= 1 << (n % 8)
	}
}

// Flags of struct kernel_sigaction (rt_sigaction(2)).
const (
	saIgnore   = 1 // SIG_IGN, a handler
	saSiginfo  = 0x4
	saRestorer = 0x04000000
	saOnstack  = 0x08000000
)

func bit(on bool) byte {
	if on {
		return 1
	}
	return 0
}
