package main

import "unsafe"

// Sub-programs that try to break out: each attempt is a child of its own.

// attempt runs f in a child that ends by SIGALRM at the latest, or else by SIGKILL.
func attempt(f func()) {
	attemptFor(100e3, func() {
		setitimer(0, 20e3, 20e3)
		f()
	})
}

// attemptFor lets f run for that many microseconds.
func attemptFor(us int, f func()) {
	pid, e := call(sysFork)
	if e != 0 {
		return
	}
	if pid == 0 {
		f()
		exit(0)
	}
	catch(sigALRM, 0)
	setitimer(0, us, us)
	for {
		if _, e := call(sysWait4, pid, 0, wALLSIG, 0); e != eintr {
			break
		}
		call(sysKill, pid, sigKILL)
	}
	setitimer(0, 0, 0)
	action(sigALRM, sigDFL, 0)
}

// subJump is sub_jump RELEASE FROM TO STEP: jumps to addresses, with registers that
// make a system call of what it may find.
func subJump() {
	for at := number(3); at < number(4); at += number(5) {
		attempt(func() { jump(at) })
	}
}

// subScribble is sub_scribble RELEASE FROM TO SEED COUNT: writes to the control window
// and makes calls.
func subScribble() {
	from, to := number(3), number(4)
	r := rng(number(5)*7919 + 1)
	for range number(6) {
		seed := rng(r.next(1<<50) + 1)
		attempt(func() {
			for range 1 + seed.next(40) {
				v := seed.next(256)
				if seed.next(2) == 0 {
					v = 0xff * seed.next(2)
				}
				writeByte(from+seed.next(to-from), v)
				if seed.next(3) == 0 {
					call(sysGetppid)
				}
			}
			for i := range 3 {
				call(sysGetpid + i)
			}
		})
	}
}

// subRemap is sub_remap RELEASE FROM TO: the addresses of stub and window cannot be
// mapped, unmapped or protected by a guest; everything else can.
func subRemap() {
	from, size := number(3), number(4)-number(3)
	if p, e := call(sysMmap, from, size, protRW, mapAnon|mapPriv|mapFixed, -1, 0, 0); e == 0 {
		eq("mmap over the stub", p, -1)
	}
	for _, nr := range [...]int{sysMunmap, sysMprotect} {
		if _, e := call(nr, from, size, 0); e == 0 {
			fail("munmap or mprotect of the stub")
		}
	}
	const moved = 0x10000000
	call(sysMremap, from, size, moved, size, mapFixed) // a hole is moved for a hole (uvm_map_extract)
	call(sysMremap, from, size, 0, size/2, 0)
	var b [8]byte
	fd := must("open", sysOpen, cstr("/guest\x00"), 0, 0)
	errs("read(2) into the stub", efault, sysRead, fd, from, 8)
	errs("read(2) into where mremap(2) was to move it", efault, sysRead, fd, moved, 8)
	errs("write(2) from the stub", efault, sysWrite, 1, from, 8)
	errs("write(2) to a bad descriptor", ebadf, sysWrite, 99, ptr(&b), 8)
	attempt(func() { call(sysMunmap, 0, 0x7f8000000000) })
	attempt(func() { call(sysMprotect, 0, 0x7f8000000000, 0) })
	attempt(func() { call(sysMmap, 0, 0x7f8000000000, 0, mapAnon|mapPriv|mapFixed, -1, 0, 0) })
	attempt(func() {
		// Page by page, downwards, from the stack.
		for at := 0x7f7ffffff000; at > 0; at -= 4096 {
			call(sysMunmap, at, 4096)
		}
	})
}

// Values that arguments are made of.
var strange = [...]int{
	0, 1, 2, 3, 4, 5, -1, -2, 7, 8, 63, 64, 127, 128, 255, 256, 511, 4095, 4096, 4097, 65535, 65536,
	1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<47 - 1, 1 << 47, 1<<62 - 1, 1 << 62, -1 << 63, 1<<63 - 1,
	0x7f8000000000, 0x7f7ffffff000, 0x7fffffffe000, 0x1000, 0x12, 0x1002, 0x20, 0x40, -4096, -100,
}

var arena [16 << 10]byte

func (r *rng) argument() int {
	switch r.next(5) {
	case 0:
		return ptr(&arena) + r.next(len(arena))
	case 1:
		return ptr(&arena) + 8*r.next(len(arena)/8)
	case 2:
		return r.next(1 << 16)
	case 3:
		return int(uint64(r.next(1<<50))<<14 | uint64(r.next(1<<14)))
	}
	return strange[r.next(len(strange))]
}

// fill puts numbers, pointers and names into the arena.
func (r *rng) fill() {
	for i := 0; i+8 <= len(arena); i += 8 {
		*(*int)(unsafe.Pointer(&arena[i])) = r.argument()
	}
	for range 50 {
		at := r.next(len(arena) - 16)
		name := names[r.next(len(names))]
		for j := range len(name) {
			arena[at+j] = name[j]
		}
	}
}

var names = [...]string{"/\x00", "/a\x00", "b\x00", "../../x\x00", "/guest\x00", "/a/../..\x00", "/dev/tty\x00", "/dev/ptmx\x00", "/dev/zero\x00", ".\x00", "l\x00"}

// subRandom is sub_random RELEASE SEED CALLS: random system calls.
func subRandom() {
	seed := rng(number(3)*104729 + 1)
	attemptFor(400e3, func() { seed.calls(number(4)) })
	attemptFor(400e3, func() {
		// The same with several LWPs.
		a, b := rng(seed.next(1<<50)+1), rng(seed.next(1<<50)+1)
		lwpCreate(1, 0, func() { a.calls(number(4)) })
		lwpCreate(2, 0, func() { b.calls(number(4)) })
		seed.calls(number(4))
	})
}

func (r *rng) calls(n int) {
	r.fill()
	catch(sigALRM, 0) // what blocks is interrupted, as long as that lasts
	setitimer(0, 5e3, 5e3)
	for range n {
		nr := r.next(512)
		if r.next(4) == 0 {
			nr = common[r.next(len(common))]
		}
		if nr == sysExit || nr == sysLwpExit {
			continue
		}
		before := getpid()
		sys(nr, r.argument(), r.argument(), r.argument(), r.argument(), r.argument(), r.argument(), r.argument())
		if getpid() != before {
			exit(0) // a fork's child
		}
		if r.next(100) == 0 {
			r.fill()
		}
	}
}

// common are the calls that reach deepest.
var common = [...]int{
	sysMmap, sysMunmap, sysMprotect, 411, 75, sysFork, sysClone, sysVfork, sysExecve, sysPosixSpawn, sysPtrace,
	sysWait4, sysWait6, sysLwpCreate, sysLwpWait, sysLwpSuspend, sysLwpContinue, sysLwpPark, sysLwpUnpark,
	sysKevent, sysKqueue, sysSigaction, sysSigaltstack, sysSetcontext, sysPipe2, sysDup2, sysFcntl, sysIoctl,
	sysOpen, sysRead, sysWrite, 136, 128, 57, 10, 54, 202, 394, 135, 27, 28, sysSetsid, sysSetpgid, sysSetitimer,
}
