package trace

import (
	"fmt"
	"strconv"
	"strings"

	"toaster/netbsd"
)

// decoder renders one call, led by its prototype.
type decoder struct {
	c    *Call
	max  int  // bytes of a buffer
	done bool // the call has ended
}

const (
	maxPath  = netbsd.PATH_MAX
	maxElems = 16 // elements of an array shown
	maxStrv  = 32 // strings of an argument list shown
)

// entry renders the arguments that the kernel reads from memory.
func (d *decoder) entry() (in [8]string) {
	for i, a := range d.args() {
		if a.Dir&netbsd.In != 0 || a.Kind == netbsd.KIoctl || a.Kind == netbsd.KFcntl {
			in[i] = d.arg(i, a)
		}
	}
	return in
}

func (d *decoder) args() []netbsd.Arg {
	if p := d.c.Proto; p != nil {
		return p.Args
	}
	return nil
}

// callText renders "name(arguments)".
func (d *decoder) callText() string {
	var b strings.Builder
	b.WriteString(netbsd.SyscallName(d.c.Nr))
	b.WriteByte('(')
	n := 0
	for i, a := range d.args() {
		if a.Kind == netbsd.KPad || d.omit(i, a) {
			continue
		}
		if n++; n > 1 {
			b.WriteString(", ")
		}
		b.WriteString(d.shown(i, a))
	}
	b.WriteByte(')')
	return b.String()
}

// omit leaves out the mode of an open that creates nothing, and the argument of a
// fcntl that has none.
func (d *decoder) omit(i int, a netbsd.Arg) bool {
	if a.Kind == netbsd.KFcntl {
		switch uint32(d.c.Args[a.Len]) {
		case netbsd.F_GETFD, netbsd.F_GETFL, netbsd.F_GETOWN, netbsd.F_CLOSEM, netbsd.F_MAXFD, netbsd.F_GETNOSIGPIPE:
			return true
		}
	}
	return a.Kind == netbsd.KMode && (d.c.Nr == netbsd.SYS_open || d.c.Nr == netbsd.SYS_openat) &&
		d.c.Args[i-1]&netbsd.O_CREAT == 0
}

// shown joins what an argument was and what it is: as the kernel read it, as it
// wrote it, or both where that differs.
func (d *decoder) shown(i int, a netbsd.Arg) string {
	in := d.c.in[i]
	switch {
	case in == "":
		return d.arg(i, a)
	case !d.done || d.c.Err != 0 || a.Dir == netbsd.In:
		return in
	}
	out := d.arg(i, a)
	if out == in || a.Kind == netbsd.KFcntl && a.Dir == 0 && !d.fcntlWrites() {
		return in
	}
	if a.Kind == netbsd.KIoctl {
		if q := netbsd.DecodeIoctl(d.c.Args[a.Len]); !q.Out {
			return in
		} else if !q.In {
			return out
		}
	}
	return in + " => " + out
}

func (d *decoder) fcntlWrites() bool {
	return uint32(d.c.Args[1]) == netbsd.F_GETLK || uint32(d.c.Args[1]) == netbsd.F_GETPATH
}

// arg renders one argument with memory as it is now.
func (d *decoder) arg(i int, a netbsd.Arg) string {
	v := d.c.Args[i]
	switch a.Kind {
	case netbsd.KInt, netbsd.KFd, netbsd.KPid, netbsd.KLid:
		return strconv.Itoa(int(int32(v)))
	case netbsd.KDirFd:
		if int32(v) == netbsd.AT_FDCWD {
			return "AT_FDCWD"
		}
		return strconv.Itoa(int(int32(v)))
	case netbsd.KUint:
		return strconv.FormatUint(uint64(uint32(v)), 10)
	case netbsd.KLong, netbsd.KOff:
		return strconv.FormatInt(int64(v), 10)
	case netbsd.KUlong, netbsd.KSize:
		return sizeText(v)
	case netbsd.KMode:
		return fmt.Sprintf("%#o", uint32(v))
	case netbsd.KUID:
		return idText(uint32(v))
	case netbsd.KSignal:
		return signalText(int32(v))
	case netbsd.KClock:
		return netbsd.FlagSets()["clock"].Value(uint64(uint32(v)))
	case netbsd.KFlags:
		return a.Set.Names(low(v))
	case netbsd.KEnum:
		return d.enum(i, a, v)
	case netbsd.KSyscall:
		return netbsd.SyscallName(int(int32(v)))
	}
	return d.pointer(i, a, v)
}

func (d *decoder) pointer(i int, a netbsd.Arg, v uint64) string {
	switch a.Kind {
	case netbsd.KIoctl:
		return d.ioctl(d.c.Args[a.Len], v)
	case netbsd.KFcntl:
		return d.fcntl(uint32(d.c.Args[a.Len]), v)
	}
	if v == 0 && a.Kind != netbsd.KHex && a.Kind != netbsd.KDev {
		return "NULL"
	}
	unread := a.Dir == netbsd.Out && (!d.done || d.failed())
	switch {
	case unread:
	case a.Kind == netbsd.KPath:
		return d.str(v, maxPath)
	case a.Kind == netbsd.KStr:
		return d.str(v, max(d.max, 64))
	case a.Kind == netbsd.KStrv:
		return d.strv(v)
	case a.Kind == netbsd.KBuf:
		return d.bufArg(a, v)
	case a.Kind == netbsd.KStruct:
		return d.layout(a, v)
	}
	return hex(v)
}

// failed says whether the call wrote nothing. wait4(2) and wait6(2) write nothing when they return
// 0, as no child has changed.
func (d *decoder) failed() bool {
	if d.c.Err > 0 || d.c.Err == netbsd.ERESTART {
		return true
	}
	if d.c.Proto == nil {
		return false
	}
	v := d.c.Ret[0]
	return d.c.Proto.Ret == netbsd.RetErrno && v != 0 || d.c.Proto.Ret == netbsd.RetPid && v == 0
}

// count returns how many elements, or bytes, an array argument has: what the caller
// said, and no more than the result where the kernel filled it.
func (d *decoder) count(a netbsd.Arg) uint64 {
	n := uint64(1)
	switch {
	case a.Count > 0:
		n = uint64(a.Count)
	case a.Len >= 0 && a.Deref:
		b, ok := d.read(d.c.Args[a.Len], 4)
		if !ok {
			return 0
		}
		n = uint64(le.Uint32(b))
	case a.Len >= 0:
		n = d.c.Args[a.Len]
	}
	if d.done && a.Dir == netbsd.Out && d.c.Proto.Ret == netbsd.RetSize && !a.Deref && a.Count == 0 {
		n = min(n, d.c.Ret[0])
	}
	return n
}

func (d *decoder) enum(i int, a netbsd.Arg, v uint64) string {
	set := a.Set
	if set == netbsd.FlagSets()["sockopt"] && i > 0 {
		set = sockoptSet(uint32(d.c.Args[i-1]))
	}
	if set.Base == 10 {
		return set.Value(uint64(int64(int32(v))))
	}
	return set.Value(low(v))
}

func sockoptSet(level uint32) *netbsd.FlagSet {
	switch level {
	case netbsd.IPPROTO_TCP:
		return netbsd.FlagSets()["tcpopt"]
	case netbsd.IPPROTO_IP:
		return netbsd.FlagSets()["ipopt"]
	case netbsd.IPPROTO_IPV6:
		return netbsd.FlagSets()["ipv6opt"]
	}
	return netbsd.FlagSets()["sockopt"]
}

// result renders what the call returned.
func (d *decoder) result() string {
	switch errno := d.c.Err; {
	case errno == netbsd.ERESTART:
		return "? ERESTART (begins again after the signal)"
	case errno > 0:
		return "-1 " + errno.Name() + " (" + errno.Error() + ")"
	case errno == netbsd.EJUSTRETURN || d.c.Proto == nil:
		return "0"
	}
	v := d.c.Ret[0]
	switch d.c.Proto.Ret {
	case netbsd.RetNone, netbsd.RetNever:
		return "0"
	case netbsd.RetPtr, netbsd.RetHex:
		return hex(v)
	case netbsd.RetMode:
		return fmt.Sprintf("%#o", v)
	case netbsd.RetPair:
		return fmt.Sprintf("[%d, %d]", int32(v), int32(d.c.Ret[1]))
	case netbsd.RetErrno:
		if v != 0 {
			errno := netbsd.Errno(int16(v))
			return strconv.Itoa(int(v)) + " " + errno.Name() + " (" + errno.Error() + ")"
		}
		return "0"
	case netbsd.RetUID:
		return idText(uint32(v))
	}
	return strconv.FormatInt(int64(v), 10)
}

func hex(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }

// sizeText shows lengths that are really negative numbers as such.
func sizeText(v uint64) string {
	if int64(v) < 0 && int64(v) > -4096 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatUint(v, 10)
}

func idText(v uint32) string {
	if v == 1<<32-1 {
		return "-1"
	}
	return strconv.FormatUint(uint64(v), 10)
}

func signalText(v int32) string {
	if v > 0 && v < netbsd.NSIG {
		return netbsd.Signal(v).String()
	}
	return strconv.Itoa(int(v))
}

// low drops the sign extension of an int in a 64-bit register.
func low(v uint64) uint64 {
	if hi := v >> 32; hi == 0 || hi == 1<<32-1 {
		return v & (1<<32 - 1)
	}
	return v
}
