package machine

import (
	"time"

	"toaster/internal/syscalls"
	"toaster/internal/trace"
	"toaster/netbsd"
)

// This file has a process's calls written down that is traced by ktrace(2). Signals, sleeps and
// what a program says itself come by other ways (syscalls.Ktracer).

// ktraced is the call with records of its beginning, its end and the data that it has moved. The
// tracer can come or go in between, as by the call itself.
//
// So it is asked for at each end, as ktr_syscall and ktr_sysret look at p_traceflag each, too. No lock is held.
//
// A call that does not return, as exit(2), has a record of its beginning only. Data is written down before the
// return, as ktrgenio comes before ktr_sysret. Whom the record is about is asked each time: an execve in
// between has changed the name.
func (s *System) ktraced(mc *Context, h syscalls.Handler) netbsd.Errno {
	c := &mc.call
	p := mc.l.Proc()
	call := trace.Call{Nr: c.Nr, Proto: syscalls.Prototype(c.Nr), Args: c.Args, Mem: mc.space.proc, Start: time.Now()}
	if t := syscalls.KtracerOf(p); t != nil {
		call.Pid, call.Lid, call.Comm = who(t.Who(mc.l))
		t.Enter(&call)
	}
	errno := s.asked(mc, h)
	if t := syscalls.KtracerOf(p); t != nil {
		call.Pid, call.Lid, call.Comm = who(t.Who(mc.l))
		if errno == 0 && t.Wants(netbsd.KTR_GENIO) {
			mc.genio(t, &call)
		}
		call.End, call.Ret, call.Err = time.Now(), c.Ret, errno
		t.Exit(&call)
	}
	return errno
}

// who are the parts of w in the order in which a call has them.
func who(w trace.Who) (pid, lid int, comm string) { return w.Pid, w.Lid, w.Comm }

// asked is the call, about which a systrace(4) may be asked. What looks on from outside hears of a call as the
// monitor has let it go on, with the arguments that this may have replaced; and of one that is refused it hears
// nothing.
func (s *System) asked(mc *Context, h syscalls.Handler) netbsd.Errno {
	if !mc.l.Proc().Systraced() {
		return s.untraced(mc, h)
	}
	return mc.call.Systraced(func() netbsd.Errno { return s.untraced(mc, h) })
}

// untraced is the call for who looks on from outside. h may be nil: traced tells of such a call, too, and
// answers ENOSYS itself.
func (s *System) untraced(mc *Context, h syscalls.Handler) netbsd.Errno {
	switch {
	case s.Sink != nil:
		return s.traced(mc, h)
	case h == nil:
		return netbsd.ENOSYS
	}
	return h(&mc.call)
}

// Values of enum uio_rw (sys/uio.h), which stand in a record of KTR_GENIO.
const (
	uioRead  = 0
	uioWrite = 1
)

// genioCall says of a call whose data is written down which way it goes, and whether the second argument leads
// to a vector. Both kinds have the descriptor for their first argument, and what is moved for their second.
func genioCall(nr int) (g struct {
	rw     int
	vector bool
}, ok bool) {
	switch nr {
	case netbsd.SYS_read, netbsd.SYS_pread, netbsd.SYS_recvfrom:
		g.rw = uioRead
	case netbsd.SYS_readv, netbsd.SYS_preadv:
		g.rw, g.vector = uioRead, true
	case netbsd.SYS_write, netbsd.SYS_pwrite, netbsd.SYS_sendto:
		g.rw = uioWrite
	case netbsd.SYS_writev, netbsd.SYS_pwritev:
		g.rw, g.vector = uioWrite, true
	default:
		return g, false
	}
	return g, true
}

// genioMost is how much of a call's data is written down: a guest chooses the length of a transfer, and each record lies in toaster's
// memory until the file has it.
const genioMost = 1 << 20

// genio writes down what a call has moved, as it stands in the guest's memory now. NetBSD copies while it moves (ktrgenio in
// uiomove's callers); a sibling that writes there at once is seen here, which nobody could rely on there either.
//
// The call has succeeded, so its vector had no more than IOV_MAX entries, and that many are read again at most.
// All entries together are cut to genioMost, so that a vector with one buffer many times costs no more than
// that. A buffer that has been unmapped since is left out.
func (mc *Context) genio(t *syscalls.Ktracer, call *trace.Call) {
	g, ok := genioCall(call.Nr)
	if !ok {
		return
	}
	left := min(mc.call.Ret[0], genioMost)
	w := trace.Who{Pid: call.Pid, Lid: call.Lid, Comm: call.Comm}
	if !g.vector {
		t.Genio(w, int(int32(call.Args[0])), g.rw, mc.memory(call.Args[1], left))
		return
	}
	var data []byte
	for i := uint64(0); left > 0 && i < call.Args[2]; i++ {
		var v [netbsd.SizeofIovec]byte
		if mc.space.Read(call.Args[1]+i*netbsd.SizeofIovec, v[:]) != 0 {
			break
		}
		n := min(le.Uint64(v[8:]), left)
		data = append(data, mc.memory(le.Uint64(v[:]), n)...)
		left -= n
	}
	t.Genio(w, int(int32(call.Args[0])), g.rw, data)
}

// memory reads up to n bytes, as many as are there. n is bounded by the caller. Of a process that has been
// killed meanwhile there are none.
func (mc *Context) memory(addr, n uint64) []byte {
	b := make([]byte, n)
	got, _ := mc.space.proc.Read(addr, b)
	return b[:max(got, 0)]
}
