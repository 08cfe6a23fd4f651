package main

// What fexecve(2) executes. The root directory is the test's, with programs, a script and a plain file in it.

// fexecs makes the call for what is to fail.
func fexecs(what string, want, fd int) {
	errs(what, want, sysFexecve, fd, ptr(&execArgv), ptr(&execEnv))
}

// opened opens a file that this process executes, or tries to.
func opened(path string, flags int) int { return must(path, sysOpen, cstr(path), flags, 0) }

// runsAs has a child execute an open file, which exits with a status.
func runsAs(what string, fd, status int) {
	pid := fork(func() {
		_, e := call(sysFexecve, fd, ptr(&execArgv), ptr(&execEnv))
		put(what)
		put(": errno ")
		putInt(e)
		end()
	})
	reap(pid, exited(status))
}

// subFexec is sub_fexec RELEASE: check_exec, where there is a descriptor, and what it has the new program be told.
func subFexec() {
	execArgs("sub_exit", "7")
	fexecNames()
	fexecKinds()
	errs("EACCES comes before arguments (execve_loadvm)", eacces, sysFexecve, opened("/plain\x00", oRDONLY), 8, 8)
	written := opened("/written\x00", oRDWR)
	fexecs("vn_marktext: a program that is being written", etxtbsy, written)
	errs("vn_marktext of execve: whoever writes", etxtbsy, sysExecve, cstr("/written\x00"), ptr(&execArgv), ptr(&execEnv))
	for flags := oWRONLY; flags <= oRDWR; flags++ {
		errs("vn_writechk: a program that runs", etxtbsy, sysOpen, cstr("/guest\x00"), flags, 0)
	}
	errs("vn_writechk of truncate", etxtbsy, sysTruncate, cstr("/guest\x00"), 0)
	runsAs("a script that is being written", opened("/script\x00", oRDWR), 9)
	must("close", sysClose, written)
	fexecSearch()
}

// fexecNames: the file must have a name (exec_resolvename), and whatever that is, the file is what was opened.
func fexecNames() {
	unlinked, replaced, moved, linked := opened("/unlinked\x00", oRDONLY), opened("/replaced\x00", oRDONLY), opened("/moved\x00", oRDONLY|oCLOEXEC), opened("/linked\x00", oRDONLY)
	runsAs("a program", unlinked, 7)
	must("unlink", sysUnlink, cstr("/unlinked\x00"))
	fexecs("unlinked", enoent, unlinked)
	must("rename", sysRename, cstr("/other\x00"), cstr("/replaced\x00"))
	fexecs("replaced", enoent, replaced)
	must("rename", sysRename, cstr("/moved\x00"), cstr("/d/moved\x00"))
	runsAs("renamed", moved, 7)
	must("unlink", sysUnlink, cstr("/linked\x00"))
	fexecs("a link of two that is gone", enoent, linked)
	must("symlink", sysSymlink, cstr("/d\x00"), cstr("/l\x00"))
	runsAs("a script", opened("/l/script\x00", oRDONLY), 9)
}

// fexecKinds: fd_getvnode, and check_exec's VREG.
func fexecKinds() {
	fexecs("no descriptor", ebadf, 99)
	var p pipe
	p.open()
	fexecs("a pipe", einval, int(p.r))
	fexecs("a socket", einval, must("socket", sysSocket, 1, 1, 0))
	fexecs("a kqueue", einval, must("kqueue", sysKqueue))
	fexecs("a directory", eacces, opened("/d\x00", oRDONLY))
	fexecs("the directory of devices", eacces, opened("/dev\x00", oRDONLY))
	fexecs("a device", eacces, opened("/dev/null\x00", oRDONLY))
	must("mkfifo", sysMkfifo, cstr("/fifo\x00"), 0o777)
	fexecs("a FIFO", eacces, opened("/fifo\x00", oRDWR|oNONBLOCK))
}

// fexecSearch: getcwd_common asks whether the caller may search the directory that the file is in, and read those above that.
func fexecSearch() {
	if must("getuid", sysGetuid) != 0 {
		return
	}
	shut, deep := opened("/d/shut/prog\x00", oRDONLY), opened("/d/unread/in/prog\x00", oRDONLY)
	above := opened("/d/unread/prog\x00", oRDONLY)
	must("chmod", sysChmod, cstr("/d/shut\x00"), 0o700)
	must("chmod", sysChmod, cstr("/d/unread\x00"), 0o711)
	runsAs("the superuser", shut, 7)
	must("setuid", sysSetuid, nobody)
	fexecs("in a directory without search", eacces, shut)
	fexecs("below a directory that cannot be read", eacces, deep)
	runsAs("in a directory that cannot be read", above, 7)
}

// subFexecScript is what the script has for its interpreter: ep_kname, the last part of the name that was found, stands for the script.
func subFexecScript() {
	if arg(2) != "script" || arg(3) != "sub_exit" {
		fail(arg(2))
	}
	exit(9)
}

// subFexecRun is sub_fexec_run RELEASE PROGRAM [ARG...].
func subFexecRun() {
	for i := 3; i < argc; i++ {
		execArgv[i-3] = argv[i]
	}
	fd := must("open", sysOpen, addr(argv[3]), oRDONLY|oCLOEXEC, 0)
	eq("fexecve", errnoOf(sysFexecve, fd, ptr(&execArgv), ptr(&execEnv)), 0)
}
