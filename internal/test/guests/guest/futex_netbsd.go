package main

import (
	"sync/atomic"
	"unsafe"
)

// Cases about __futex of release 10, as sys_futex.c has it.

var futexCases = []testCase{
	{"futex_between_lwps", futexLwps},
	{"futex_between_processes", futexFork},
	{"futex_private_is_not_shared", futexPrivate},
	{"futex_sleepers_can_be_killed", futexKill},
	{"futex_WAKE_OP", futexOps},
	{"futex_robust_list_of_an_lwp", futexRobustLwp},
	{"futex_robust_list_of_a_process", futexRobustFork},
}

const (
	futexWait   = 0
	futexWake   = 1
	privateFlag = 0x80
	ownerDied   = 0x40000000
	tidMask     = 0x3fffffff
)

func wordOf(addr int) *uint32 { return (*uint32)(unsafe.Pointer(uintptr(addr))) }

// futexAwait waits until the word is another.
func futexAwait(p *uint32, val uint32, flags int) {
	for atomic.LoadUint32(p) == val {
		if _, e := call(sysFutex, ptr(p), futexWait|flags, int(val), 0, 0, 0, 0); e != 0 && e != eagain && e != eintr {
			eq("__futex", e, 0)
		}
	}
}

func futexSet(p *uint32, val uint32, flags int) {
	atomic.StoreUint32(p, val)
	must("__futex", sysFutex, ptr(p), futexWake|flags, 1<<30, 0, 0, 0, 0)
}

var futexWords [4]uint32

func futexLwps() {
	for i := 1; i <= 2; i++ {
		lwpCreate(i, 0, func() {
			for n := uint32(0); n < 100; n++ {
				futexAwait(&futexWords[0], n, privateFlag)
				atomic.AddUint32(&futexWords[1], 1)
				must("__futex", sysFutex, ptr(&futexWords[1]), futexWake|privateFlag, 1, 0, 0, 0, 0)
			}
		})
	}
	for n := uint32(1); n <= 100; n++ {
		futexSet(&futexWords[0], n, privateFlag)
		for seen := atomic.LoadUint32(&futexWords[1]); seen < 2*n; seen = atomic.LoadUint32(&futexWords[1]) {
			call(sysFutex, ptr(&futexWords[1]), futexWait|privateFlag, int(seen), 0, 0, 0, 0)
		}
	}
	must("_lwp_wait", sysLwpWait, 0, 0)
	must("_lwp_wait", sysLwpWait, 0, 0)
}

// sharedPage is memory that a fork shares.
func sharedPage() int {
	return must("mmap", sysMmap, 0, 4096, 3, 0x1001, -1, 0, 0)
}

func futexFork() {
	page := sharedPage()
	here, there := wordOf(page+8), wordOf(page+2048)
	pid := fork(func() {
		for n := uint32(0); n < 50; n++ {
			futexAwait(here, n, 0)
			futexSet(there, n+1, 0)
		}
	})
	for n := uint32(0); n < 50; n++ {
		futexSet(here, n+1, 0)
		futexAwait(there, n, 0)
	}
	reapOK(pid)
}

// Memory of two processes at the same address is not the same, whether it is said to be shared or not.
func futexPrivate() {
	var done pipe
	done.open()
	pid := fork(func() {
		ts := [2]int{0, 50_000_000}
		done.post()
		errs("__futex in the child", etimedout, sysFutex, ptr(&futexWords[3]), futexWait, 0, ptr(&ts), 0, 0, 0)
	})
	done.wait()
	for range 100 {
		eq("woken in another process", must("__futex", sysFutex, ptr(&futexWords[3]), futexWake, 9, 0, 0, 0, 0), 0)
		yield()
	}
	reapOK(pid)
}

func futexKill() {
	page := sharedPage()
	pid := fork(func() {
		lwpCreate(1, 0, func() { futexAwait(wordOf(page), 0, 0) })
		futexSet(wordOf(page+4), 1, 0)
		futexAwait(wordOf(page), 0, 0)
	})
	futexAwait(wordOf(page+4), 0, 0)
	kill(pid, sigKILL)
	reap(pid, sigKILL)
	eq("who was killed waits no more", must("__futex", sysFutex, page, futexWake, 9, 0, 0, 0, 0), 0)
}

// robustHold makes a robust list of one lock at page, which the caller takes: the head at page, the
// entry behind it, the word behind that.
func robustHold(page int) {
	head := (*[5]int)(unsafe.Pointer(uintptr(page)))
	head[0], head[1], head[2] = page+24, 8, 0
	head[3] = page
	atomic.StoreUint32(wordOf(page+32), uint32(must("_lwp_self", sysLwpSelf)))
	must("__futex_set_robust_list", sysFutexSetRobustList, page, 24)
}

// robustTake waits for the death of who holds the lock, as a mutex would.
func robustTake(page int) {
	p := wordOf(page + 32)
	for {
		v := atomic.LoadUint32(p)
		if v&ownerDied != 0 {
			return
		}
		if v != 0 && v&(1<<31) == 0 && !atomic.CompareAndSwapUint32(p, v, v|1<<31) {
			continue
		}
		call(sysFutex, ptr(p), futexWait, int(v|1<<31), 0, 0, 0, 0)
	}
}

func futexRobustLwp() {
	cells[6] = sharedPage()
	lid := lwpCreate(1, 0, func() {
		robustHold(cells[6])
		add(&cells[0])
	})
	for load(&cells[0]) == 0 {
		yield()
	}
	robustTake(cells[6])
	eq("whose it was", int(atomic.LoadUint32(wordOf(cells[6]+32))&tidMask), lid)
	must("_lwp_wait", sysLwpWait, lid, 0)
}

func futexRobustFork() {
	for round := range 3 {
		page := sharedPage()
		var done pipe
		done.open()
		pid := fork(func() {
			robustHold(page)
			done.post()
			switch round {
			case 1:
				kill(getpid(), sigKILL)
			case 2:
				execSelf("sub_exit", "0")
			}
		})
		done.wait()
		robustTake(page)
		status := 0
		if round == 1 {
			status = sigKILL
		}
		reap(pid, status)
	}
}

const (
	futexWakeOp = 5
	opAdd       = 1 << 28
	ifMore      = 4 << 24 // than the lowest 12 bits
)

// futexOps: FUTEX_WAKE_OP changes a word in one step, which others change meanwhile, and wakes those who wait for
// either (futex_func_wake_op). EFAULT where the word cannot be written.
func futexOps() {
	const rounds = 200
	page := sharedPage()
	count, gone, go1, go2 := wordOf(page), wordOf(page+4), page+8, page+12
	pid := fork(func() {
		for range rounds {
			must("FUTEX_WAKE_OP", sysFutex, page+16, futexWakeOp, 0, 0, page, 0, opAdd|1<<12)
		}
	})
	lwpCreate(1, 0, func() {
		for range 10 * rounds {
			atomic.AddUint32(count, 1)
		}
	})
	for range rounds {
		must("FUTEX_WAKE_OP", sysFutex, page+16, futexWakeOp, 0, 0, page, 0, opAdd|1<<12)
	}
	must("_lwp_wait", sysLwpWait, 0, 0)
	reapOK(pid)
	eq("all of them have counted", int(atomic.LoadUint32(count)), 12*rounds)

	waiter := func(p int) int {
		return fork(func() {
			futexAwait(wordOf(p), 0, 0)
			atomic.AddUint32(gone, 1)
		})
	}
	first, second := waiter(go1), waiter(go2)
	atomic.StoreUint32(wordOf(go1), 1)
	for atomic.LoadUint32(gone) < 2 {
		// The second word was 0 once, and is more than that from then on.
		must("FUTEX_WAKE_OP", sysFutex, go1, futexWakeOp, 9, 0, go2, 9, opAdd|1<<12|ifMore)
		yield()
	}
	reapOK(first)
	reapOK(second)
	readOnly := must("mmap", sysMmap, 0, 4096, 1, 0x1002, -1, 0, 0)
	errs("a word that cannot be written", efault, sysFutex, page, futexWakeOp, 0, 0, readOnly, 0, opAdd|1<<12)
	errs("no word", efault, sysFutex, page, futexWakeOp|privateFlag, 0, 0, nowhere, 0, opAdd|1<<12)
	eq("the registers are still there", must("FUTEX_WAKE_OP", sysFutex, page+16, futexWakeOp, 0, 0, page, 0, opAdd), 0)
}
