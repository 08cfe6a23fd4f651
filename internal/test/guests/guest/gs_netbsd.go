package main

// Cases about the base of GS (sysarch(2)), as x86_set_sdbase, x86_get_sdbase, cpu_lwp_fork and setregs of NetBSD/amd64 have it.

var gsCases = []testCase{
	{"gs_is_the_guests_own", gsOwn},
	{"gs_is_set_beside_calls_and_handlers_of_LWPs", gsBeside},
	{"gs_of_a_vfork_child", gsVfork},
	{"gs_errors", gsErrors},
}

const (
	sysSysarch = 165
	getGS      = 14
	setGS      = 16
)

// setGSBase makes a word what GS leads to, and says what is there.
func setGSBase(to *int, n int) {
	*to = n
	base := ptr(to)
	must("sysarch: X86_SET_GSBASE", sysSysarch, setGS, ptr(&base))
}

func gsBase() (base int) {
	must("sysarch: X86_GET_GSBASE", sysSysarch, getGS, ptr(&base))
	return base
}

// gsIs says that GS leads to a word, for the kernel and for the program.
func gsIs(what string, at *int) {
	eq(what, gsBase(), ptr(at))
	eq(what, readGS(), *at)
}

var gsWords [4]int

// gsOwn: the base stays through calls, handlers, stops and fork(2), a new LWP begins with its creator's and has its own from then on, and a
// program begins with none.
func gsOwn() {
	eq("at first", gsBase(), 0)
	setGSBase(&gsWords[0], 5)
	gsIs("once set", &gsWords[0])
	getpid()
	park1ms()
	gsIs("behind calls", &gsWords[0])
	onSig = func(int) { gsIs("in a handler", &gsWords[0]); setGSBase(&gsWords[1], 6) }
	catch(sigUSR1, 0)
	kill(getpid(), sigUSR1)
	gsIs("set in a handler", &gsWords[1])
	lid := lwpCreate(1, 0, func() {
		gsIs("of a new LWP", &gsWords[1])
		setGSBase(&gsWords[2], 7)
		yield()
		gsIs("of the LWP itself", &gsWords[2])
	})
	must("_lwp_wait", sysLwpWait, lid, 0)
	gsIs("beside another's", &gsWords[1])
	reapOK(fork(func() {
		gsIs("of a child", &gsWords[1])
		setGSBase(&gsWords[3], 8)
		gsIs("of the child itself", &gsWords[3])
		execSelf("sub_gs")
	}))
	gsIs("beside a child's", &gsWords[1])
	zero := 0
	must("sysarch: none", sysSysarch, setGS, ptr(&zero))
	eq("none again", gsBase(), 0)
}

// subGS is a program that was executed by one that had set GS.
func subGS() { eq("after exec", gsBase(), 0) }

// gsBeside: LWPs that make calls, and are interrupted in them, while one sets GS for the first time, go on as before, with none.
func gsBeside() {
	var stop int
	work := func() {
		for load(&stop) == 0 {
			getpid()
			park1us()
			add(&cells[1])
		}
		eq("of another LWP", gsBase(), 0)
	}
	onSig = func(int) { getpid() }
	catch(sigUSR1, saRESTART)
	lids := [3]int{lwpCreate(1, 0, work), lwpCreate(2, 0, work), lwpCreate(3, 0, work)}
	for n := load(&cells[1]); load(&cells[1]) < n+30; {
		kill(getpid(), sigUSR1)
	}
	setGSBase(&gsWords[0], 9)
	for n := load(&cells[1]); load(&cells[1]) < n+30; {
		kill(getpid(), sigUSR1)
	}
	add(&stop)
	for _, lid := range lids {
		must("_lwp_wait", sysLwpWait, lid, 0)
	}
	gsIs("afterwards", &gsWords[0])
}

// park1us sleeps for a moment, or until a signal comes.
func park1us() {
	ts := [2]int{0, 1000}
	call(sysLwpPark, 3, 0, ptr(&ts), 0, 0, 0)
}

// gsVfork: a child that borrows its parent's memory has the parent's base, and leaves it alone.
func gsVfork() {
	reapOK(vfork(func() { setGSBase(&gsWords[0], 3); gsIs("the child's first", &gsWords[0]) }))
	eq("the parent has none", gsBase(), 0)
	setGSBase(&gsWords[1], 4)
	reapOK(vfork(func() {
		gsIs("of a child", &gsWords[1])
		setGSBase(&gsWords[2], 5)
		gsIs("the child's own", &gsWords[2])
	}))
	gsIs("the parent's", &gsWords[1])
}

func gsErrors() {
	var bad = [...]int{-1, 1 << 47, 1<<47 - page} // VM_MAXUSER_ADDRESS and beyond
	for i := range bad {
		errs("no user's address", einval, sysSysarch, setGS, ptr(&bad[i]))
	}
	errs("a bad pointer", efault, sysSysarch, setGS, nowhere)
	errs("a bad pointer", efault, sysSysarch, getGS, nowhere)
	eq("as before", gsBase(), 0)
}
