package trace

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"toaster/netbsd"
)

// This file renders what the table alone cannot: structures whose length goes with
// them, and arguments whose meaning hangs on another one.

func (d *decoder) sockaddr(addr, n uint64) string {
	b, ok := d.read(addr, int(min(n, 255)))
	if !ok {
		return hex(addr)
	}
	a, errno := netbsd.DecodeSockaddr(b)
	if errno != 0 {
		return quote(b)
	}
	switch a.Family {
	case netbsd.AF_INET, netbsd.AF_INET6:
		return a.Addr.String()
	case netbsd.AF_LOCAL:
		return "unix:" + strconv.Quote(a.Path)
	}
	return fmt.Sprintf("{family=%s, %x}", netbsd.FlagSets()["af"].Value(uint64(a.Family)), a.Raw)
}

// bufArg shows a value of sysctl or of a socket option as the int that it most often
// is, and bytes elsewhere.
func (d *decoder) bufArg(a netbsd.Arg, addr uint64) string {
	n := d.count(a)
	switch d.c.Nr {
	case netbsd.SYS___sysctl, netbsd.SYS_getsockopt, netbsd.SYS_setsockopt:
		if b, ok := d.read(addr, 4); ok && n == 4 {
			return "[" + strconv.Itoa(int(int32(le.Uint32(b)))) + "]"
		}
	}
	return d.buf(addr, n)
}

func (d *decoder) dirents(addr, n uint64) string {
	b, ok := d.read(addr, int(min(n, 1<<16)))
	if !ok {
		return hex(addr)
	}
	var l []string
	for len(l) < maxElems {
		e, used := netbsd.DecodeDirent(b)
		if used == 0 {
			break
		}
		l = append(l, strconv.Quote(e.Name))
		b = b[used:]
	}
	if len(b) > 0 {
		l = append(l, "...")
	}
	return "[" + strings.Join(l, ", ") + "]"
}

func (d *decoder) fdset(addr, nd uint64) string {
	nd = min(nd, 4096)
	b, ok := d.read(addr, netbsd.FdSetLen(int(nd)))
	if !ok {
		return hex(addr)
	}
	var l []string
	for fd := range int(nd) {
		if netbsd.FdSet(b).Has(fd) {
			l = append(l, strconv.Itoa(fd))
		}
	}
	return "[" + strings.Join(l, " ") + "]"
}

// iovecs shows the data of as many bytes as were transferred.
func (d *decoder) iovecs(addr, n uint64, filled bool) string {
	n = min(n, maxElems)
	b, ok := d.read(addr, int(n)*netbsd.SizeofIovec)
	if !ok {
		return hex(addr)
	}
	left := uint64(1 << 62)
	if filled {
		left = d.c.Ret[0]
	}
	l := make([]string, n)
	for i := range l {
		v := netbsd.DecodeIovec(b[i*netbsd.SizeofIovec:])
		l[i] = fmt.Sprintf("{%s, %d}", d.buf(v.Base, min(v.Len, left)), v.Len)
		left -= min(v.Len, left)
	}
	return "[" + strings.Join(l, ", ") + "]"
}

func (d *decoder) msghdr(addr uint64) string {
	b, ok := d.read(addr, netbsd.SizeofMsghdr)
	if !ok {
		return hex(addr)
	}
	m := netbsd.DecodeMsghdr(b)
	var l []string
	if m.Name != 0 && m.Namelen != 0 {
		l = append(l, "name="+d.sockaddr(m.Name, uint64(m.Namelen)))
	}
	if d.c.Nr == netbsd.SYS_sendmsg || d.done {
		l = append(l, "iov="+d.iovecs(m.Iov, uint64(uint32(m.Iovlen)), d.done))
	}
	if m.Control != 0 && m.Controllen != 0 {
		l = append(l, "control="+d.cmsgs(m.Control, m.Controllen))
	}
	if m.Flags != 0 && d.done {
		l = append(l, "flags="+netbsd.FlagSets()["msg"].Names(uint64(uint32(m.Flags))))
	}
	return "{" + strings.Join(l, ", ") + "}"
}

func (d *decoder) cmsgs(addr uint64, n uint32) string {
	b, ok := d.read(addr, int(min(n, 4096)))
	if !ok {
		return hex(addr)
	}
	l, errno := netbsd.ParseCmsgs(b)
	if errno != 0 {
		return quote(b)
	}
	var out []string
	for _, c := range l {
		switch {
		case c.Level == netbsd.SOL_SOCKET && c.Type == netbsd.SCM_RIGHTS:
			var fds []string
			for p := c.Data; len(p) >= 4; p = p[4:] {
				fds = append(fds, strconv.Itoa(int(int32(le.Uint32(p)))))
			}
			out = append(out, "SCM_RIGHTS["+strings.Join(fds, " ")+"]")
		default:
			out = append(out, fmt.Sprintf("{%d, %d, %d bytes}", c.Level, c.Type, len(c.Data)))
		}
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// ioctl renders the data of a request whose argument is known.
func (d *decoder) ioctl(req, v uint64) string {
	q := netbsd.DecodeIoctl(low(req))
	if !q.In && !q.Out {
		return hex(v)
	}
	if !q.In && (!d.done || d.failed()) {
		return hex(v)
	}
	b, ok := d.read(v, q.Len)
	if !ok {
		return hex(v)
	}
	switch {
	case q.Group == 't' && q.Len == netbsd.SizeofTermios:
		return termiosText(netbsd.DecodeTermios(b))
	case q.Group == 't' && q.Len == netbsd.SizeofWinsize:
		w := netbsd.DecodeWinsize(b)
		return fmt.Sprintf("{rows=%d, cols=%d, xpixels=%d, ypixels=%d}", w.Row, w.Col, w.Xpixel, w.Ypixel)
	case q.Len == 4:
		return fmt.Sprintf("[%d]", int32(le.Uint32(b)))
	}
	return hex(v)
}

func termiosText(t netbsd.Termios) string {
	f := netbsd.FlagSets()
	return fmt.Sprintf("{iflag=%s, oflag=%s, cflag=%s, lflag=%s}", f["iflag"].Names(uint64(t.Iflag)),
		f["oflag"].Names(uint64(t.Oflag)), f["cflag"].Names(uint64(t.Cflag)), f["lflag"].Names(uint64(t.Lflag)))
}

func (d *decoder) fcntl(cmd uint32, v uint64) string {
	switch cmd {
	case netbsd.F_SETFD:
		return netbsd.FlagSets()["fdflags"].Names(low(v))
	case netbsd.F_SETFL:
		return netbsd.FlagSets()["open"].Names(low(v))
	case netbsd.F_GETLK, netbsd.F_SETLK, netbsd.F_SETLKW:
		b, ok := d.read(v, netbsd.SizeofFlock)
		if !ok {
			return hex(v)
		}
		l := netbsd.DecodeFlock(b)
		return fmt.Sprintf("{%s, %s, start=%d, len=%d, pid=%d}", netbsd.FlagSets()["flocktype"].Value(uint64(uint16(l.Type))),
			netbsd.FlagSets()["whence"].Value(uint64(uint16(l.Whence))), l.Start, l.Len, l.Pid)
	}
	return strconv.Itoa(int(int32(v)))
}

// siginfoText shows the fields that count for the signal and its code.
func siginfoText(s *netbsd.Siginfo) string {
	code := codeName(s.Signo, s.Code)
	switch {
	case s.Code <= 0 || s.Code == netbsd.SI_NOINFO:
		t := "{si_code=" + code
		if s.Pid != 0 || s.Code == netbsd.SI_USER {
			t += fmt.Sprintf(", si_pid=%d, si_uid=%d", s.Pid, s.UID)
		}
		if s.Value != 0 {
			t += fmt.Sprintf(", si_value=%#x", s.Value)
		}
		return t + "}"
	case s.Signo == netbsd.SIGCHLD:
		st := strconv.Itoa(int(s.Status))
		if s.Code != netbsd.CLD_EXITED {
			st = signalText(s.Status)
		}
		return fmt.Sprintf("{si_code=%s, si_pid=%d, si_uid=%d, si_status=%s}", code, s.Pid, s.UID, st)
	case s.Signo == netbsd.SIGTRAP && s.Code >= netbsd.TRAP_CHLD && s.Code != netbsd.TRAP_DBREG:
		return "{si_code=" + code + "}"
	}
	return fmt.Sprintf("{si_code=%s, si_addr=%#x, si_trap=%d}", code, s.Addr, s.Trap)
}

var codeNames = sync.OnceValue(func() map[netbsd.Signal][]string {
	return map[netbsd.Signal][]string{
		netbsd.SIGCHLD: {1: "CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"},
		netbsd.SIGSEGV: {1: "SEGV_MAPERR", "SEGV_ACCERR"},
		netbsd.SIGBUS:  {1: "BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR"},
		netbsd.SIGTRAP: {1: "TRAP_BRKPT", "TRAP_TRACE", "TRAP_EXEC", "TRAP_CHLD", "TRAP_LWP", "TRAP_DBREG", "TRAP_SCE", "TRAP_SCX"},
		netbsd.SIGFPE:  {1: "FPE_INTDIV", "FPE_INTOVF", "FPE_FLTDIV", "FPE_FLTOVF", "FPE_FLTUND", "FPE_FLTRES", "FPE_FLTINV", "FPE_FLTSUB"},
		netbsd.SIGILL:  {1: "ILL_ILLOPC", "ILL_ILLOPN", "ILL_ILLADR", "ILL_ILLTRP", "ILL_PRVOPC", "ILL_PRVREG", "ILL_COPROC", "ILL_BADSTK"},
	}
})

func codeName(g netbsd.Signal, code int32) string {
	switch code {
	case netbsd.SI_USER:
		return "SI_USER"
	case netbsd.SI_QUEUE:
		return "SI_QUEUE"
	case netbsd.SI_TIMER:
		return "SI_TIMER"
	case netbsd.SI_ASYNCIO:
		return "SI_ASYNCIO"
	case netbsd.SI_MESGQ:
		return "SI_MESGQ"
	case netbsd.SI_LWP:
		return "SI_LWP"
	case netbsd.SI_NOINFO:
		return "SI_NOINFO"
	}
	if l := codeNames()[g]; code > 0 && int(code) < len(l) {
		return l[code]
	}
	return strconv.Itoa(int(code))
}
