package main

import "unsafe"

// Cases about terminals and the terminal half of exit.

var ttyCases = []testCase{
	{"exit_17_leader_hangs_up_drains_and_revokes", ttyLeaderDies},
	{"exit_22_another_sessions_terminal", ttyAnothers},
	{"exit_27_orphaned_group_continued", ttyOrphans},
	{"tty_names_and_echo", ttyNames},
	{"tty_TIOCPTMGET", ttyPtmget},
	{"tty_TIOCSCTTY_and_groups", ttyGroups},
	{"tty_dev_tty_and_TIOCNOTTY", ttyNotty},
	{"tty_keyboard_signals", ttyKeyboard},
	{"tty_background_read", ttyBackground},
	{"tty_hangup", ttyHangup},
	{"tty_revoke", ttyRevoke},
	{"tty_window_size", ttyWindow},
	{"tty_last_close", ttyLastClose},
	{"tty_bad_requests", ttyBadRequests},
}

const (
	sysRevoke = 56

	tiocGETA    = 0x402c7413
	tiocSETA    = 0x802c7414
	tiocGPGRP   = 0x40047477
	tiocSPGRP   = 0x80047476
	tiocNOTTY   = 0x20007471
	tiocSCTTY   = 0x20007461
	tiocGSID    = 0x40047463
	tiocGWINSZ  = 0x40087468
	tiocSWINSZ  = 0x80087467
	tiocDRAIN   = 0x2000745e
	tiocOUTQ    = 0x40047473
	fionread    = 0x4004667f
	tiocPTMGET  = 0x48087446
	tiocGRANTPT = 0x20007447
	tiocPTSNAME = 0x48087448

	oNOCTTY = 0x8000
	eio     = 5
	enxio   = 6
	enotty  = 25
)

// ptmget is struct ptmget: two descriptors and two names of 1024 bytes.
var ptmget struct {
	ctl, term int32
	ctlName   [1024]byte
	termName  [1024]byte
}

func cstring(s string) int { return int(uintptr(unsafe.Pointer(unsafe.StringData(s)))) }

func ioctl(fd, req, arg int) int { return must("ioctl", sysIoctl, fd, req, arg) }

// openPair opens both sides of a pseudo-terminal the way libc's openpty(3) does.
func openPair() (ctl, term int) {
	ctl = must("open of /dev/ptmx", sysOpen, cstring("/dev/ptmx\x00"), oRDWR|oNOCTTY)
	ioctl(ctl, tiocGRANTPT, 0)
	ioctl(ctl, tiocPTSNAME, ptr(&ptmget))
	return ctl, openTerm()
}

func openTerm() int {
	return must("open of the terminal", sysOpen, ptr(&ptmget.termName), oRDWR|oNOCTTY)
}

func write(fd int, s string) {
	eq("length of a write", must("write", sysWrite, fd, cstring(s), len(s)), len(s))
}

// expect reads until s has come.
func expect(fd int, s string) {
	var b [64]byte
	for got := 0; got < len(s); {
		n := must("read of a terminal", sysRead, fd, ptr(&b), len(s)-got)
		yes("the terminal ended", n > 0)
		for i := 0; i < n; i++ {
			eq("a character", int(b[i]), int(s[got]))
			got++
		}
	}
}

// atEnd checks that a read returns the end of file.
func atEnd(fd int) {
	var b [8]byte
	eq("read at the end", must("read at the end", sysRead, fd, ptr(&b), len(b)), 0)
}

// lead makes the caller the leader of a session with term.
func lead(term int) {
	must("setsid", sysSetsid)
	ioctl(term, tiocSCTTY, 0)
}

func setForeground(term, pgid int) {
	g := int32(pgid)
	ioctl(term, tiocSPGRP, ptr(&g))
}

func foreground(term int) int {
	var g int32
	ioctl(term, tiocGPGRP, ptr(&g))
	return int(g)
}

// inGroup forks a child that leads a group of its own.
func inGroup(f func()) int {
	pid := fork(func() {
		must("setpgid", sysSetpgid, 0, 0)
		f()
	})
	if _, e := call(sysSetpgid, pid, pid); e != 0 {
		eq("setpgid of a child that may have gone", e, esrch)
	}
	return pid
}

// ttyLeaderDies has three processes: this one is the user, the leader dies with
// output unread, and one in the foreground lives to tell what became of the terminal.
func ttyLeaderDies() {
	var up, down, ready pipe
	up.open()
	down.open()
	ready.open()
	ctl, term := openPair()
	leader := fork(func() {
		must("close", sysClose, ctl)
		lead(term)
		front := inGroup(func() {
			block(sigHUP)
			ready.post()
			eq("the signal", sigwait(bit(sigHUP)), sigHUP)
			up.send('H')
			down.wait()
			atEnd(term)
			errs("write to a revoked terminal", eio, sysWrite, term, ptr(&line), 1)
			errs("ioctl of a revoked terminal", ebadf, sysIoctl, term, tiocGETA, ptr(&ptmget))
			errs("open of /dev/tty", enxio, sysOpen, cstring("/dev/tty\x00"), oRDWR)
			up.send('R')
		})
		ready.wait()
		setForeground(term, front)
		write(term, "last words")
	})
	must("close", sysClose, term)
	up.closeW()
	eq("the first news", int(up.wait()), 'H')
	got, _ := wait4(leader, wNOHANG)
	eq("wait4 of a leader that drains", got, 0)
	expect(ctl, "last words")
	reapOK(leader)
	down.post()
	eq("the second news", int(up.wait()), 'R')
	atEnd(ctl)
}

// ttyAnothers: the end of a session does nothing to a terminal of another one that its
// leader had open.
func ttyAnothers() {
	var ready, down pipe
	ready.open()
	down.open()
	ctl, term := openPair()
	owner := fork(func() {
		lead(term)
		ready.post()
		down.wait()
		write(term, "mine")
		ioctl(term, tiocDRAIN, 0)
	})
	ready.wait()
	reapOK(fork(func() {
		must("setsid", sysSetsid)
		errs("TIOCSCTTY of another session's terminal", eperm, sysIoctl, term, tiocSCTTY, 0)
		write(term, "other")
	}))
	down.post()
	expect(ctl, "othermine")
	reapOK(owner)
}

func ttyOrphans() {
	var up pipe
	up.open()
	_, term := openPair()
	leader := fork(func() {
		lead(term)
		p := inGroup(func() {
			catch(sigHUP, 0)
			catch(sigCONT, 0)
			block(sigHUP, sigCONT)
			kill(getpid(), sigSTOP)
			eq("one signal of the orphan", sigwait(bit(sigHUP)), sigHUP)
			eq("the other", sigwait(bit(sigCONT)), sigCONT)
			up.send('O')
		})
		_, st := wait4(p, wUNTRACED)
		eq("status of the stopped", st, stopped(sigSTOP))
	})
	up.closeW()
	reapOK(leader)
	eq("the orphan's news", int(up.wait()), 'O')
}

func ttyNames() {
	ctl, term := openPair()
	yes("the terminal's name is not in /dev/pts", unsafe.String(&ptmget.termName[0], 9) == "/dev/pts/")
	write(ctl, "hi\r")
	expect(term, "hi\n")
	expect(ctl, "hi\r\n")
	write(term, "a\n")
	expect(ctl, "a\r\n")
	var st [44]byte
	ioctl(term, tiocGETA, ptr(&st))
	st[12] &^= 8 // ECHO
	ioctl(term, tiocSETA, ptr(&st))
	write(ctl, "no echo\n")
	expect(term, "no echo\n")
	var n int32 = -1
	ioctl(ctl, fionread, ptr(&n))
	eq("FIONREAD of the controller", int(n), 0)
	write(ctl, "\x04")
	atEnd(term)
}

func ptyDevice() int {
	return must("open of /dev/ptm", sysOpen, cstring("/dev/ptm\x00"), oRDWR)
}

func ttyPtmget() {
	fd := ptyDevice()
	ioctl(fd, tiocPTMGET, ptr(&ptmget))
	ctl, term := int(ptmget.ctl), int(ptmget.term)
	write(term, "x")
	expect(ctl, "x")
	again := openTerm()
	write(again, "y")
	expect(ctl, "y")
	errs("another request", einval, sysIoctl, fd, tiocGETA, ptr(&ptmget))
}

func ttyGroups() {
	ctl, term := openPair()
	_ = ctl
	var v int32
	errs("TIOCGPGRP without the terminal", enotty, sysIoctl, term, tiocGPGRP, ptr(&v))
	ioctl(ctl, tiocGPGRP, ptr(&v))
	eq("TIOCGPGRP of the controller", int(v), 0)
	stranger := getpid()
	reapOK(fork(func() {
		errs("TIOCSCTTY by one who does not lead", eperm, sysIoctl, term, tiocSCTTY, 0)
		lead(term)
		me := getpid()
		eq("foreground", foreground(term), me)
		ioctl(term, tiocGSID, ptr(&v))
		eq("TIOCGSID", int(v), me)
		ioctl(ctl, tiocGPGRP, ptr(&v))
		eq("TIOCGPGRP of the controller", int(v), me)
		ioctl(term, tiocSCTTY, 0) // again
		_, second := openPair()
		errs("TIOCSCTTY of a second terminal", eperm, sysIoctl, second, tiocSCTTY, 0)
		p := inGroup(func() { call(sysRead, ctl, ptr(&v), 1) })
		setForeground(term, p)
		eq("foreground", foreground(term), p)
		v = int32(stranger)
		errs("TIOCSPGRP of another session's group", eperm, sysIoctl, term, tiocSPGRP, ptr(&v))
		v = 30000
		errs("TIOCSPGRP of no group", eperm, sysIoctl, term, tiocSPGRP, ptr(&v))
		v = -1
		errs("TIOCSPGRP of a negative number", einval, sysIoctl, term, tiocSPGRP, ptr(&v))
		kill(p, sigKILL)
		reap(p, sigKILL)
	}))
}

func ttyNotty() {
	name := cstring("/dev/tty\x00")
	errs("open of /dev/tty without a terminal", enxio, sysOpen, name, oRDWR)
	var closed pipe
	closed.open()
	ctl, term := openPair()
	leader := fork(func() {
		must("close", sysClose, ctl)
		lead(term)
		tty := must("open of /dev/tty", sysOpen, name, oRDWR)
		write(tty, "one")
		errs("TIOCNOTTY of the leader", einval, sysIoctl, tty, tiocNOTTY, 0)
		reapOK(fork(func() {
			ioctl(tty, tiocNOTTY, 0)
			errs("open of /dev/tty after TIOCNOTTY", enxio, sysOpen, name, oRDWR)
			errs("write after TIOCNOTTY", eio, sysWrite, tty, ptr(&line), 1)
		}))
		reapOK(fork(func() {
			must("setsid", sysSetsid)
			errs("open of /dev/tty in a new session", enxio, sysOpen, name, oRDWR)
		}))
		closed.wait()
		write(tty, "two")
	})
	must("close", sysClose, term)
	closed.post() // or this close could be the last one, and wait for this process itself
	expect(ctl, "onetwo")
	reapOK(leader)
}

func ttyKeyboard() {
	var ready pipe
	ready.open()
	ctl, term := openPair()
	leader := fork(func() {
		must("close", sysClose, ctl)
		lead(term)
		p := inGroup(func() {
			catch(sigINT, 0)
			block(sigINT)
			ready.post()
			eq("^C", sigwait(bit(sigINT)), sigINT)
			unblock(sigINT)
			ready.post()
			var b [8]byte
			n := must("read after ^Z", sysRead, term, ptr(&b), len(b))
			eq("length of the line", n, 3)
		})
		setForeground(term, p)
		got, st := wait4(p, wUNTRACED)
		eq("the stopped", got, p)
		eq("status after ^Z", st, stopped(sigTSTP))
		ready.post()
		kill(-p, sigCONT)
		reapOK(p)
		setForeground(term, getpid())
	})
	must("close", sysClose, term)
	ready.wait()
	for foreground(ctl) == leader || foreground(ctl) == 0 {
		yield()
	}
	write(ctl, "\x03")
	ready.wait()
	write(ctl, "\x1a")
	ready.wait()
	write(ctl, "on\n")
	expect(ctl, "^C^Zon\r\n")
	reapOK(leader)
}

func ttyBackground() {
	ctl, term := openPair()
	leader := fork(func() {
		must("close", sysClose, ctl)
		lead(term)
		read := func() {
			var b [8]byte
			n := must("read of the foreground", sysRead, term, ptr(&b), len(b))
			eq("length of the line", n, 2)
		}
		p := inGroup(read)
		_, st := wait4(p, wUNTRACED)
		eq("status of the reader", st, stopped(sigTTIN))
		setForeground(term, p)
		kill(-p, sigCONT)
		reapOK(p)
		setForeground(term, getpid())
		reapOK(inGroup(func() {
			action(sigTTIN, sigIGN, 0)
			errs("read with SIGTTIN ignored", eio, sysRead, term, ptr(&line), 8)
		}))
		reapOK(inGroup(func() {
			block(sigTTIN)
			errs("read with SIGTTIN blocked", eio, sysRead, term, ptr(&line), 8)
		}))
	})
	must("close", sysClose, term)
	write(ctl, "x\n")
	expect(ctl, "x\r\n")
	reapOK(leader)
}

func ttyHangup() {
	var ready pipe
	ready.open()
	ctl, term := openPair()
	leader := fork(func() {
		must("close", sysClose, ctl)
		lead(term)
		block(sigHUP)
		ready.post()
		eq("signal of the hang-up", sigwait(bit(sigHUP)), sigHUP)
		atEnd(term)
		errs("write after the hang-up", eio, sysWrite, term, ptr(&line), 1)
	})
	must("close", sysClose, term)
	ready.wait()
	must("close", sysClose, ctl)
	reapOK(leader)
}

func ttyRevoke() {
	var ready pipe
	ready.open()
	ctl, term := openPair()
	reader := fork(func() {
		ready.post()
		atEnd(term)
		errs("write to a revoked terminal", eio, sysWrite, term, ptr(&line), 1)
	})
	ready.wait()
	must("revoke", sysRevoke, ptr(&ptmget.termName))
	reapOK(reader)
	errs("write to a revoked terminal", eio, sysWrite, term, ptr(&line), 1)
	again := openTerm()
	write(again, "new")
	expect(ctl, "new")
	must("revoke of what is no device", sysRevoke, cstring("/\x00"))
	errs("revoke of nothing", enoent, sysRevoke, cstring("/dev/no such\x00"))
}

func ttyWindow() {
	var ready pipe
	ready.open()
	ctl, term := openPair()
	size := [4]uint16{50, 132}
	leader := fork(func() {
		must("close", sysClose, ctl)
		lead(term)
		catch(sigWINCH, 0)
		block(sigWINCH)
		ready.post()
		eq("signal", sigwait(bit(sigWINCH)), sigWINCH)
		var got [4]uint16
		ioctl(term, tiocGWINSZ, ptr(&got))
		eq("rows", int(got[0]), 50)
		eq("columns", int(got[1]), 132)
		ioctl(term, tiocSWINSZ, ptr(&got))
		noneNow("SIGWINCH without a change", bit(sigWINCH))
	})
	must("close", sysClose, term)
	ready.wait()
	ioctl(ctl, tiocSWINSZ, ptr(&size))
	reapOK(leader)
}

func ttyLastClose() {
	var closed pipe
	closed.open()
	ctl, term := openPair()
	writer := fork(func() {
		must("close", sysClose, ctl)
		closed.wait()
		write(term, "bye")
		must("close", sysClose, term) // waits for the reader
	})
	must("close", sysClose, term)
	closed.post() // or this close could be the last one, and wait for this process itself
	expect(ctl, "bye")
	atEnd(ctl)
	errs("write when nobody has the terminal", eio, sysWrite, ctl, ptr(&line), 1)
	reapOK(writer)
}

func ttyBadRequests() {
	ctl, term := openPair()
	errs("ioctl of no descriptor", ebadf, sysIoctl, 99, tiocGETA, ptr(&ptmget))
	errs("TIOCGETA to nowhere", efault, sysIoctl, term, tiocGETA, nowhere)
	errs("TIOCSETA from nowhere", efault, sysIoctl, term, tiocSETA, nowhere)
	errs("an unknown request", enotty, sysIoctl, term, 0x20007501, 0)
	errs("an argument too long", enotty, sysIoctl, term, 0x5fff7413, ptr(&ptmget))
	var p pipe
	p.open()
	errs("TIOCGETA of a pipe", enotty, sysIoctl, int(p.r), tiocGETA, ptr(&ptmget))
	var n int32 = -1
	p.post()
	ioctl(int(p.r), fionread, ptr(&n))
	eq("FIONREAD of a pipe", int(n), 1)
	write(term, "abc")
	ioctl(term, tiocOUTQ, ptr(&n))
	eq("TIOCOUTQ", int(n), 3)
	expect(ctl, "abc")
	ioctl(term, tiocDRAIN, 0)
	var b [4]byte
	errs("lseek of a terminal", 29, 199, term, 0, 0, 0)
	must("fcntl", sysFcntl, ctl, 4, oNONBLOCK)
	errs("read of nothing", eagain, sysRead, ctl, ptr(&b), 4)
}
