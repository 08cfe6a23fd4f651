package main

// Cases about the calls of old programs (NetBSD's sys/compat/common), in the layouts of their time, and about calls that a
// program without the right or the device is refused. Their numbers and layouts are written down here a second time.

var compatCases = []testCase{
	{"compat_stat_of_every_age", compatStat},
	{"compat_directories_of_every_age", compatDirents},
	{"compat_times_with_32_bits", compatTimes},
	{"compat_timers_and_sleeps", compatTimers},
	{"compat_events", compatEvents},
	{"compat_signals_in_an_int", compatSignals},
	{"compat_children", compatChildren},
	{"compat_memory", compatMemory},
	{"compat_sockets_of_43BSD", compatSockets},
	{"compat_names_and_limits", compatNames},
	{"refused_without_the_right", refusedRights},
	{"refused_without_the_device", refusedDevices},
	{"refused_without_the_module", refusedModules},
}

const (
	eopnotsupp = 45
	lowInt     = 1<<32 - 1
)

var (
	oldBuf  [512]byte
	newBuf  [512]byte
	dot     = [2]byte{'.'}
	timeBuf [4]int
)

func word16(b *[512]byte, at int) int { return int(b[at]) | int(b[at+1])<<8 }
func word32(b *[512]byte, at int) int { return word16(b, at) | word16(b, at+2)<<16 }

// spoil fills the buffer of old structures, so that what is not stored shows.
func spoil() {
	for i := range oldBuf {
		oldBuf[i] = 0xa5
	}
}

func compatStat() {
	must("__stat50", sysStat, ptr(&dot), ptr(&newBuf))
	mode, ino, mtime := word32(&newBuf, 8), word32(&newBuf, 16), word32(&newBuf, 64)
	fd := must("open", sysOpen, ptr(&dot), oRDONLY)
	for _, age := range [...]struct{ stat, lstat, fstat, mode, ino, mtime, end int }{
		{38, 40, 62, 8, 4, 40, 88}, {188, 190, 189, 8, 4, 40, 120}, {278, 280, 279, 8, 4, 48, 128}, {387, 389, 388, 4, 8, 48, 136},
	} {
		for _, nr := range [...]int{age.stat, age.lstat, age.fstat} {
			spoil()
			a := ptr(&dot)
			if nr == age.fstat {
				a = fd
			}
			must("an old stat", nr, a, ptr(&oldBuf))
			eq("mode", word16(&oldBuf, age.mode), mode&0xffff)
			eq("inode", word32(&oldBuf, age.ino), ino)
			eq("time", word32(&oldBuf, age.mtime), mtime)
			eq("what is behind", int(oldBuf[age.end]), 0xa5)
			errs("an old stat to nowhere", efault, nr, a, nowhere)
		}
	}
	must("close", sysClose, fd)
}

// oldNames counts entries of a directory that is read in an old form, "." and ".." in the low bits.
func oldNames(nr int, base *int) (found int) {
	fd := must("open", sysOpen, ptr(&dot), oRDONLY)
	for {
		spoil()
		n := must("an old getdents", nr, fd, ptr(&oldBuf), len(oldBuf), ptr(base))
		if n == 0 {
			break
		}
		for at := 0; at < n; at += word16(&oldBuf, at+4) {
			yes("the length of a record", word16(&oldBuf, at+4) >= 12 && at+word16(&oldBuf, at+4) <= n)
			switch name := at + 8; {
			case oldBuf[name] == '.' && oldBuf[name+1] == 0:
				found |= 1
			case oldBuf[name] == '.' && oldBuf[name+1] == '.' && oldBuf[name+2] == 0:
				found |= 2
			default:
				found += 4
			}
		}
	}
	must("close", sysClose, fd)
	return found
}

func compatDirents() {
	var base int = -1
	all := oldNames(272, &base)
	eq("getdents has no base", base, -1)
	eq("dot and dot-dot", all&3, 3)
	eq("getdirentries of NetBSD 1.2", oldNames(196, &base), all)
	yes("its base", base >= 0)
	eq("getdirentries of 4.3BSD", oldNames(156, &base), all)
}

func compatTimes() {
	var now [2]int
	must("clock_gettime", sysClockGettime, 0, ptr(&now))
	spoil()
	must("compat_50_clock_gettime", 232, 0, ptr(&oldBuf))
	yes("seconds", word32(&oldBuf, 0)-now[0] < 60 && word32(&oldBuf, 0) >= now[0])
	eq("padding", word32(&oldBuf, 4), 0)
	must("compat_50_clock_getres", 234, 0, ptr(&oldBuf))
	eq("a nanosecond", word32(&oldBuf, 8), 1)
	must("compat_50_gettimeofday", 116, ptr(&timeBuf), 0)
	yes("seconds", timeBuf[0]-now[0] < 60 && timeBuf[0] >= now[0])
	yes("microseconds", timeBuf[1] >= 0 && timeBuf[1] < 1e6)
	must("compat_50_getrusage", 117, 0, ptr(&oldBuf))
	eq("compat_30_ntp_gettime", must("compat_30_ntp_gettime", 175, ptr(&oldBuf)), 5)
	errs("compat_50_settimeofday", eperm, 122, ptr(&timeBuf), 0)
	errs("compat_50_adjtime", eperm, 140, ptr(&timeBuf), 0)
	errs("compat_50_clock_settime", eperm, 233, 0, ptr(&oldBuf))
}

// oldSpec is a struct timespec50 whose padding says something else.
func oldSpec(sec, nsec int) int {
	timeBuf[0], timeBuf[1] = 0x5a5a5a5a<<32|sec&lowInt, nsec
	return ptr(&timeBuf)
}

func compatTimers() {
	must("compat_50_nanosleep", 240, oldSpec(0, 1e6), 0)
	must("compat_50_nanosleep: the sign, as a negative time has passed (itimespecfix)", 240, oldSpec(-1, 0), 0)
	errs("compat_50__lwp_park", etimedout, 320, oldSpec(1, 0), 0, 0, 0)
	catch(sigALRM, 0)
	block(sigALRM)
	timer := [4]int{0, 0, 0, 1000}
	must("compat_50_setitimer", 83, 0, ptr(&timer), 0)
	set := sigset{bit(sigALRM)}
	eq("compat_50___sigtimedwait", must("compat_50___sigtimedwait", 244, ptr(&set), 0, oldSpec(100, 0)), 0)
	must("compat_50_getitimer", 86, 0, ptr(&timer))
	eq("the timer", timer[3], 0)
	var id int32
	must("timer_create", 235, 0, 0, ptr(&id))
	spec := [4]int{0, 0, 0x5a5a5a5a << 32, 1e6}
	must("compat_50_timer_settime", 237, int(id), 0, ptr(&spec), 0)
	eq("sigwait", sigwait(bit(sigALRM)), sigALRM)
	must("compat_50_timer_gettime", 238, int(id), ptr(&spec))
	eq("what is left", spec[2]|spec[3], 0)
}

func compatEvents() {
	var p pipe
	p.open()
	in := [4]int{1 << p.r}
	zero := [2]int{}
	eq("compat_50_select: nothing", must("compat_50_select", 93, int(p.r)+1, ptr(&in), 0, 0, ptr(&zero)), 0)
	p.post()
	in[0] = 1 << p.r
	eq("compat_50_select", must("compat_50_select", 93, int(p.r)+1, ptr(&in), 0, 0, 0), 1)
	eq("compat_50_pselect", must("compat_50_pselect", 373, int(p.r)+1, ptr(&in), 0, 0, oldSpec(100, 0), 0), 1)
	fds := [1]int{1<<32 | int(p.r)} // POLLIN
	eq("compat_50_pollts", must("compat_50_pollts", 374, ptr(&fds), 1, oldSpec(100, 0), 0), 1)
	kq := must("kqueue", sysKqueue)
	ev := [5]int{int(p.r), 1 << 32} // EVFILT_READ, EV_ADD
	eq("compat_50_kevent", must("compat_50_kevent", 345, kq, ptr(&ev), 1, ptr(&ev), 1, oldSpec(100, 0)), 1)
	eq("bytes", ev[3], 1)
}

func compatSignals() {
	catch(sigUSR1, 0)
	catch(sigUSR2, 0)
	usr1, usr2 := int(bit(sigUSR1)), int(bit(sigUSR2))
	eq("sigblock", must("sigblock", 109, usr1), 0)
	eq("sigprocmask", must("sigprocmask", 48, sigBlock, usr2), usr1)
	kill(getpid(), sigUSR1)
	eq("sigpending", must("sigpending", 52), usr1)
	errs("sigsuspend", eintr, 111, 0)
	eq("the handler", sigCount[sigUSR1], 1)
	eq("sigsetmask", must("sigsetmask", 110, 0), usr1|usr2)
	old := [2]int{}
	must("sigvec", 108, sigUSR1, 0, ptr(&old))
	eq("its handler", old[0], addrOf(addrHandler))
	eq("SV_INTERRUPT", old[1]>>32&saRESTART, saRESTART)
	errs("sigaction without a trampoline", einval, 46, sigUSR1, ptr(&old), 0)
	a := sigactionT{handler: addrOf(addrHandler)}
	errs("sigaction of NetBSD 1.6", einval, 291, sigUSR1, ptr(&a), 0)
	ignore := [2]int{sigIGN, 0}
	must("sigaction to ignore", 46, sigUSR1, ptr(&ignore), 0)
	kill(getpid(), sigUSR1)
	eq("the handler", sigCount[sigUSR1], 1)
	errs("sigreturn", enosys, 103, 0)
	errs("sigreturn of NetBSD 1.6", enosys, 295, 0)
	stack := [2]int{ptr(&stacks[3]), len(stacks[3])}
	must("sigaltstack", 53, ptr(&stack), 0)
	must("sigstack", 112, 0, ptr(&old))
	eq("the stack", old[0], ptr(&stacks[3]))
}

func compatChildren() {
	child := fork(func() { exit(5) })
	pid, status, errno := sys(84, 0, 0, 0, 0, 0, 0, 0)
	eq("wait: errno", errno, 0)
	eq("wait: pid", pid, child)
	eq("wait: status", status, exited(5))
	child = fork(func() { exit(6) })
	var st int32
	eq("compat_50_wait4", must("compat_50_wait4", 7, child, ptr(&st), 0, ptr(&oldBuf)), child)
	eq("its status", int(st), exited(6))
	errs("wait: nobody", echild, 84)
}

func compatMemory() {
	p := must("mmap of 4.3BSD", 71, 0, page, 6, 2, -1, 0) // to write and read; anonymous, private
	writeByte(p, 7)
	eq("memory", readByte(p), 7)
	must("msync of NetBSD 1.2", 65, p, page)
	must("munmap", sysMunmap, p, page)
	errs("vadvise", einval, 72, 0)
	catch(sigSYS, 0)
	errs("sstk", enosys, 70, 0)
	errs("sbrk", enosys, 69, 0)
	want := 0
	if has11 { // OBSOL in syscalls.master: sys_nosys
		want = 2
	}
	eq("SIGSYS", sigCount[sigSYS], want)
}

var rightsBuf [6]int

func compatSockets() {
	var pair [2]int32
	must("socketpair", 135, 1, 2, 0, ptr(&pair)) // AF_LOCAL, SOCK_DGRAM
	a, b := int(pair[0]), int(pair[1])
	eq("send", must("send", 101, a, ptr(&dot), 1, 0), 1)
	eq("recv", must("recv", 102, b, ptr(&oldBuf), 9, 0), 1)
	eq("what came", int(oldBuf[0]), '.')
	errs("send: a negative length", einval, 101, a, ptr(&dot), -1, 0)
	var n int32 = 16
	spoil()
	must("getsockname", 150, a, ptr(&oldBuf), ptr(&n))
	eq("a family of 16 bits", word16(&oldBuf, 0), 1)

	// An open file as access rights: name, length, vector, length, rights, length.
	fd := int32(must("open", sysOpen, ptr(&dot), oRDONLY))
	vec := [2]int{ptr(&newBuf), 1}
	msg := [6]int{0, 0, ptr(&vec), 1, ptr(&fd), 4}
	eq("sendmsg", must("sendmsg", 114, a, ptr(&msg), 0), 1)
	msg[4], msg[5] = ptr(&rightsBuf), 24
	eq("recvmsg", must("recvmsg", 113, b, ptr(&msg), 0), 1)
	got := rightsBuf[0] & lowInt
	yes("another descriptor", got > int(fd))
	must("fcntl", sysFcntl, got, fGETFD, 0)
}

func compatNames() {
	must("uname of NetBSD 0.8", 164, ptr(&oldBuf))
	eq("NetBSD", word32(&oldBuf, 0), 'N'|'e'<<8|'t'<<16|'B'<<24)
	must("gethostname", 87, ptr(&newBuf), 256)
	for i := 0; i < 31 && newBuf[i] != 0; i++ {
		eq("the host's name", int(newBuf[i]), int(oldBuf[32+i]))
	}
	errs("gethostname without room", enomem, 87, ptr(&newBuf), 0)
	must("getdomainname", 162, ptr(&newBuf), 64)
	eq("getpagesize", must("getpagesize", 64), page)
	eq("gethostid", must("gethostid", 142), 0)
	var lim [2]int
	must("getrlimit", sysGetrlimit, 8, ptr(&lim))
	eq("getdtablesize", must("getdtablesize", 89), lim[0])
	old := [2]int32{}
	must("getrlimit of 4.3BSD", 144, 4, ptr(&old))
	must("setrlimit of 4.3BSD", 145, 4, ptr(&old))
	size := 20
	eq("getkerninfo", must("getkerninfo", 63, 6<<8, ptr(&oldBuf), ptr(&size), 0), 20)
	eq("hz", word32(&oldBuf, 0), 100)
	eq("statfs", must("statfs", 157, ptr(&dot), ptr(&oldBuf)), 0)
	yes("its block size", word32(&oldBuf, 8) > 0)
	yes("getfsstat", must("getfsstat", 18, 0, 0, 0) > 0)
}

var (
	tmpfs = [8]byte{'t', 'm', 'p', 'f', 's'}
	nofs  = [8]byte{'n', 'o', 'f', 's'}
	slash = [2]byte{'/'}
	gone  = [9]byte{'/', 'm', 'i', 's', 's', 'i', 'n', 'g'}
)

func refusedRights() {
	errs("mount: the path comes first", enoent, 410, ptr(&nofs), ptr(&gone), 0, 0, 0)
	errs("mount: then the type", enodev, 410, ptr(&nofs), ptr(&slash), 0, 0, 0)
	errs("mount", eperm, 410, ptr(&tmpfs), ptr(&slash), 0, 0, 0)
	errs("mount of NetBSD 4", eperm, 21, ptr(&tmpfs), ptr(&slash), 0, 0)
	if want := eperm; must("geteuid", sysGeteuid) == 0 {
		errs("unmount", einval, 22, ptr(&slash), 0)
	} else {
		errs("unmount", want, 22, ptr(&slash), 0)
	}
	for _, nr := range [...]int{395, 396, 397, 451, 486, 161, 298, 299, 300, 359, 392, 398} {
		errs("a file handle", eperm, nr, ptr(&slash), 0, 0, 0)
	}
	errs("nfssvc", eperm, 155, 0, 0)
	errs("reboot", eperm, 208, 0, 0)
	errs("reboot of NetBSD 1.2", eperm, 55, 0)
	errs("swapctl", eperm, 271, 1, ptr(&slash), 0)
	eq("swapctl: no device", must("swapctl", 271, 3, 0, 0), 0)
	errs("swapon of NetBSD 1.2", eperm, 85, ptr(&slash))
	errs("modctl", eperm, 246, 1, ptr(&nofs))
	errs("pset_create", eperm, 412, ptr(&oldBuf))
	errs("sysarch: the I/O permission level", eperm, 165, 2, nowhere)
	for i := range newBuf {
		newBuf[i] = 0
	}
	eq("ntp_adjtime", must("ntp_adjtime", 176, ptr(&newBuf)), 5)
	newBuf[0] = 1
	errs("ntp_adjtime to change", eperm, 176, ptr(&newBuf))
	errs("settimeofday", eperm, 419, ptr(&timeBuf), 0)
	errs("adjtime", eperm, 421, 0, 0)
	errs("clock_settime", eperm, 428, 0, ptr(&timeBuf))
}

func refusedDevices() {
	errs("quotactl of NetBSD 5", eopnotsupp, 148, ptr(&slash), 0, 0, 0)
	errs("__quotactl", eopnotsupp, 473, ptr(&slash), ptr(&newBuf))
	errs("extattrctl", eopnotsupp, 360, ptr(&slash), 1, 0, 1, 0)
	errs("__acl_get_file", eopnotsupp, 491, ptr(&slash), 2, 0)
	errs("__acl_get_link: the path comes first", enoent, 487, ptr(&gone), 2, 0)
	errs("__acl_get_fd", ebadf, 493, 99, 2, 0)
	errs("__acl_delete_file", eopnotsupp, 495, ptr(&slash), 2)
	errs("undelete: nothing", enoent, 205, ptr(&gone))
	errs("lfs_bmapv", enoent, 184, ptr(&newBuf), 0, 0)
	errs("lfs_markv", enoent, 185, ptr(&newBuf), 0, 0)
	errs("lfs_segclean", eperm, 186, 0, 0)
	errs("lfs_segwait", eperm, 422, 0, 0)
	errs("lfs_segwait of NetBSD 5", enosys, 187, 0, 0)
	errs("sysarch: memory types", enosys, 165, 11, 0)
	errs("sysarch: descriptors", einval, 165, 0, 0)
}

// refusedModules meets sys_nosys, which sends SIGSYS beside ENOSYS.
func refusedModules() {
	catch(sigSYS, 0)
	n := 0
	for _, nr := range [...]int{210, 511} {
		errs("a call of no module", enosys, nr, 0, 0)
		n++
		eq("SIGSYS", sigCount[sigSYS], n)
	}
	if release10 {
		for nr := 330; nr <= 335; nr++ {
			errs("scheduler activations", enosys, nr, 0, 0, 0, 0)
			n++
			eq("SIGSYS", sigCount[sigSYS], n)
		}
	}
	eq("posix_fadvise of long ago", must("posix_fadvise", 391), 0)
	errs("quota of 4.3BSD", enosys, 149)
	eq("SIGSYS", sigCount[sigSYS], n)
}
