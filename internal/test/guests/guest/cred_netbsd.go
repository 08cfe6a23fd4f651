package main

import "unsafe"

// What a user may who is not root, where root runs the machine. The root directory is
// the test's: root makes /c with files of several owners, and a child becomes user 1001
// of group 1001 and 20, and tries what is in the table.

const (
	nobody      = 1001
	nobodys     = 1001 // its group
	another     = 1002
	sharedGroup = 20 // a group that it is in
	foreign     = 7  // the group of directories; it is not in it
	modeDIR     = 0o40000
	modeSOCK    = 0o140000
)

// A credRow is one thing to try: its errno must be want.
type credRow struct {
	name string
	want int
	try  func() int
}

// errnoOf makes a call for its errno alone; a descriptor that it returns is closed.
func errnoOf(nr int, a ...int) int {
	r, e := call(nr, a...)
	if e == 0 && (nr == sysOpen || nr == sysOpenat) {
		call(sysClose, r)
	}
	return e
}

func opens(path string, flags int) int { return errnoOf(sysOpen, cstr(path), flags, 0o666) }

var st [152]byte

func word(at int) int { return int(*(*uint32)(unsafe.Pointer(&st[at]))) }

// owned checks a file's owner, group and permissions; -1 skips one.
func owned(path string, uid, gid, mode int) {
	must(path, sysLstat, cstr(path), ptr(&st))
	if uid != -1 {
		same(path, ": owner", word(28), uid)
	}
	if gid != -1 {
		same(path, ": group", word(32), gid)
	}
	if mode != -1 {
		same(path, ": mode in decimal", word(8)&0o7777, mode)
	}
}

func same(path, what string, got, want int) {
	if got != want {
		put(path[:len(path)-1])
		eq(what, got, want)
	}
}

// makeFile makes a file as root.
func makeFile(path string, mode, uid, gid int) {
	fd := must(path, sysOpen, cstr(path), oCREAT|oRDWR, 0o600)
	must(path, sysWrite, fd, cstr("text"), 4)
	must("close", sysClose, fd)
	give(path, mode, uid, gid)
}

func makeDir(path string, mode, uid, gid int) {
	must(path, sysMkdir, cstr(path), 0o700)
	give(path, mode, uid, gid)
}

// give sets owner and mode; the mode last, as chown(2) takes set-id bits away.
func give(path string, mode, uid, gid int) {
	must("chown", sysChown, cstr(path), uid, gid)
	must("chmod", sysChmod, cstr(path), mode)
}

func credTree() {
	call(sysUmask, 0)
	makeDir("/c\x00", 0o755, 0, foreign)
	makeFile("/c/secret\x00", 0o600, 0, 0)
	makeFile("/c/public\x00", 0o644, 0, 0)
	makeFile("/c/writable\x00", 0o666, 0, 0)
	makeFile("/c/grp\x00", 0o640, 0, sharedGroup)
	makeFile("/c/nogrp\x00", 0o604, 0, sharedGroup)
	makeFile("/c/own\x00", 0o600, nobody, nobodys)
	makeFile("/c/ownro\x00", 0o077, nobody, nobodys)
	makeFile("/c/theirs\x00", 0o600, another, another)
	makeFile("/c/noexec\x00", 0o644, 0, 0)
	makeDir("/c/shut\x00", 0o700, 0, 0)
	makeFile("/c/shut/file\x00", 0o666, 0, 0)
	makeDir("/c/list\x00", 0o744, 0, 0)
	makeFile("/c/list/file\x00", 0o666, 0, 0)
	makeDir("/c/open\x00", 0o777, 0, foreign)
	makeFile("/c/open/theirs\x00", 0o600, another, another)
	makeFile("/c/open/theirs2\x00", 0o600, another, another)
	makeDir("/c/open/theirdir\x00", 0o755, another, another)
	makeDir("/c/open/sub\x00", 0o777, 0, 0)
	makeDir("/c/open/bent\x00", 0o707, 0, foreign)
	makeDir("/c/tmp\x00", 0o1777, 0, foreign)
	makeFile("/c/tmp/theirs\x00", 0o666, another, another)
	makeFile("/c/tmp/mine\x00", 0o600, nobody, nobodys)
	makeDir("/c/tmp/theirdir\x00", 0o777, another, another)
	must("symlink", sysSymlink, cstr("/c/secret\x00"), cstr("/c/link\x00"))
	must("mkfifo", sysMkfifo, cstr("/c/fifo\x00"), 0o600)
	bindLocal("/c/sock\x00")
	must("chmod of a socket", sysChmod, cstr("/c/sock\x00"), 0o600)
	bindLocal("/c/opensock\x00")
	must("chmod of a socket", sysChmod, cstr("/c/opensock\x00"), 0o666)
}

// sockaddrUn is struct sockaddr_un.
var sockaddrUn [106]byte

func unAddr(path string) int {
	sockaddrUn[0], sockaddrUn[1] = byte(len(path)+1), 1
	copy(sockaddrUn[2:], path)
	return len(path) + 1
}

// bindLocal makes a socket that listens; it stays open.
func bindLocal(path string) {
	s := must("socket", sysSocket, 1, 1, 0)
	must("bind", sysBind, s, ptr(&sockaddrUn), unAddr(path))
	must("listen", sysListen, s, 5)
}

func connects(path string) int {
	s := must("socket", sysSocket, 1, 1, 0)
	e := errnoOf(sysConnect, s, ptr(&sockaddrUn), unAddr(path))
	call(sysClose, s)
	return e
}

func binds(path string) int {
	s := must("socket", sysSocket, 1, 1, 0)
	e := errnoOf(sysBind, s, ptr(&sockaddrUn), unAddr(path))
	call(sysClose, s)
	return e
}

// bindsPort binds a TCP socket to a port of 127.0.0.1.
func bindsPort(port int) int {
	s := must("socket", sysSocket, 2, 1, 0)
	a := (*[16]byte)(unsafe.Pointer(&sockaddrUn))
	*a = [16]byte{16, 2, byte(port >> 8), byte(port), 127, 0, 0, 1}
	e := errnoOf(sysBind, s, ptr(a), 16)
	call(sysClose, s)
	return e
}

var (
	theGroups = [2]uint32{nobodys, sharedGroup}
	someTimes = [4]int64{1e9, 0, 1e9, 0}
)

// drop renounces root's rights for good.
func drop() {
	must("setgroups", sysSetgroups, 2, ptr(&theGroups))
	must("setgid", sysSetgid, nobodys)
	must("setuid", sysSetuid, nobody)
}

// Descriptors that root opened before it became somebody else.
var rootsFile, rootsDir int

// subCred is sub_cred RELEASE [word]: with a word, the host does not let the machine give
// files to others, so none are made.
func subCred() {
	credTree()
	rootsFile = must("open", sysOpen, cstr("/c/secret\x00"), oRDWR)
	rootsDir = must("open", sysOpen, cstr("/c/shut\x00"), 0)
	reapOK(fork(func() {
		drop()
		for i := range credRows {
			eq(credRows[i].name, credRows[i].try(), credRows[i].want)
		}
		if arg(3) == "" {
			credOwners()
		} else {
			errs("make what would be another's", eperm, sysOpen, cstr("/c/open/new\x00"), oRDWR|oCREAT, 0o666)
		}
	}))
	credEffective()
	credRoot()
}

var credRows = [...]credRow{
	{"open root's 0600 file", eacces, func() int { return opens("/c/secret\x00", oRDONLY) }},
	{"open it through a link", eacces, func() int { return opens("/c/link\x00", oRDONLY) }},
	{"open it with O_CREAT", eacces, func() int { return opens("/c/secret\x00", oRDWR|oCREAT) }},
	{"open it with O_CREAT and O_EXCL", eexist, func() int { return opens("/c/secret\x00", oRDWR|oCREAT|oEXCL) }},
	{"open it relative to a directory", eacces, func() int {
		d := must("open", sysOpen, cstr("/c\x00"), 0)
		e := errnoOf(sysOpenat, d, cstr("secret\x00"), 0)
		call(sysClose, d)
		return e
	}},
	{"read a 0644 file", 0, func() int { return opens("/c/public\x00", oRDONLY) }},
	{"write it", eacces, func() int { return opens("/c/public\x00", oWRONLY) }},
	{"truncate it while reading", eacces, func() int { return opens("/c/public\x00", oRDONLY|oTRUNC) }},
	{"truncate(2) it", eacces, func() int { return errnoOf(sysTruncate, cstr("/c/public\x00"), 0, 0) }},
	{"write a 0666 file", 0, func() int { return opens("/c/writable\x00", oRDWR|oTRUNC) }},
	{"truncate(2) a 0666 file", 0, func() int { return errnoOf(sysTruncate, cstr("/c/writable\x00"), 0, 2) }},
	{"read by group", 0, func() int { return opens("/c/grp\x00", oRDONLY) }},
	{"write by group", eacces, func() int { return opens("/c/grp\x00", oRDWR) }},
	{"a member is not another", eacces, func() int { return opens("/c/nogrp\x00", oRDONLY) }},
	{"the owner is not another", eacces, func() int { return opens("/c/ownro\x00", oRDONLY) }},
	{"own file", 0, func() int { return opens("/c/own\x00", oRDWR) }},
	{"another's file", eacces, func() int { return opens("/c/theirs\x00", oRDONLY) }},
	{"a FIFO of root", eacces, func() int { return opens("/c/fifo\x00", oRDWR|oNONBLOCK) }},

	{"below a directory without search", eacces, func() int { return opens("/c/shut/file\x00", oRDONLY) }},
	{"stat below it", eacces, func() int { return errnoOf(sysStat, cstr("/c/shut/file\x00"), ptr(&st)) }},
	{"stat below it, and back", eacces, func() int { return errnoOf(sysStat, cstr("/c/shut/../public\x00"), ptr(&st)) }},
	{"what is not there below it", eacces, func() int { return errnoOf(sysStat, cstr("/c/shut/none\x00"), ptr(&st)) }},
	{"stat below a directory that can only be listed", eacces, func() int { return errnoOf(sysStat, cstr("/c/list/file\x00"), ptr(&st)) }},
	{"list a directory", 0, func() int { return opens("/c/list\x00", 0) }},
	{"list one that cannot be read", eacces, func() int { return opens("/c/shut\x00", 0) }},
	{"stat of a file that cannot be read", 0, func() int { return errnoOf(sysStat, cstr("/c/secret\x00"), ptr(&st)) }},
	{"readlink", 0, func() int { return errnoOf(sysReadlink, cstr("/c/link\x00"), ptr(&line), 100) }},
	{"statvfs below it", eacces, func() int { return errnoOf(sysStatvfs, cstr("/c/shut/file\x00"), ptr(&bigBuf), 1) }},
	{"chdir", eacces, func() int { return errnoOf(sysChdir, cstr("/c/shut\x00")) }},
	{"fchdir to what root opened", eacces, func() int { return errnoOf(sysFchdir, rootsDir) }},
	{"open relative to what root opened", eacces, func() int { return errnoOf(sysOpenat, rootsDir, cstr("file\x00"), 0) }},

	{"access that is not there for us", eacces, func() int { return errnoOf(sysAccess, cstr("/c/secret\x00"), 4) }},
	{"access, existence", 0, func() int { return errnoOf(sysAccess, cstr("/c/secret\x00"), 0) }},
	{"access, to read", 0, func() int { return errnoOf(sysAccess, cstr("/c/public\x00"), 4) }},
	{"access, to write", eacces, func() int { return errnoOf(sysAccess, cstr("/c/public\x00"), 6) }},
	{"access, to execute", eacces, func() int { return errnoOf(sysAccess, cstr("/c/public\x00"), 1) }},
	{"execve of a file without x", eacces, func() int { return errnoOf(sysExecve, cstr("/c/noexec\x00"), ptr(&execArgv), ptr(&execEnv)) }},
	{"execve below a directory without search", eacces, func() int { return errnoOf(sysExecve, cstr("/c/shut/file\x00"), ptr(&execArgv), ptr(&execEnv)) }},

	{"chmod of another's", eperm, func() int { return errnoOf(sysChmod, cstr("/c/writable\x00"), 0o777) }},
	{"chmod of one's own", 0, func() int { return errnoOf(sysChmod, cstr("/c/own\x00"), 0o640) }},
	{"chmod, sticky bit of a file", eftype, func() int { return errnoOf(sysChmod, cstr("/c/own\x00"), 0o1640) }},
	{"fchmod of what root opened", eperm, func() int { return errnoOf(sysFchmod, rootsFile, 0o666) }},
	{"fchown of what root opened", eperm, func() int { return errnoOf(sysFchown, rootsFile, nobody, -1) }},
	{"futimens of what root opened", eperm, func() int { return errnoOf(sysFutimens, rootsFile, ptr(&someTimes)) }},
	{"fchflags of what root opened", eperm, func() int { return errnoOf(sysFchflags, rootsFile, 0) }},
	{"what root opened stays open", 0, func() int { return errnoOf(sysRead, rootsFile, ptr(&line), 1) }},
	{"and can be truncated", 0, func() int { return errnoOf(sysFtruncate, rootsFile, 0, 2) }},
	{"chown to oneself", eperm, func() int { return errnoOf(sysChown, cstr("/c/writable\x00"), nobody, -1) }},
	{"chown of one's own to another", eperm, func() int { return errnoOf(sysChown, cstr("/c/own\x00"), another, -1) }},
	{"chown of one's own to root", eperm, func() int { return errnoOf(sysChown, cstr("/c/own\x00"), 0, -1) }},
	{"chown to a group that one is not in", eperm, func() int { return errnoOf(sysChown, cstr("/c/own\x00"), -1, foreign) }},
	{"chown to a group that one is in", 0, func() int { return errnoOf(sysChown, cstr("/c/own\x00"), -1, sharedGroup) }},
	{"lchown of root's link", eperm, func() int { return errnoOf(sysLchown, cstr("/c/link\x00"), nobody, -1) }},
	{"chflags of another's", eperm, func() int { return errnoOf(sysChflags, cstr("/c/writable\x00"), 0) }},
	{"utimes of another's, now", eacces, func() int { return errnoOf(sysUtimes, cstr("/c/public\x00"), 0) }},
	{"utimes of what one may write, now", 0, func() int { return errnoOf(sysUtimes, cstr("/c/writable\x00"), 0) }},
	{"utimes of what one may write", eperm, func() int { return errnoOf(sysUtimes, cstr("/c/writable\x00"), ptr(&someTimes)) }},
	{"utimes of one's own", 0, func() int { return errnoOf(sysUtimes, cstr("/c/own\x00"), ptr(&someTimes)) }},

	{"make a file where one may not", eacces, func() int { return opens("/c/new\x00", oRDWR|oCREAT) }},
	{"make a directory where one may not", eacces, func() int { return errnoOf(sysMkdir, cstr("/c/newdir\x00"), 0o777) }},
	{"make a directory over a file", eexist, func() int { return errnoOf(sysMkdir, cstr("/c/secret\x00"), 0o777) }},
	{"make a link where one may not", eacces, func() int { return errnoOf(sysSymlink, cstr("x\x00"), cstr("/c/newlink\x00")) }},
	{"make a FIFO where one may not", eacces, func() int { return errnoOf(sysMkfifo, cstr("/c/newfifo\x00"), 0o666) }},
	{"make a device", eperm, func() int { return errnoOf(sysMknod, cstr("/c/open/dev\x00"), 0o20666, 0x202) }},
	{"link where one may not", eacces, func() int { return errnoOf(sysLink, cstr("/c/own\x00"), cstr("/c/hard\x00")) }},
	{"unlink where one may not", eacces, func() int { return errnoOf(sysUnlink, cstr("/c/own\x00")) }},
	{"unlink what is not there", enoent, func() int { return errnoOf(sysUnlink, cstr("/c/none\x00")) }},
	{"rmdir where one may not", eacces, func() int { return errnoOf(sysRmdir, cstr("/c/shut\x00")) }},
	{"rename where one may not", eacces, func() int { return errnoOf(sysRename, cstr("/c/own\x00"), cstr("/c/open/own\x00")) }},
	{"rename to where one may not", eacces, func() int { return errnoOf(sysRename, cstr("/c/open/theirs\x00"), cstr("/c/moved\x00")) }},
	{"bind where one may not", eacces, func() int { return binds("/c/newsock\x00") }},
	{"connect to a socket that one may not write", eacces, func() int { return connects("/c/sock\x00") }},
	{"connect to one that one may", 0, func() int { return connects("/c/opensock\x00") }},

	{"unlink another's file where one may", 0, func() int { return errnoOf(sysUnlink, cstr("/c/open/theirs\x00")) }},
	{"rename another's file where one may", 0, func() int { return errnoOf(sysRename, cstr("/c/open/theirs2\x00"), cstr("/c/open/moved\x00")) }},
	{"move another's directory", eacces, func() int { return errnoOf(sysRename, cstr("/c/open/theirdir\x00"), cstr("/c/open/sub/d\x00")) }},
	{"rename another's directory", 0, func() int { return errnoOf(sysRename, cstr("/c/open/theirdir\x00"), cstr("/c/open/theirs3\x00")) }},
	{"unlink another's in a sticky directory", eperm, func() int { return errnoOf(sysUnlink, cstr("/c/tmp/theirs\x00")) }},
	{"rename another's in a sticky directory", eperm, func() int { return errnoOf(sysRename, cstr("/c/tmp/theirs\x00"), cstr("/c/tmp/x\x00")) }},
	{"rename over another's in a sticky directory", eperm, func() int { return errnoOf(sysRename, cstr("/c/tmp/mine\x00"), cstr("/c/tmp/theirs\x00")) }},
	{"rmdir another's in a sticky directory", eperm, func() int { return errnoOf(sysRmdir, cstr("/c/tmp/theirdir\x00")) }},
	{"rename one's own in a sticky directory", 0, func() int { return errnoOf(sysRename, cstr("/c/tmp/mine\x00"), cstr("/c/tmp/mine2\x00")) }},
	{"unlink one's own in a sticky directory", 0, func() int { return errnoOf(sysUnlink, cstr("/c/tmp/mine2\x00")) }},

	{"chroot", eperm, func() int { return errnoOf(sysChroot, cstr("/c\x00")) }},
	{"fchroot", eperm, func() int { return errnoOf(sysFchroot, rootsDir) }},
	{"setuid back", eperm, func() int { return errnoOf(sysSetuid, 0) }},
	{"setgroups", eperm, func() int { return errnoOf(sysSetgroups, 0, 0) }},
	{"raw socket", eperm, func() int { return errnoOf(sysSocket, 2, 3, 1) }},
	{"bind a port of root's", eacces, func() int { return bindsPort(811) }},
	{"bind any port", 0, func() int { return bindsPort(0) }},

	{"kill root's process", eperm, func() int { return errnoOf(sysKill, getppid(), 0) }},
	{"trace root's process", eperm, func() int { return errnoOf(sysPtrace, ptATTACH, getppid(), 0, 0) }},
	{"watch root's process", eacces, func() int {
		kq := must("kqueue", sysKqueue)
		ev := keventT{ident: uint64(getppid()), filter: evfiltPROC, flags: evADD, fflags: noteEXIT}
		e := errnoOf(sysKevent, kq, ptr(&ev), 1, 0, 0, 0)
		call(sysClose, kq)
		return e
	}},
	{"arguments of root's process", 0, func() int { return procArgs(getppid(), 1) }},
	{"environment of root's process", eperm, func() int { return procArgs(getppid(), 3) }},
	{"its own environment", 0, func() int { return procArgs(getpid(), 3) }},
}

// procArgs asks for kern.proc_args.PID.WHAT.
func procArgs(pid, what int) int {
	mib := [4]int32{1, 48, int32(pid), int32(what)}
	room := len(bigBuf)
	return errnoOf(sysSysctl, ptr(&mib), 4, ptr(&bigBuf), ptr(&room), 0, 0)
}

var bigBuf [4096]byte

// credOwners makes files, and checks whose they are: the user's, and of the directory's
// group (BSD, and open(2)).
func credOwners() {
	call(sysUmask, 0o022)
	fd := must("create", sysOpen, cstr("/c/open/file\x00"), oRDWR|oCREAT|oEXCL, 0o6666)
	must("write", sysWrite, fd, cstr("text"), 4)
	owned("/c/open/file\x00", nobody, foreign, 0o644) // no set-id bits below a root
	fd = must("create for nobody", sysOpen, cstr("/c/open/shut\x00"), oRDWR|oCREAT, 0)
	must("write to what was made so", sysWrite, fd, cstr("text"), 4)
	owned("/c/open/shut\x00", nobody, foreign, 0)
	errs("open it again", eacces, sysOpen, cstr("/c/open/shut\x00"), oRDWR|oCREAT, 0o600)
	must("mkdir", sysMkdir, cstr("/c/open/dir\x00"), 0o777)
	owned("/c/open/dir\x00", nobody, foreign, 0o755)
	must("mkdir in it", sysMkdir, cstr("/c/open/dir/dir\x00"), 0o777)
	owned("/c/open/dir/dir\x00", nobody, foreign, 0o755)
	must("symlink", sysSymlink, cstr("x\x00"), cstr("/c/open/newlink\x00"))
	owned("/c/open/newlink\x00", nobody, foreign, -1)
	must("mkfifo", sysMkfifo, cstr("/c/open/newfifo\x00"), 0o666)
	owned("/c/open/newfifo\x00", nobody, foreign, 0o644)
	eq("bind", binds("/c/open/newsock\x00"), 0)
	owned("/c/open/newsock\x00", nobody, foreign, -1)
	must("create in the sticky directory", sysOpen, cstr("/c/tmp/new\x00"), oRDWR|oCREAT, 0o600)
	owned("/c/tmp/new\x00", nobody, foreign, 0o600)
	// The owner's group may less than others: that is for its members, not for whoever
	// makes something.
	must("create where the group may not", sysOpen, cstr("/c/open/bent/new\x00"), oRDWR|oCREAT, 0o600)
	owned("/c/open/bent/new\x00", nobody, foreign, 0o600)
	must("link", sysLink, cstr("/c/open/file\x00"), cstr("/c/open/hard\x00"))
	must("rmdir", sysRmdir, cstr("/c/open/dir/dir\x00"))
}

// credEffective checks that the effective ids decide, but for access(2).
func credEffective() {
	reapOK(fork(func() {
		must("seteuid", sysSeteuid, nobody)
		errs("open with another effective user", eacces, sysOpen, cstr("/c/secret\x00"), oRDONLY)
		must("access goes by the real user", sysAccess, cstr("/c/secret\x00"), 4)
		must("faccessat, too", sysFaccessat, -100, cstr("/c/shut/file\x00"), 6, 0)
		errs("faccessat with AT_EACCESS", eacces, sysFaccessat, -100, cstr("/c/secret\x00"), 4, 0x100)
		must("seteuid back", sysSeteuid, 0)
		must("open again", sysOpen, cstr("/c/secret\x00"), oRDONLY)
	}))
}

// credRoot checks that root of another group still may all, and makes files of the
// directory's group.
func credRoot() {
	must("setgid", sysSetgid, 39)
	must("open another's", sysOpen, cstr("/c/theirs\x00"), oRDWR)
	must("search", sysStat, cstr("/c/shut/file\x00"), ptr(&st))
	errs("execute what nobody may", eacces, sysExecve, cstr("/c/noexec\x00"), ptr(&execArgv), ptr(&execEnv))
	must("create", sysOpen, cstr("/c/roots\x00"), oRDWR|oCREAT, 0o600)
	owned("/c/roots\x00", 0, foreign, 0o600)
	must("chown", sysChown, cstr("/c/roots\x00"), another, another)
	owned("/c/roots\x00", another, another, 0o600)
}

// subDropRun is sub_drop_run RELEASE PROGRAM [ARG...]: runs a program as somebody else.
func subDropRun() {
	drop()
	for i := 3; i < argc; i++ {
		execArgv[i-3] = argv[i]
	}
	eq("execve", errnoOf(sysExecve, addr(argv[3]), ptr(&execArgv), ptr(&execEnv)), 0)
}
