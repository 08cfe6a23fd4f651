package trace

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"toaster/netbsd"
)

// layout renders a structure, or an array of them.
func (d *decoder) layout(a netbsd.Arg, addr uint64) string {
	size := uint64(netbsd.LayoutSize(a.Layout))
	n := d.count(a)
	switch a.Layout {
	case "sockaddr":
		return d.sockaddr(addr, n)
	case "dirents":
		return d.dirents(addr, n)
	case "fdset":
		return d.fdset(addr, n)
	case "msghdr":
		return d.msghdr(addr)
	case "iovec":
		return d.iovecs(addr, n, a.Dir == netbsd.Out)
	}
	f := layouts()[a.Layout]
	if f == nil {
		return hex(addr)
	}
	if a.Len < 0 && a.Count == 0 {
		b, ok := d.read(addr, int(size))
		if !ok {
			return hex(addr)
		}
		return f(b)
	}
	return d.array(addr, n, size, f)
}

func (d *decoder) array(addr, n, size uint64, f func([]byte) string) string {
	show := min(n, maxElems)
	b, ok := d.read(addr, int(show*size))
	if !ok && show > 0 {
		return hex(addr)
	}
	l := make([]string, 0, show+1)
	for i := range show {
		l = append(l, f(b[i*size:(i+1)*size]))
	}
	if show < n {
		l = append(l, "...")
	}
	if d.c.Nr == netbsd.SYS___sysctl {
		l = sysctlNames(l)
	}
	return "[" + strings.Join(l, ", ") + "]"
}

// sysctlNames puts names to the first two numbers of a sysctl name.
func sysctlNames(l []string) []string {
	second := map[string]string{"1": "ctlkern", "2": "ctlvm", "6": "ctlhw"}
	if len(l) > 1 {
		if set, ok := second[l[0]]; ok {
			l[1] = valueName(set, l[1])
		}
	}
	if len(l) > 0 {
		l[0] = valueName("ctl", l[0])
	}
	return l
}

func valueName(set, num string) string {
	v, err := strconv.ParseInt(num, 10, 64)
	if err != nil {
		return num
	}
	return netbsd.FlagSets()[set].Value(uint64(v))
}

var layouts = sync.OnceValue(func() map[string]func([]byte) string {
	return map[string]func([]byte) string{
		"int":     func(b []byte) string { return strconv.Itoa(int(int32(le.Uint32(b)))) },
		"uint":    func(b []byte) string { return strconv.FormatUint(uint64(le.Uint32(b)), 10) },
		"socklen": func(b []byte) string { return strconv.FormatUint(uint64(le.Uint32(b)), 10) },
		"size":    func(b []byte) string { return sizeText(le.Uint64(b)) },
		"ptr":     func(b []byte) string { return hex(le.Uint64(b)) },
		"wstatus": func(b []byte) string { return waitText(netbsd.WaitStatus(int32(le.Uint32(b)))) },
		"sigset":  func(b []byte) string { return sigsetText(netbsd.GetSigset(b)) },
		"timespec": func(b []byte) string {
			return timespecText(netbsd.DecodeTimespec(b))
		},
		"timeval": func(b []byte) string { return timevalText(netbsd.DecodeTimeval(b)) },
		"itimerval": func(b []byte) string {
			t := netbsd.DecodeItimerval(b)
			return "{interval=" + timevalText(t.Interval) + ", value=" + timevalText(t.Value) + "}"
		},
		"itimerspec": func(b []byte) string {
			t := netbsd.DecodeItimerspec(b)
			return "{interval=" + timespecText(t.Interval) + ", value=" + timespecText(t.Value) + "}"
		},
		"timespec50": func(b []byte) string { return timespecText(netbsd.DecodeTimespec50(b)) },
		"itimerspec50": func(b []byte) string {
			t := netbsd.DecodeItimerspec50(b)
			return "{interval=" + timespecText(t.Interval) + ", value=" + timespecText(t.Value) + "}"
		},
		"rlimit": func(b []byte) string {
			r := netbsd.DecodeRlimit(b)
			return "{" + limit(r.Cur) + ", " + limit(r.Max) + "}"
		},
		"rusage":    func(b []byte) string { return rusageText(netbsd.DecodeRusage(b)) },
		"wrusage":   wrusageText,
		"siginfo":   func(b []byte) string { s := netbsd.DecodeSiginfo(b); return s.Signo.String() + " " + siginfoText(&s) },
		"sigaction": func(b []byte) string { return sigactionText(netbsd.DecodeSigaction(b)) },
		"stack": func(b []byte) string {
			s := netbsd.DecodeStack(b)
			return fmt.Sprintf("{sp=%#x, size=%d, flags=%s}", s.Sp, s.Size, netbsd.FlagSets()["ss"].Names(low(uint64(uint32(s.Flags)))))
		},
		"ucontext":  ucontextText,
		"stat":      func(b []byte) string { return statText(netbsd.DecodeStat(b)) },
		"statvfs":   func(b []byte) string { return statvfsText(netbsd.DecodeStatvfs(b)) },
		"statvfs90": func(b []byte) string { return statvfsText(netbsd.DecodeStatvfs90(b)) },
		"kevent":    func(b []byte) string { return keventText(netbsd.DecodeKevent(b)) },
		"keventext": func(b []byte) string { return keventText(netbsd.DecodeKeventExt(b)) },
		"epoll": func(b []byte) string {
			e := netbsd.DecodeEpollEvent(b)
			return fmt.Sprintf("{%s, %#x}", netbsd.FlagSets()["epoll"].Names(uint64(e.Events)), e.Data)
		},
		"pollfd":     func(b []byte) string { return pollfdText(netbsd.DecodePollfd(b)) },
		"sigevent":   func(b []byte) string { return sigeventText(netbsd.DecodeSigevent(b)) },
		"timezone":   func(b []byte) string { return fmt.Sprintf("{%d, %d}", int32(le.Uint32(b)), int32(le.Uint32(b[4:]))) },
		"schedparam": func(b []byte) string { return fmt.Sprintf("{priority=%d}", int32(le.Uint32(b))) },
		"uuid":       func(b []byte) string { return fmt.Sprintf("%x", b) },
		"spawnattr": func(b []byte) string {
			a := netbsd.DecodeSpawnAttr(b)
			return fmt.Sprintf("{flags=%s, pgroup=%d, sigdefault=%s, sigmask=%s}", netbsd.FlagSets()["spawn"].Names(uint64(uint16(a.Flags))),
				a.Pgroup, sigsetText(a.DefaultSigs), sigsetText(a.Mask))
		},
		"spawnfa": func(b []byte) string { return fmt.Sprintf("{%d actions}", netbsd.DecodeSpawnFileActions(b).Len) },
	}
})

func timespecText(t netbsd.Timespec) string {
	switch t.Nsec {
	case netbsd.UTIME_NOW:
		return "UTIME_NOW"
	case netbsd.UTIME_OMIT:
		return "UTIME_OMIT"
	}
	return fmt.Sprintf("%d.%09d", t.Sec, t.Nsec)
}

func timevalText(t netbsd.Timeval) string { return fmt.Sprintf("%d.%06d", t.Sec, t.Usec) }

func limit(v uint64) string {
	if v == netbsd.RLIM_INFINITY {
		return "RLIM_INFINITY"
	}
	return strconv.FormatUint(v, 10)
}

func rusageText(r netbsd.Rusage) string {
	return fmt.Sprintf("{utime=%v, stime=%v, maxrss=%d}", r.Utime, r.Stime, r.Maxrss)
}

func wrusageText(b []byte) string {
	w := netbsd.DecodeWrusage(b)
	return "{self=" + rusageText(w.Self) + ", children=" + rusageText(w.Children) + "}"
}

func waitText(s netbsd.WaitStatus) string {
	switch {
	case s.Continued():
		return "[continued]"
	case s.Stopped():
		return "[stopped by " + s.StopSignal().String() + "]"
	}
	return "[" + statusText(s) + "]"
}

// sigsetText lists the signals, or those that are missing from nearly full sets.
func sigsetText(s netbsd.Sigset) string {
	if s == netbsd.AllSignals {
		return "~[]"
	}
	var in, out []string
	for g := netbsd.Signal(1); g < netbsd.NSIG; g++ {
		n := strings.TrimPrefix(g.String(), "SIG")
		if s.Has(g) {
			in = append(in, n)
		} else {
			out = append(out, n)
		}
	}
	if len(out) < len(in) {
		return "~[" + strings.Join(out, " ") + "]"
	}
	return "[" + strings.Join(in, " ") + "]"
}

func sigactionText(a netbsd.Sigaction) string {
	h := hex(a.Handler)
	switch a.Handler {
	case netbsd.SIG_DFL:
		h = "SIG_DFL"
	case netbsd.SIG_IGN:
		h = "SIG_IGN"
	}
	return fmt.Sprintf("{%s, mask=%s, flags=%s}", h, sigsetText(a.Mask), netbsd.FlagSets()["sa"].Names(uint64(uint32(a.Flags))))
}

func ucontextText(b []byte) string {
	u := netbsd.DecodeUcontext(b)
	return fmt.Sprintf("{flags=%s, mask=%s, rip=%#x, rsp=%#x}", netbsd.FlagSets()["uc"].Names(uint64(u.Flags)),
		sigsetText(u.Mask), u.Gregs[netbsd.REG_RIP], u.Gregs[netbsd.REG_RSP])
}

func statText(s netbsd.Stat) string {
	kind := netbsd.FlagSets()["filetype"].Names(uint64(s.Mode) & netbsd.S_IFMT)
	if s.Mode&netbsd.S_IFMT == netbsd.S_IFCHR || s.Mode&netbsd.S_IFMT == netbsd.S_IFBLK {
		return fmt.Sprintf("{%s|%#o, rdev=%#x}", kind, s.Mode&0o7777, s.Rdev)
	}
	return fmt.Sprintf("{%s|%#o, ino=%d, size=%d}", kind, s.Mode&0o7777, s.Ino, s.Size)
}

func statvfsText(s netbsd.Statvfs) string {
	return fmt.Sprintf("{type=%q, on=%q, frsize=%d, blocks=%d, bavail=%d}", s.Type, s.MountedOn, s.Frsize, s.Blocks, s.Bavail)
}

func keventText(k netbsd.Kevent) string {
	set := map[uint32]string{netbsd.EVFILT_READ: "noterw", netbsd.EVFILT_WRITE: "noterw", netbsd.EVFILT_VNODE: "notevnode",
		netbsd.EVFILT_PROC: "noteproc", netbsd.EVFILT_TIMER: "notetimer", netbsd.EVFILT_USER: "noteuser"}[k.Filter]
	ff := hex(uint64(k.Fflags))
	if fs := netbsd.FlagSets()[set]; fs != nil {
		ff = fs.Names(uint64(k.Fflags))
	}
	return fmt.Sprintf("{%d, %s, %s, %s, %d, %#x}", int64(k.Ident), netbsd.FlagSets()["evfilt"].Value(uint64(k.Filter)),
		netbsd.FlagSets()["ev"].Names(uint64(k.Flags)), ff, k.Data, k.Udata)
}

func pollfdText(p netbsd.Pollfd) string {
	s := netbsd.FlagSets()["poll"]
	t := fmt.Sprintf("{%d, %s", p.Fd, s.Names(uint64(uint16(p.Events))))
	if p.Revents != 0 {
		t += " -> " + s.Names(uint64(uint16(p.Revents)))
	}
	return t + "}"
}

func sigeventText(s netbsd.Sigevent) string {
	return fmt.Sprintf("{%s, %s, value=%#x}", netbsd.FlagSets()["sigev"].Value(uint64(uint32(s.Notify))), signalText(s.Signo), s.Value)
}
