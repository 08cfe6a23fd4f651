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
// and a body. As a Sink it writes KTR_SYSCALL, KTR_SYSRET, KTR_NAMEI, KTR_PSIG, KTR_EXEC_ARG
// and KTR_EMUL; the other records have functions of their own.
type Ktrace struct {
	Facs uint32 // KTRFAC_*: which records are written; 0 for all

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

// Who is what a record says of the LWP that it is about.
type Who struct {
	Pid, Lid int
	Comm     string
}

// Record writes a record of the type typ that is no more than its bytes, as KTR_NAMEI,
// KTR_EMUL, KTR_EXEC_ARG, KTR_EXEC_ENV and KTR_MIB are.
func (k *Ktrace) Record(typ int, who Who, body []byte) { k.record(typ, time.Now(), who, body) }

// Wants reports whether records of a type are written.
func (k *Ktrace) Wants(typ int) bool { return k.Facs == 0 || k.Facs&(1<<typ) != 0 }

// Genio writes KTR_GENIO: data read (rw 0) or written (1), at most a page in a record, as
// ktr_io has it: the descriptor, rw, the data.
func (k *Ktrace) Genio(who Who, fd, rw int, data []byte) {
	for {
		n := min(len(data), 4096-8)
		b := make([]byte, 8, 8+n)
		le.PutUint32(b, uint32(fd))
		le.PutUint32(b[4:], uint32(rw))
		k.Record(netbsd.KTR_GENIO, who, append(b, data[:n]...))
		if data = data[n:]; len(data) == 0 {
			return
		}
	}
}

// Switch writes KTR_CSW: the LWP sleeps, or goes on.
func (k *Ktrace) Switch(who Who, out bool) {
	b := make([]byte, 8)
	if out {
		b[0] = 1
	}
	k.Record(netbsd.KTR_CSW, who, b)
}

// User writes KTR_USER: a label of up to 20 bytes, which is cut to 19, and data.
func (k *Ktrace) User(who Who, label string, data []byte) {
	b := make([]byte, 20, 20+len(data))
	copy(b[:19], label)
	k.Record(netbsd.KTR_USER, who, append(b, data...))
}

func (k *Ktrace) record(typ int, at time.Time, who Who, body []byte) {
	if !k.Wants(typ) {
		return
	}
	b := make([]byte, ktrHeaderSize, ktrHeaderSize+len(body))
	le.PutUint32(b, uint32(len(body)))
	le.PutUint16(b[4:], uint16(typ))
	le.PutUint16(b[6:], ktrVersion)
	le.PutUint32(b[8:], uint32(who.Pid))
	copy(b[12:12+ktrCommandSize-1], who.Comm)
	netbsd.TimespecAt(at).Encode(b[32:])
	le.PutUint32(b[48:], uint32(who.Lid))
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, err := k.w.Write(append(b, body...)); err != nil && k.err == nil {
		k.err = err
	}
}

// Enter writes KTR_SYSCALL, and KTR_NAMEI for each path.
func (k *Ktrace) Enter(c *Call) {
	who := Who{c.Pid, c.Lid, c.Comm}
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
	k.record(netbsd.KTR_SYSRET, c.End, Who{c.Pid, c.Lid, c.Comm}, b)
}

// Signal writes KTR_PSIG with the siginfo.
func (k *Ktrace) Signal(g *Signal) {
	b := make([]byte, ktrPsigSize+netbsd.SizeofSiginfo)
	le.PutUint32(b, uint32(g.Info.Signo))
	le.PutUint64(b[8:], g.Handler)
	netbsd.PutSigset(b[16:], g.Mask)
	if g.Info.Code > 0 { // a trap's (KSI_TRAPCODE)
		le.PutUint32(b[32:], uint32(g.Info.Trap))
	}
	g.Info.Encode(b[ktrPsigSize:])
	k.record(netbsd.KTR_PSIG, g.Time, Who{g.Pid, g.Lid, g.Comm}, b)
}

// Event writes the arguments and the emulation of an exec; ktrace has no records of
// the rest.
func (k *Ktrace) Event(e *Event) {
	if e.Kind != Execed {
		return
	}
	who := Who{e.Pid, e.Lid, e.Comm}
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
