package netbsd

// Constants of aio.h.
const (
	AIO_CANCELED    = 1
	AIO_NOTCANCELED = 2
	AIO_ALLDONE     = 3

	LIO_NOP   = 0
	LIO_WRITE = 1
	LIO_READ  = 2

	LIO_NOWAIT = 0
	LIO_WAIT   = 1

	AIO_LISTIO_MAX = 512 // jobs of a process
	AIO_MAX        = 512 * 16

	// States of a job, as struct aiocb has them.
	JOB_NONE = 0
	JOB_WIP  = 1
	JOB_DONE = 2
)

// Aiocb is struct aiocb.
type Aiocb struct {
	Offset         int64
	Buf, Nbytes    uint64
	Fildes, Opcode int32
	Reqprio        int32
	Event          Sigevent
	State          int32
	Errno          Errno
	Retval         int64
}

// SizeofAiocb is its size.
const SizeofAiocb = 88

// Encode stores struct aiocb:
//
//	offset 0, buf 8, nbytes 16, fildes 24, opcode 28, reqprio 32, sigevent 40, state 72, errno 76, retval 80
func (a *Aiocb) Encode(b []byte) {
	clear(b[:SizeofAiocb])
	for i, v := range [...]uint64{uint64(a.Offset), a.Buf, a.Nbytes} {
		le.PutUint64(b[8*i:], v)
	}
	for i, v := range [...]int32{a.Fildes, a.Opcode, a.Reqprio} {
		le.PutUint32(b[24+4*i:], uint32(v))
	}
	a.Event.Encode(b[40:])
	le.PutUint32(b[72:], uint32(a.State))
	le.PutUint32(b[76:], uint32(a.Errno))
	le.PutUint64(b[80:], uint64(a.Retval))
}

// DecodeAiocb reads struct aiocb.
func DecodeAiocb(b []byte) Aiocb {
	i32 := func(at int) int32 { return int32(le.Uint32(b[at:])) }
	return Aiocb{
		Offset: int64(le.Uint64(b)), Buf: le.Uint64(b[8:]), Nbytes: le.Uint64(b[16:]),
		Fildes: i32(24), Opcode: i32(28), Reqprio: i32(32), Event: DecodeSigevent(b[40:]),
		State: i32(72), Errno: Errno(i32(76)), Retval: int64(le.Uint64(b[80:])),
	}
}
