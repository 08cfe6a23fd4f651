package trace

import (
	"io"
	"sync"
	"time"

	"toaster/netbsd"
)

// Ktrace writes records as ktrace(2) does, version 2, which NetBSD's kdump(1) reads.
// A record has a header of 56 bytes
//
//	0 length of what follows the header   4 type (16 bits)   6 version (16 bits)
//	8 process   12 command (17)   32 time (16)   48 LWP (4+4)
//
// and a body. KTR_SYSCALL, KTR_SYSRET, KTR_NAMEI, KTR_PSIG, KTR_EXEC_ARG and KTR_EMUL
// are written.
type Ktrace struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

const (
	ktrHeaderSize  = 56
	ktrVersion     = 2
	ktrCommandSize = 17
	ktrPsigSize    = 40
)

// NewKtrace makes a sink that writes records to w, each with one Write.
func NewKtrace(w io.Writer) *Ktrace { return &Ktrace{w: w} }

type ktrWho struct {
	pid, lid int
	comm     string
}

func (k *Ktrace) record(typ int, at time.Time, who ktrWho, body []byte) {
	b := make([]byte, ktrHeaderSize, ktrHeaderSize+len(body))
	le.PutUint32(b, uint32(len(body)))
	le.PutUint16(b[4:], uint16(typ))
	le.PutUint16(b[6:], ktrVersion)
	le.PutUint32(b[8:], uint32(who.pid))
	copy(b[12:12+ktrCommandSize-1], who.comm)
	netbsd.TimespecAt(at).Encode(b[32:])
	le.PutUint32(b[48:], uint32(who.lid))
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, err := k.w.Write(append(b, body...)); err != nil && k.err == nil {
		k.err = err
	}
}

// Enter writes KTR_SYSCALL, and KTR_NAMEI for each path.
func (k *Ktrace) Enter(c *Call) {
	who := ktrWho{c.Pid, c.Lid, c.Comm}
	d := decoder{c: c}
	args := d.args()
	b := make([]byte, 8+8*len(args))
	le.PutUint32(b, uint32(c.Nr))
	le.PutUint32(b[4:], uint32(8*len(args)))
	for i := range args {
		le.PutUint64(b[8+8*i:], c.Args[i])
	}
	k.record(netbsd.KTR_SYSCALL, c.Start, who, b)
	for i, a := range args {
		if a.Kind == netbsd.KPath {
			if p, ok := d.rawString(c.Args[i]); ok {
				k.record(netbsd.KTR_NAMEI, c.Start, who, p)
			}
		}
	}
}

func (d *decoder) rawString(addr uint64) ([]byte, bool) {
	if d.c.Mem == nil || addr == 0 {
		return nil, false
	}
	b := make([]byte, maxPath)
	n, _ := d.c.Mem.Read(addr, b)
	for i, c := range b[:max(n, 0)] {
		if c == 0 {
			return b[:i], true
		}
	}
	return nil, false
}

// Exit writes KTR_SYSRET.
func (k *Ktrace) Exit(c *Call) {
	b := make([]byte, 24)
	le.PutUint16(b, uint16(c.Nr))
	le.PutUint32(b[4:], uint32(int32(c.Err)))
	le.PutUint64(b[8:], c.Ret[0])
	le.PutUint64(b[16:], c.Ret[1])
	k.record(netbsd.KTR_SYSRET, c.End, ktrWho{c.Pid, c.Lid, c.Comm}, b)
}

// Signal writes KTR_PSIG with the siginfo.
func (k *Ktrace) Signal(g *Signal) {
	b := make([]byte, ktrPsigSize+netbsd.SizeofSiginfo)
	le.PutUint32(b, uint32(g.Info.Signo))
	le.PutUint64(b[8:], g.Handler)
	netbsd.PutSigset(b[16:], g.Mask)
	le.PutUint32(b[32:], uint32(g.Info.Code))
	g.Info.Encode(b[ktrPsigSize:])
	k.record(netbsd.KTR_PSIG, g.Time, ktrWho{g.Pid, g.Lid, g.Comm}, b)
}

// Event writes the arguments and the emulation of an exec; ktrace has no records of
// the rest.
func (k *Ktrace) Event(e *Event) {
	if e.Kind != Execed {
		return
	}
	who := ktrWho{e.Pid, e.Lid, e.Comm}
	for _, a := range e.Argv {
		k.record(netbsd.KTR_EXEC_ARG, e.Time, who, []byte(a))
	}
	k.record(netbsd.KTR_EMUL, e.Time, who, []byte("netbsd"))
}

// Close returns the first error of writing.
func (k *Ktrace) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}
