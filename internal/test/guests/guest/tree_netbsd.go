package main

// Sub-programs that make trees of processes.

// A rng is a xorshift generator; each process has its own.
type rng uint64

func (r *rng) next(n int) int {
	x := uint64(*r)
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	*r = rng(x)
	return int(x>>11) % n
}

// subTree is sub_tree RELEASE BUDGET SEED: a tree of BUDGET processes that fork and end
// in all orders.
func subTree() {
	r := rng(number(4)*2654435761 + 88172645463325252)
	lim := [2]int64{1 << 20, 1 << 20}
	call(sysSetrlimit, rlimitNPROC, ptr(&lim))
	action(sigUSR1, sigIGN, 0) // an exit signal of some
	treeChildren(number(3), &r)
	waitAll()
}

func waitAll() {
	for {
		if _, e := call(sysWait4, -1, 0, wALLSIG, 0); e == echild {
			return
		}
	}
}

// treeNode is a process of a tree, with budget processes at and below it.
func treeNode(budget int, seed rng) {
	r := seed
	treeChildren(budget, &r)
	switch r.next(6) {
	case 0: // leaves its children to init
	case 1:
		call(sysWait4, -1, 0, wALLSIG, 0)
	case 2:
		lwpCreate(1, 0, func() { park() })
		lwpCreate(2, lwpDETACHED, func() { exit(2) })
	case 3:
		waitAll()
		kill(getpid(), sigTERM)
	case 4:
		waitAll()
		call(sysLwpExit)
	default:
		waitAll()
	}
}

func treeChildren(budget int, r *rng) {
	for left := budget - 1; left > 0; {
		share := 1 + r.next(left)
		if r.next(3) == 0 {
			share = 1
		}
		left -= share
		if share > 1 {
			seed := rng(r.next(1<<50) + 1)
			fork(func() { treeNode(share, seed) })
			continue
		}
		treeLeaf(r.next(7))
	}
}

// treeLeaf makes a process without children, in one of the ways there are.
func treeLeaf(how int) {
	switch how {
	case 0:
		vfork(func() { exit(1) })
	case 1:
		execArgs("sub_exit", "5")
		spawn(nil, 0)
	case 2:
		clone(sigUSR1, func() { exit(2) })
	case 3:
		clone(0, func() {})
	case 4:
		kill(fork(func() { subWait0() }), sigKILL)
	case 5:
		fork(func() { execSelf("sub_exit", "6") })
	default:
		fork(func() {})
	}
}

// subForever makes trees until it is killed.
func subForever() {
	action(sigUSR1, sigIGN, 0)
	say("ready\n")
	for seed := 1; ; seed++ {
		r := rng(seed)
		treeChildren(12, &r)
		waitAll()
	}
}

// subCatch waits for a signal, says which, and exits with its number.
func subCatch() {
	catch(sigINT, 0)
	catch(sigTERM, 0)
	catch(sigHUP, 0)
	block(sigINT, sigTERM, sigHUP)
	say("ready\n")
	exit(sigwait(bit(sigINT) | bit(sigTERM) | bit(sigHUP)))
}

// subReady waits to be killed, and says so.
func subReady() {
	say("ready\n")
	subWait0()
}
