package netbsd

// Sizes of ptrace(2) structures.
const (
	SizeofPtraceEvent   = 4
	SizeofPtraceState   = 8
	SizeofPtraceIODesc  = 32
	SizeofPtraceLwpinfo = 8
	SizeofPtraceStatus  = 64
	SizeofPtraceSiginfo = 136
	SizeofPtraceRegs    = 8 * NGREG
)

// PtraceState is struct ptrace_state: the event, and the other process or LWP.
type PtraceState struct{ Event, Other int32 }

// Encode fills 8 bytes.
func (s PtraceState) Encode(b []byte) {
	le.PutUint32(b, uint32(s.Event))
	le.PutUint32(b[4:], uint32(s.Other))
}

// PtraceIODesc is struct ptrace_io_desc: operation 0 (4+4), address in the child 8,
// in the parent 16, length 24.
type PtraceIODesc struct {
	Op              int32
	Offs, Addr, Len uint64
}

// Encode fills 32 bytes.
func (d PtraceIODesc) Encode(b []byte) {
	le.PutUint64(b, uint64(uint32(d.Op)))
	le.PutUint64(b[8:], d.Offs)
	le.PutUint64(b[16:], d.Addr)
	le.PutUint64(b[24:], d.Len)
}

// DecodePtraceIODesc reads 32 bytes.
func DecodePtraceIODesc(b []byte) PtraceIODesc {
	return PtraceIODesc{int32(le.Uint32(b)), le.Uint64(b[8:]), le.Uint64(b[16:]), le.Uint64(b[24:])}
}

// PtraceLwpinfo is struct ptrace_lwpinfo.
type PtraceLwpinfo struct{ Lwpid, Event int32 }

// Encode fills 8 bytes.
func (i PtraceLwpinfo) Encode(b []byte) {
	le.PutUint32(b, uint32(i.Lwpid))
	le.PutUint32(b[4:], uint32(i.Event))
}

// DecodePtraceLwpinfo reads 8 bytes.
func DecodePtraceLwpinfo(b []byte) PtraceLwpinfo {
	return PtraceLwpinfo{int32(le.Uint32(b)), int32(le.Uint32(b[4:]))}
}

// PtraceLwpstatus is struct ptrace_lwpstatus, 64 bytes: LWP 0, pending signals 4,
// mask 20, name 36 (20 bytes), private pointer 56.
type PtraceLwpstatus struct {
	Lwpid         int32
	Pending, Mask Sigset
	Name          string
	Private       uint64
}

// Encode fills 64 bytes.
func (s *PtraceLwpstatus) Encode(b []byte) {
	clear(b[:SizeofPtraceStatus])
	le.PutUint32(b, uint32(s.Lwpid))
	PutSigset(b[4:], s.Pending)
	PutSigset(b[20:], s.Mask)
	putStr(b[36:56], s.Name)
	le.PutUint64(b[56:], s.Private)
}

// PtraceSiginfo is struct ptrace_siginfo: the siginfo and, at 128, the LWP that it
// was for, 0 for the process. A siginfo has pointers, so 4 bytes of padding end it.
type PtraceSiginfo struct {
	Info  Siginfo
	Lwpid int32
}

// Encode fills 136 bytes.
func (s *PtraceSiginfo) Encode(b []byte) {
	clear(b[SizeofSiginfo:SizeofPtraceSiginfo])
	s.Info.Encode(b)
	le.PutUint32(b[SizeofSiginfo:], uint32(s.Lwpid))
}

// DecodePtraceSiginfo reads 136 bytes.
func DecodePtraceSiginfo(b []byte) PtraceSiginfo {
	return PtraceSiginfo{DecodeSiginfo(b), int32(le.Uint32(b[SizeofSiginfo:]))}
}
