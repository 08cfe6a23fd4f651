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

// Where a call has what it moves: at its second argument, or that leads there.
const (
	genioBuffer   = iota
	genioVector   // of as many as the third argument says
	genioMessage  // a struct msghdr, with a vector
	genioMessages // a vector of those, each with the length that it has moved; the result is how many
)

// genioCall says of a call whose data is written down which way it goes, and where it is. All of them have the descriptor for
// their first argument. Those for messages end in do_sys_sendmsg_so and do_sys_recvmsg_so, and have a record for each message.
func genioCall(nr int) (rw, where int, ok bool) {
	switch nr {
	case netbsd.SYS_read, netbsd.SYS_pread, netbsd.SYS_recvfrom:
		return uioRead, genioBuffer, true
	case netbsd.SYS_readv, netbsd.SYS_preadv:
		return uioRead, genioVector, true
	case netbsd.SYS_recvmsg:
		return uioRead, genioMessage, true
	case netbsd.SYS_recvmmsg:
		return uioRead, genioMessages, true
	case netbsd.SYS_write, netbsd.SYS_pwrite, netbsd.SYS_sendto:
		return uioWrite, genioBuffer, true
	case netbsd.SYS_writev, netbsd.SYS_pwritev:
		return uioWrite, genioVector, true
	case netbsd.SYS_sendmsg:
		return uioWrite, genioMessage, true
	case netbsd.SYS_sendmmsg:
		return uioWrite, genioMessages, true
	}
	return 0, 0, false
}

// genioMost is how much of a call's data is written down: a guest chooses the length of a transfer, and each record lies in toaster's
// memory until the file has it.
const genioMost = 1 << 20

// genio writes down what a call has moved, as it stands in the guest's memory now. NetBSD copies while it moves (ktrgenio in
// uiomove's callers); a sibling that writes there at once is seen here, which nobody could rely on there either.
func (mc *Context) genio(t *syscalls.Ktracer, call *trace.Call) {
	rw, where, ok := genioCall(call.Nr)
	if !ok {
		return
	}
	w := trace.Who{Pid: call.Pid, Lid: call.Lid, Comm: call.Comm}
	for _, data := range mc.moved(where, call.Args[1], call.Args[2], mc.call.Ret[0]) {
		t.Genio(w, int(int32(call.Args[0])), rw, data)
	}
}

// moved returns what a call has moved, a piece for each record: from or to addr, where there are count of them, with that result.
//
// All pieces together are cut to genioMost, so that a vector with one buffer many times costs no more than
// that. What has been unmapped since is left out.
func (mc *Context) moved(where int, addr, count, result uint64) (list [][]byte) {
	left := uint64(genioMost)
	switch where {
	case genioBuffer:
		return [][]byte{mc.memory(addr, min(result, left))}
	case genioVector:
		return [][]byte{mc.gather(addr, count, min(result, left))}
	case genioMessage:
		return mc.message(list, addr, min(result, left))
	}
	for i := range result { // mmsgMax at most
		var n [4]byte
		if mc.space.Read(addr+i*netbsd.SizeofMmsghdr+netbsd.SizeofMsghdr, n[:]) != 0 {
			break
		}
		size := min(uint64(le.Uint32(n[:])), left)
		list = mc.message(list, addr+i*netbsd.SizeofMmsghdr, size)
		left -= size
	}
	return list
}

// message adds the first n bytes of the message that a struct msghdr describes; of one without a vector there is no record.
func (mc *Context) message(list [][]byte, addr, n uint64) [][]byte {
	var b [netbsd.SizeofMsghdr]byte
	if mc.space.Read(addr, b[:]) != 0 {
		return list
	}
	h := netbsd.DecodeMsghdr(b[:])
	if h.Iovlen <= 0 {
		return list
	}
	return append(list, mc.gather(h.Iov, uint64(h.Iovlen), n))
}

// gather returns the first n bytes of a vector's buffers. The call has succeeded, so the vector had no more than IOV_MAX entries; the
// guest may have changed it since, so no more are read again.
func (mc *Context) gather(addr, count, n uint64) (data []byte) {
	for i := uint64(0); n > 0 && i < min(count, netbsd.IOV_MAX); i++ {
		var v [netbsd.SizeofIovec]byte
		if mc.space.Read(addr+i*netbsd.SizeofIovec, v[:]) != 0 {
			break
		}
		part := min(le.Uint64(v[8:]), n)
		data = append(data, mc.memory(le.Uint64(v[:]), part)...)
		n -= part
	}
	return data
}

// memory reads up to n bytes, as many as are there. n is bounded by the caller. Of a process that has been
// killed meanwhile there are none.
func (mc *Context) memory(addr, n uint64) []byte {
	b := make([]byte, n)
	got, _ := mc.space.proc.Read(addr, b)
	return b[:max(got, 0)]
}
