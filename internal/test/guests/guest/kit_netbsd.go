package main

import "unsafe"

// Assembly.
//
//go:noescape
func forkOn(nr, a1, a2, stack int, f unsafe.Pointer) (pid, errno int)

func sys(nr, a1, a2, a3, a4, a5, a6, a7 int) (r1, r2, errno int)
func addrOf(which int) int
func fpRoundTrip(pid, avx int) (x0, x15, mxcsr, st0, y1 int)
func spoilFP(avx int)
func cpuid1() int
func contextTwice(uc int)
func loopAt(p int)
func readByte(p int) int
func readGS() int
func writeByte(p, v int)
func breakpoint()
func jump(p int)

const (
	addrHandler = iota
	addrTramp
	addrLwpStart
	addrBareLWP
	addrSpinLWP
	addrGetpidLoop
	addrSequence
	addrUpcall
)

var (
	spins  int
	rounds int
	stacks [8][64 << 10]byte
)

// call makes a system call: the result, or -1 and the errno.
func call(nr int, a ...int) (r, errno int) {
	var p [7]int
	for i := range a {
		p[i] = a[i]
	}
	r, _, errno = sys(nr, p[0], p[1], p[2], p[3], p[4], p[5], p[6])
	return r, errno
}

// ptr returns the address of something for a system call. What is pointed to from
// other memory must be global: the compiler does not see the kernel follow.
func ptr[T any](p *T) int { return int(uintptr(unsafe.Pointer(p))) }

func exit(status int) {
	for {
		call(sysExit, status)
	}
}

// say writes to the standard error's neighbour that the host reads.
func say(s string) {
	call(sysWrite, 1, int(uintptr(unsafe.Pointer(unsafe.StringData(s)))), len(s))
}

var (
	line    [512]byte
	lineLen int
)

func put(s string) {
	for i := 0; i < len(s) && lineLen < len(line); i++ {
		line[lineLen] = s[i]
		lineLen++
	}
}

func putInt(n int) {
	var b [24]byte
	i := len(b)
	neg := n < 0
	u := uint(n)
	if neg {
		u = -u
	}
	for {
		i--
		b[i] = byte('0' + u%10)
		u /= 10
		if u == 0 {
			break
		}
	}
	if neg {
		i--
		b[i] = '-'
	}
	put(unsafe.String(&b[i], len(b)-i))
}

// end writes the line and ends the process as failed.
func end() {
	put("\n")
	call(sysWrite, 1, ptr(&line), lineLen)
	exit(1)
}

func fail(what string) {
	put(what)
	end()
}

// eq ends the process unless got is want.
func eq(what string, got, want int) {
	if got == want {
		return
	}
	put(what)
	put(": got ")
	putInt(got)
	put(", want ")
	putInt(want)
	end()
}

func yes(what string, ok bool) {
	if !ok {
		fail(what)
	}
}

// must makes a system call that is to succeed.
func must(what string, nr int, a ...int) int {
	r, e := call(nr, a...)
	if e != 0 {
		put(what)
		put(": errno ")
		putInt(e)
		end()
	}
	return r
}

// errs makes a system call that is to fail with want.
func errs(what string, want, nr int, a ...int) {
	r, e := call(nr, a...)
	if e == 0 {
		put(what)
		put(": succeeded with ")
		putInt(r)
		put(", want errno ")
		putInt(want)
		end()
	}
	eq(what, e, want)
}

func getpid() int  { return must("getpid", sysGetpid) }
func getppid() int { return must("getppid", sysGetppid) }
func yield()       { call(sysSchedYield) }

func kill(pid, sig int) { must("kill", sysKill, pid, sig) }

// fork runs f in a child, which exits with 0 after it.
func fork(f func()) int {
	pid := must("fork", sysFork)
	if pid == 0 {
		f()
		exit(0)
	}
	return pid
}

// closures hold the functions that run on the stacks: where the compiler put one, the
// next may come before the LWP has begun.
var closures [len(stacks)][8]uintptr

// funcPtr copies f, with what it refers to, to the closure of a stack.
func funcPtr(stack int, f func()) unsafe.Pointer {
	closures[stack] = *(*[8]uintptr)(*(*unsafe.Pointer)(unsafe.Pointer(&f)))
	return unsafe.Pointer(&closures[stack])
}

func stackTop(i int) int { return ptr(&stacks[i]) + len(stacks[i]) - 64 }

// vfork runs f in a child that borrows the caller's memory, on a stack of its own.
func vfork(f func()) int {
	pid, e := forkOn(sysVfork, 0, 0, stackTop(7), funcPtr(7, f))
	eq("vfork", e, 0)
	return pid
}

// clone is fork with flags and an exit signal.
func clone(flags int, f func()) int {
	pid, e := forkOn(sysClone, flags, 0, stackTop(7), funcPtr(7, f))
	eq("__clone", e, 0)
	return pid
}

// callFunc is called by assembly on a fresh stack.
func callFunc(f func()) { f() }

// A pipe synchronises: post lets one wait go on.
type pipe struct{ r, w int32 }

func (p *pipe) open()   { must("pipe2", sysPipe2, ptr(p), 0) }
func (p *pipe) post()   { must("write to a pipe", sysWrite, int(p.w), ptr(&line), 1) }
func (p *pipe) closeR() { must("close", sysClose, int(p.r)) }
func (p *pipe) closeW() { must("close", sysClose, int(p.w)) }
func (p *pipe) send(b byte) {
	must("write to a pipe", sysWrite, int(p.w), ptr(&b), 1)
}

// wait takes one byte; it fails at end of file.
func (p *pipe) wait() byte {
	var b byte
	eq("read of a pipe", must("read of a pipe", sysRead, int(p.r), ptr(&b), 1), 1)
	return b
}

// eof waits until nobody can write any more.
func (p *pipe) eof() {
	var b byte
	eq("read of a pipe at its end", must("read of a pipe", sysRead, int(p.r), ptr(&b), 1), 0)
}

// wait4 waits for pid and returns its status.
func wait4(pid, options int) (got, status int) {
	var st int32 = -1
	got = must("wait4", sysWait4, pid, ptr(&st), options, 0)
	return got, int(st)
}

// reap waits for pid, which is to end with status.
func reap(pid, status int) {
	got, st := wait4(pid, wALLSIG)
	eq("wait4's pid", got, pid)
	eq("wait4's status", st, status)
}

// reapOK waits for a child that must have ended without complaint.
func reapOK(pid int) { reap(pid, 0) }

// noChildren checks that there is nothing left to wait for.
func noChildren() {
	errs("wait4 without children", echild, sysWait4, -1, 0, wALLSIG|wNOHANG, 0)
}

// holdChild keeps SIGCHLD pending when it comes. It needs a handler for that: a signal
// whose default is to be ignored is dropped even while blocked.
func holdChild() {
	block(sigCHLD)
	catch(sigCHLD, 0)
}

// awaitZombie returns when a child with the usual exit signal has become a zombie: its
// SIGCHLD comes only then (item 64). Preconditions: holdChild.
func awaitZombie() {
	eq("SIGCHLD of a zombie", sigwait(bit(sigCHLD)), sigCHLD)
}

func exited(code int) int { return code << 8 }
func stopped(sig int) int { return sig<<8 | 0x7f }

const continuedStatus = 0xffff

func ptrOf[T any](p *T) unsafe.Pointer { return unsafe.Pointer(p) }
