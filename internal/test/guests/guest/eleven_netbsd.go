package main

// Cases about what NetBSD 11 has brought: memfd_create, __kevent100, epoll, close-on-fork and semtimedop. In release 10 their numbers are
// nobody's.

var elevenCases = []testCase{
	{"eleven_calls_of_others", elevenNobody},
	{"eleven_memfd_is_shared", memfdShared},
	{"eleven_memfd_seals", memfdSeals},
	{"eleven_memfd_shrinks_under_its_mapping", memfdShrinks},
	{"eleven_kevent100_ext", keventExt},
	{"eleven_epoll_between_processes", epollBetween},
	{"eleven_close_on_fork", closeOnFork},
	{"eleven_close_on_fork_and_spawn", closeOnForkSpawn},
	{"eleven_semtimedop", semTimed},
}

const (
	sysMemfdCreate  = 500
	sysKevent100    = 501
	sysEpollCreate1 = 502
	sysEpollCtl     = 503
	sysEpollPwait2  = 504
	sysDup3100      = 505
	sysSemtimedop   = 506

	fADDSEALS       = 16
	fGETSEALS       = 17
	fDUPFDCLOFORK   = 18
	fdCLOFORK       = 2
	oCLOFORK        = 0x8000000
	fSEALSHRINK     = 2
	fSEALWRITE      = 8
	fSEALFUTURE     = 16
	mfdALLOWSEALING = 2

	epollIN    = 1
	epollRDHUP = 0x2000
)

// sys_nosys: ENOSYS, and SIGSYS for the process.
func elevenNobody() {
	if has11 {
		return
	}
	catch(sigSYS, 0)
	for nr := sysMemfdCreate; nr <= sysSemtimedop; nr++ {
		errs("a call that there is not", enosys, nr, 0, 0, 0, 0, 0)
		eq("SIGSYS", sigCount[sigSYS], nr-sysMemfdCreate+1)
	}
	var p pipe
	errs("pipe2 with O_CLOFORK", einval, sysPipe2, ptr(&p), oCLOFORK)
}

// memfd makes one of this size.
func memfd(size int) int {
	fd := must("memfd_create", sysMemfdCreate, cstring("m\x00"), mfdALLOWSEALING)
	must("ftruncate", sysFtruncate, fd, 0, size)
	return fd
}

func mapFd(fd, prot, flags int) int { return must("mmap", sysMmap, 0, page, prot, flags, fd, 0, 0) }

// memfd_mmap: what one process writes through its mapping another one sees in its own and by read(2); a private one is its process's.
func memfdShared() {
	if !has11 {
		return
	}
	fd := memfd(2 * page)
	shared := mapFd(fd, 3, 1)
	private := mapFd(fd, 3, 2)
	reapOK(fork(func() {
		writeByte(mapFd(fd, 3, 1)+5, 'x')
		writeByte(private+6, 'y')
		must("close", sysClose, fd)
	}))
	eq("the mapping", readByte(shared+5), 'x')
	eq("a child's own", readByte(private+6), 0)
	var b byte
	must("pread", sysPread, fd, ptr(&b), 1, 0, 5)
	eq("read(2)", int(b), 'x')
	must("close", sysClose, fd)
	eq("without the descriptor", readByte(shared+5), 'x')
	errs("EINVAL: more than there is", einval, sysMmap, 0, 3*page, 1, 1, memfd(2*page), 0, 0)
	errs("EINVAL: part of a page", einval, sysMmap, 0, page, 1, 1, memfd(100), 0, 0)
	must("munmap", sysMunmap, shared, page)
}

// memfd_fcntl and memfd_mmap: F_SEAL_WRITE waits until nobody has it mapped, in whatever process; a seal against writing
// lets nobody map it so, nor make a mapping writable (maxprot is what was asked for).
func memfdSeals() {
	if !has11 {
		return
	}
	fd := memfd(page)
	var begun, end pipe
	begun.open()
	end.open()
	pid := fork(func() {
		mapFd(fd, 1, 2)
		begun.post()
		end.wait()
	})
	begun.wait()
	errs("EBUSY: a child has it mapped", ebusy, sysFcntl, fd, fADDSEALS, fSEALWRITE)
	end.post()
	reapOK(pid)
	p := mapFd(fd, 3, 1)
	errs("EBUSY", ebusy, sysFcntl, fd, fADDSEALS, fSEALWRITE)
	must("F_SEAL_FUTURE_WRITE", sysFcntl, fd, fADDSEALS, fSEALFUTURE)
	writeByte(p, 1)
	errs("EPERM: to be written and shared", eperm, sysMmap, 0, page, 3, 1, fd, 0, 0)
	must("munmap", sysMunmap, p, page)
	must("F_SEAL_WRITE", sysFcntl, fd, fADDSEALS, fSEALWRITE)
	eq("F_GET_SEALS", must("F_GET_SEALS", sysFcntl, fd, fGETSEALS, 0), fSEALWRITE|fSEALFUTURE)
	r := mapFd(fd, 1, 1)
	errs("EACCES: maxprot", eacces, sysMprotect, r, page, 3)
	own := mapFd(fd, 3, 2)
	writeByte(own, 2)
	eq("the shared one", readByte(r), 1)
}

// memfd_truncate: pages that are cut off are zeroes, also for who has them mapped, and stay so when the file grows again. What a mapping has
// written behind the end within its page is zeroes once it belongs to the file (ubc_zerorange).
func memfdShrinks() {
	if !has11 {
		return
	}
	fd := memfd(page)
	p := mapFd(fd, 3, 1)
	writeByte(p+10, 'a')
	writeByte(p+200, 'b')
	must("ftruncate", sysFtruncate, fd, 0, 100)
	writeByte(p+150, 'c')
	must("ftruncate", sysFtruncate, fd, 0, page)
	eq("before the cut", readByte(p+10), 'a')
	eq("behind it", readByte(p+200), 0)
	eq("written meanwhile", readByte(p+150), 0)
	must("ftruncate", sysFtruncate, fd, 0, 0)
	eq("of nothing", readByte(p+10), 0)
	must("F_SEAL_SHRINK", sysFcntl, fd, fADDSEALS, fSEALSHRINK)
	must("ftruncate", sysFtruncate, fd, 0, page)
	errs("EPERM", eperm, sysFtruncate, fd, 0, 1)
}

// keventExtT is struct kevent with ext.
type keventExtT struct {
	keventT
	ext [4]uint64
}

// Both structures live: ext comes back through __kevent100, and the 40 bytes of __kevent50 through the same queue.
func keventExt() {
	if !has11 {
		return
	}
	const evfiltUSER, noteTRIGGER = 8, 0x1000000
	kq := must("kqueue", sysKqueue)
	ev := keventExtT{keventT{ident: 7, filter: evfiltUSER, flags: evADD, fflags: noteTRIGGER, udata: 9}, [4]uint64{1, 2, 3, 4}}
	must("__kevent100", sysKevent100, kq, ptr(&ev), 1, 0, 0, 0)
	var got [2]keventExtT
	var no [2]int
	eq("events of one that EV_ADD does not trigger (filt_userattach)", must("__kevent100", sysKevent100, kq, 0, 0, ptr(&got), 2, ptr(&no)), 0)
	must("__kevent100", sysKevent100, kq, ptr(&ev), 1, 0, 0, 0)
	eq("events", must("__kevent100", sysKevent100, kq, 0, 0, ptr(&got), 2, 0), 1)
	yes("ext", got[0].ext == ev.ext && got[0].ident == 7 && got[0].udata == 9)
	old := next(kq)
	yes("by __kevent50", old.ident == 7 && old.udata == 9)
}

type epollEventT struct {
	events uint32
	data   uint64
}

// An instance tells of what another process writes and of its end; it is not inherited, being a kqueue.
func epollBetween() {
	if !has11 {
		return
	}
	var p pipe
	p.open()
	ep := must("epoll_create1", sysEpollCreate1, 0)
	ev := epollEventT{events: epollIN, data: 0x1234}
	must("epoll_ctl", sysEpollCtl, ep, 1, int(p.r), ptr(&ev))
	errs("EEXIST", eexist, sysEpollCtl, ep, 1, int(p.r), ptr(&ev))
	pid := fork(func() {
		errs("an instance in a child", ebadf, sysFcntl, ep, fGETFD, 0)
		p.post()
	})
	p.closeW()
	var got [4]epollEventT
	eq("events", must("epoll_pwait2", sysEpollPwait2, ep, ptr(&got), 4, 0, 0), 1)
	yes("EPOLLIN", got[0].events&epollIN != 0 && got[0].data == 0x1234)
	p.wait()
	reapOK(pid)
	eq("events", must("epoll_pwait2", sysEpollPwait2, ep, ptr(&got), 4, 0, 0), 1)
	eq("at the end", int(got[0].events), epollIN|epollRDHUP)
	soon := [2]int{0, 1000}
	must("EPOLL_CTL_DEL", sysEpollCtl, ep, 2, int(p.r), 0)
	eq("none", must("epoll_pwait2", sysEpollPwait2, ep, ptr(&got), 4, ptr(&soon), 0), 0)
}

// closed checks that a child of the caller's kind lacks fd.
func closed(fd int) { errs("a descriptor that a fork closes", ebadf, sysFcntl, fd, fGETFD, 0) }

// fd_copy, for fork(2), vfork(2) and __clone(2): the child's pipe is closed, so that its reader meets the end though the child lives. The
// parent keeps it, and an exec makes it an ordinary one (fd_closeexec).
func closeOnFork() {
	if !has11 {
		return
	}
	var p, hold pipe
	hold.open()
	must("pipe2", sysPipe2, ptr(&p), oCLOFORK)
	w := int(p.w)
	pid := fork(func() {
		closed(int(p.r))
		closed(w)
		hold.wait()
	})
	reapOK(vfork(func() {
		if _, e := call(sysFcntl, w, fGETFD, 0); e != ebadf {
			exit(1)
		}
	}))
	eq("F_GETFD", must("F_GETFD", sysFcntl, w, fGETFD, 0), fdCLOFORK)
	_, e := call(sysClone, 0x400|sigCHLD, 0)
	eq("__clone with CLONE_FILES", e, einval)
	p.closeW()
	p.eof()
	hold.post()
	reapOK(pid)
	reap(fork(func() {
		eq("F_DUPFD_CLOFORK", must("F_DUPFD_CLOFORK", sysFcntl, int(hold.w), fDUPFDCLOFORK, 50), 50)
		execSelf("sub_closed", "50")
	}), exited(0))
}

// subClosed looks at a descriptor: exit 0 if it is there with no flag, 1 if it is closed.
func subClosed() {
	flags, e := call(sysFcntl, number(3), fGETFD, 0)
	if e != 0 || flags != 0 {
		exit(1)
	}
}

// t_clofork of NetBSD's tests: the program of posix_spawn(2) lacks it.
func closeOnForkSpawn() {
	if !has11 {
		return
	}
	var p pipe
	p.open()
	must("dup3", sysDup3100, int(p.w), 60, oCLOFORK)
	must("dup3", sysDup3100, int(p.w), 61, 0)
	execArgs("sub_closed", "60")
	pid, e := spawn(nil, 0)
	eq("posix_spawn", e, 0)
	reap(pid, exited(1))
	execArgs("sub_closed", "61")
	pid, e = spawn(nil, 0)
	eq("posix_spawn", e, 0)
	reap(pid, exited(0))
	drvctlSpawn(oCLOFORK, 1)
	drvctlSpawn(oCLOEXEC, 1)
	drvctlSpawn(0, 0)
}

// drvctlSpawn is clonedev_posixspawn of t_clofork and t_cloexec: a device that makes a file at each open(2) takes their flags, too (fd_clone).
func drvctlSpawn(flags, status int) {
	fd := must("open of /dev/drvctl", sysOpen, cstr("/dev/drvctl\x00"), oRDONLY|flags, 0)
	execArgs("sub_closed", "0123456789"[fd:fd+1])
	pid, e := spawn(nil, 0)
	eq("posix_spawn", e, 0)
	reap(pid, exited(status))
	must("close", sysClose, fd)
}

// do_semop1: a child waits until its time is up, another until somebody comes.
func semTimed() {
	if !has11 {
		return
	}
	id := must("semget", sysSemget, 0, 1, 0o1600)
	down, up := [3]int16{0, -1, 0}, [3]int16{0, 1, 0}
	reapOK(fork(func() {
		soon := [2]int{0, 1000}
		errs("EAGAIN", eagain, sysSemtimedop, id, ptr(&down), 1, ptr(&soon))
	}))
	pid := fork(func() {
		late := [2]int{1000, 0}
		must("semtimedop", sysSemtimedop, id, ptr(&down), 1, ptr(&late))
	})
	must("semop", sysSemop, id, ptr(&up), 1)
	reapOK(pid)
	none := [2]int{}
	errs("ETIMEDOUT", etimedout, sysSemtimedop, id, ptr(&up), 1, ptr(&none))
	must("semctl", sysSemctl, id, 0, 0, 0)
}
