package netbsd

// Sizes of signal structures.
const (
	SizeofSiginfo   = 128
	SizeofKsiginfo  = 96 // what of it is no padding
	SizeofSigaction = 32
	SizeofStack     = 24
	SizeofUcontext  = 784
	SizeofMcontext  = 728
	SizeofFpregs    = 512
	SizeofDbregs    = 128
	SizeofSigevent  = 32
)

// Siginfo, 128 bytes:
//
//	0 signo   4 code   8 errno   16 a union:
//	  kill, sigqueue, timers   16 pid  20 uid  24 value (8)
//	  SIGCHLD                  16 pid  20 uid  24 status  28 utime  32 stime
//	  faults                   16 addr (8)  24 trap
//	  ptrace events            16 event  20 pid or LWP
//	  system-call stops        16 number  20 results (4+4)  28 error  32 arguments (8 times 8)
//
// Which arm counts follows from signo and code, as the kernel's own copying does.
const (
	siSigno, siCode, siErrno   = 0, 4, 8
	siPid, siUID, siValue      = 16, 20, 24
	siStatus, siUtime, siStime = 24, 28, 32
	siAddr, siTrap             = 16, 24
	siPeEvent, siPeOther       = 16, 20
	siSysnum, siArgs           = 16, 32
)

// arm says how the union of a siginfo is used.
type arm uint8

const (
	armRT arm = iota
	armChild
	armFault
	armPtrace
	armSyscall
)

func (s *Siginfo) arm() arm {
	if s.Code <= 0 || s.Code == SI_NOINFO {
		return armRT
	}
	switch s.Signo {
	case SIGCHLD:
		return armChild
	case SIGILL, SIGFPE, SIGSEGV, SIGBUS:
		return armFault
	case SIGTRAP:
		switch s.Code {
		case TRAP_CHLD, TRAP_LWP:
			return armPtrace
		case TRAP_SCE, TRAP_SCX:
			return armSyscall
		}
		return armFault
	}
	return armRT
}

// Encode fills 128 bytes, the last 32 with zeroes. Whole, if it is not nil, counts alone.
func (s *Siginfo) Encode(b []byte) {
	clear(b[:SizeofSiginfo])
	if s.Whole != nil {
		copy(b, s.Whole[:])
		return
	}
	le.PutUint32(b[siSigno:], uint32(int32(s.Signo)))
	le.PutUint32(b[siCode:], uint32(s.Code))
	le.PutUint32(b[siErrno:], uint32(s.Errno))
	switch s.arm() {
	case armFault:
		le.PutUint64(b[siAddr:], s.Addr)
		le.PutUint32(b[siTrap:], uint32(s.Trap))
	case armPtrace:
		le.PutUint32(b[siPeEvent:], uint32(s.Status))
		le.PutUint32(b[siPeOther:], uint32(s.Pid))
	case armSyscall:
		s.putSyscall(b)
	case armChild:
		s.putIDs(b)
		le.PutUint32(b[siStatus:], uint32(s.Status))
		le.PutUint32(b[siUtime:], uint32(s.Utime))
		le.PutUint32(b[siStime:], uint32(s.Stime))
	default:
		s.putIDs(b)
		le.PutUint64(b[siValue:], s.Value)
	}
}

func (s *Siginfo) putSyscall(b []byte) {
	if c := s.Syscall; c != nil {
		for i, v := range [...]int32{c.Nr, c.Ret[0], c.Ret[1], c.Error} {
			le.PutUint32(b[siSysnum+4*i:], uint32(v))
		}
		for i, v := range c.Args {
			le.PutUint64(b[siArgs+8*i:], v)
		}
	}
}

func getSyscall(b []byte) *SiginfoSyscall {
	c := new(SiginfoSyscall)
	for i, v := range [...]*int32{&c.Nr, &c.Ret[0], &c.Ret[1], &c.Error} {
		*v = int32(le.Uint32(b[siSysnum+4*i:]))
	}
	for i := range c.Args {
		c.Args[i] = le.Uint64(b[siArgs+8*i:])
	}
	return c
}

func (s *Siginfo) putIDs(b []byte) {
	le.PutUint32(b[siPid:], uint32(s.Pid))
	le.PutUint32(b[siUID:], s.UID)
}

// DecodeSiginfo reads SizeofKsiginfo bytes; a number that is no signal's is -1. For ptrace events Status is the event and Pid the
// other process or LWP.
// What is in none of the fields that count is in Whole.
func DecodeSiginfo(b []byte) Siginfo {
	s := decodeSiginfo(b)
	var again [SizeofSiginfo]byte
	s.Encode(again[:])
	if whole := [SizeofKsiginfo]byte(b); whole != [SizeofKsiginfo]byte(again[:]) && s.Signo >= 0 {
		s.Whole = &whole
	}
	return s
}

func decodeSiginfo(b []byte) (s Siginfo) {
	if s.Signo = -1; le.Uint32(b[siSigno:]) < NSIG { // no other number is a signal, whatever its low byte
		s.Signo = Signal(b[siSigno])
	}
	s.Code = int32(le.Uint32(b[siCode:]))
	s.Errno = int32(le.Uint32(b[siErrno:]))
	switch s.arm() {
	case armFault:
		s.Addr, s.Trap = le.Uint64(b[siAddr:]), int32(le.Uint32(b[siTrap:]))
	case armPtrace:
		s.Status, s.Pid = int32(le.Uint32(b[siPeEvent:])), int32(le.Uint32(b[siPeOther:]))
	case armSyscall:
		s.Syscall = getSyscall(b)
	case armChild:
		s.getIDs(b)
		s.Status = int32(le.Uint32(b[siStatus:]))
		s.Utime, s.Stime = int64(le.Uint32(b[siUtime:])), int64(le.Uint32(b[siStime:]))
	default:
		s.getIDs(b)
		s.Value = le.Uint64(b[siValue:])
	}
	return s
}

func (s *Siginfo) getIDs(b []byte) {
	s.Pid, s.UID = int32(le.Uint32(b[siPid:])), le.Uint32(b[siUID:])
}

// Sigaction is struct sigaction: handler 0, mask 8 (16 bytes), flags 24.
type Sigaction struct {
	Handler uint64
	Mask    Sigset
	Flags   int32
}

// Encode fills 32 bytes, of which the last 4 are padding.
func (a Sigaction) Encode(b []byte) {
	le.PutUint64(b, a.Handler)
	PutSigset(b[8:], a.Mask)
	le.PutUint64(b[24:], uint64(uint32(a.Flags)))
}

// DecodeSigaction reads 32 bytes.
func DecodeSigaction(b []byte) Sigaction {
	return Sigaction{le.Uint64(b), GetSigset(b[8:]), int32(le.Uint32(b[24:]))}
}

// Stack is stack_t: address 0, size 8, flags 16.
type Stack struct {
	Sp, Size uint64
	Flags    int32
}

// Encode fills 24 bytes.
func (s Stack) Encode(b []byte) {
	le.PutUint64(b, s.Sp)
	le.PutUint64(b[8:], s.Size)
	le.PutUint64(b[16:], uint64(uint32(s.Flags)))
}

// DecodeStack reads 24 bytes.
func DecodeStack(b []byte) Stack {
	return Stack{le.Uint64(b), le.Uint64(b[8:]), int32(le.Uint32(b[16:]))}
}

// Sigevent is struct sigevent: notify 0, signo 4, value 8, function 16, attributes
// 24.
type Sigevent struct {
	Notify, Signo int32
	Value         uint64
	Func, Attr    uint64
}

// Encode fills 32 bytes.
func (s Sigevent) Encode(b []byte) {
	clear(b[:SizeofSigevent])
	le.PutUint32(b, uint32(s.Notify))
	le.PutUint32(b[4:], uint32(s.Signo))
	le.PutUint64(b[8:], s.Value)
	le.PutUint64(b[16:], s.Func)
	le.PutUint64(b[24:], s.Attr)
}

// DecodeSigevent reads 32 bytes.
func DecodeSigevent(b []byte) Sigevent {
	return Sigevent{int32(le.Uint32(b)), int32(le.Uint32(b[4:])), le.Uint64(b[8:]), le.Uint64(b[16:]), le.Uint64(b[24:])}
}
