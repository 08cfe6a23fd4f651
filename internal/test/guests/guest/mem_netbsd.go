package main

import "unsafe"

// Cases about memory that a process maps.

var memCases = []testCase{
	{"mem_mmap_places_are_its_own", memPlaces},
	{"mem_mmap_over_and_beside", memOver},
	{"mem_mmap_hint", memHint},
	{"mem_mmap_and_fork", memFork},
	{"mem_mmap_and_LWPs", memLWPs},
	{"mem_minherit_shares_beside_LWPs", memShareBeside},
	{"mem_mmap_at_its_limit", memLimit},
	{"mem_mmap_bad_arguments", memBad},
	{"mem_PaX_MPROTECT_and_its_settings", memPax},
	{"mem_mremap_of_a_file", memRemapFile},
	{"mem_mremap_duplicates", memRemapDup},
	{"mem_mremap_of_a_memfd", memRemapMemfd},
	{"mem_mlockall_brings_pages_in", memLockAll},
	{"mem_wired_memory_is_not_given_up", memWired},
	{"mem_EFAULT_of_what_a_call_stores_last", memStoredLast},
	{"mem_sizes_that_ps_shows", memSizes},
}

const page = 4096

func mmapAnon(addr, size, flags int) (int, int) {
	return call(sysMmap, addr, size, protRW, mapAnon|mapPriv|flags, -1, 0, 0)
}

// memSizes: p_vm_tsize, p_vm_dsize and p_vm_ssize, what is mapped, and that but for what of the stack nobody has touched, which ps(1) shows as VSZ
// (fill_kproc2).
func memSizes() {
	sizes := func() (text, data, stack, mapped, used int) {
		const ctlKern, kernProc2, byPid, at32, at64 = 1, 47, 1, 436, 664
		mib := [6]int32{ctlKern, kernProc2, byPid, int32(getpid()), int32(len(kinfo)), 1}
		size := len(kinfo)
		must("kern.proc2", sysSysctl, ptr(&mib), len(mib), ptr(&kinfo), ptr(&size), 0, 0)
		small := (*[3]int32)(unsafe.Pointer(&kinfo[at32]))
		large := (*[2]int)(unsafe.Pointer(&kinfo[at64]))
		return int(small[0]), int(small[1]), int(small[2]), large[0], large[1]
	}
	text, data, stack, mapped, used := sizes()
	yes("text, data and stack", text > 0 && data > 0 && stack > 0)
	yes("most of the stack is not touched", used < mapped && used >= text+data+stack)
	const more = 300
	p := must("mmap", sysMmap, 0, more*page, protRW, mapAnon|mapPriv, -1, 0, 0)
	text2, data2, _, mapped2, used2 := sizes()
	yes("it is mapped", mapped2 == mapped+more && used2 >= used+more && text2 == text && data2 == data)
	must("munmap", sysMunmap, p, more*page)
	_, _, _, mapped3, _ := sizes()
	yes("it is gone", mapped3 == mapped)
}

// memStoredLast: a call whose result cannot be stored is EFAULT, and what can be is stored (copyout(9) at the end of do_sys_statat, do_filereadv and
// do_sys_readlinkat). A result may end with the memory, and a path may begin anywhere.
func memStoredLast() {
	end := func() int {
		two := anywhere(2 * page)
		must("munmap", sysMunmap, two+page, page)
		return two + page
	}
	there := end()
	root := end() - 2
	*(*[2]byte)(unsafe.Pointer(uintptr(root))) = [2]byte{'/', 0}
	var p pipe
	p.open()
	var st [19]uint64
	for _, to := range []int{nowhere, there - 16, 1 << 62} {
		errs("stat", efault, sysStat, root, to)
		errs("fstat", efault, sysFstat, int(p.r), to)
	}
	p.post()
	errs("read", efault, sysRead, int(p.r), nowhere, 1)
	must("stat", sysStat, root, ptr(&st))
	yes("an inode", st[1] != 0 && uint32(st[1])&0o170000 == 0o040000)
	last := there - int(unsafe.Sizeof(st))
	must("stat to the end of memory", sysStat, cstr("/\x00"), last)
	yes("the same", *(*[19]uint64)(unsafe.Pointer(uintptr(last))) == st)
}

func anywhere(size int) int { return must("mmap", sysMmap, 0, size, protRW, mapAnon|mapPriv, -1, 0, 0) }

func at(p int) *int { return (*int)(unsafe.Pointer(uintptr(p))) }

// isMapped says whether the process's map has a page there.
func isMapped(p int) bool {
	var vec byte
	_, e := call(sysMincore, p, page, ptr(&vec))
	return e == 0
}

var places [100]int

// memPlaces: memory mapped anywhere is zero, writable, and nobody else's; the map knows
// it, and forgets it when it is unmapped.
func memPlaces() {
	for i := range places {
		size := page*(i%3) + 1
		p := anywhere(size)
		places[i] = p
		last := p + page*(i%3) + page - 8
		eq("first word", *at(p), 0)
		*at(p), *at(last) = i+1, -i-1
		if !isMapped(last &^ (page - 1)) {
			eq("not in the map", p, 0)
		}
	}
	for i, p := range places {
		eq("first word", *at(p), i+1)
		eq("last word", *at(p + page*(i%3) + page - 8), -i-1)
		must("munmap", sysMunmap, p, page*(i%3)+1)
		if isMapped(p) {
			eq("still in the map", p, 0)
		}
	}
	eq("the same place again", anywhere(1), places[0])
}

// memOver: a fixed mapping replaces what is there, and what is mapped anywhere
// afterwards stays clear of it.
func memOver() {
	a := anywhere(4 * page)
	*at(a), *at(a + page), *at(a + 2*page) = 1, 2, 3
	p, e := mmapAnon(a+page, page, mapFixed)
	eq("errno", e, 0)
	eq("place", p, a+page)
	eq("before", *at(a), 1)
	eq("replaced", *at(a + page), 0)
	eq("behind", *at(a + 2*page), 3)
	below, e := mmapAnon(a-2*page, page, mapFixed) // where the next one would go
	eq("errno", e, 0)
	*at(below) = 77
	q := anywhere(3 * page)
	if q < below+page && below < q+3*page {
		eq("over what was fixed", q, below)
	}
	eq("what was fixed", *at(below), 77)
	must("mprotect", sysMprotect, a+page, page, 1)
	must("munmap", sysMunmap, a, 4*page)
	if isMapped(a) || isMapped(a+3*page) || !isMapped(q) || !isMapped(below) {
		eq("the map is", 0, 1)
	}
}

// memHint: an address without MAP_FIXED is kept where it is free, and never taken from
// somebody.
func memHint() {
	const hint = 0x10_0000_0000
	p, e := mmapAnon(hint, 2*page, 0)
	eq("errno", e, 0)
	eq("place", p, hint)
	*at(hint) = 5
	q, e := mmapAnon(hint+page, page, 0)
	eq("errno", e, 0)
	if q == hint+page || q == hint || !isMapped(q) {
		eq("a place that is taken", q, 0)
	}
	eq("what was there", *at(hint), 5)
	*at(q) = 6
}

// memFork: a child's map is its parent's, and they part.
func memFork() {
	a := anywhere(page)
	*at(a) = 1
	reapOK(fork(func() {
		b := anywhere(page)
		if b == a || !isMapped(a) {
			eq("the parent's place", b, 0)
		}
		eq("the parent's word", *at(a), 1)
		*at(a) = 2
		must("munmap", sysMunmap, a, page)
		eq("the place is free", anywhere(page), a)
		eq("word", *at(a), 0)
	}))
	eq("word", *at(a), 1)
	if !isMapped(a) {
		eq("unmapped by the child", 0, 1)
	}
}

// memLWPs: two that map at once never get the same.
func memLWPs() {
	first := anywhere(page)
	lid := lwpCreate(1, 0, func() {
		for i := range 50 {
			places[50+i] = anywhere(page)
			*at(places[50+i]) = 50 + i
		}
	})
	for i := range 50 {
		places[i] = anywhere(page)
		*at(places[i]) = i
	}
	must("_lwp_wait", sysLwpWait, lid, 0)
	for i, p := range places {
		if p == first {
			eq("a place that was taken", p, 0)
		}
		eq("word", *at(p), i)
	}
}

// memLimit: RLIMIT_AS holds from the next mmap on, and no longer than it is set.
func memLimit() {
	const rlimitAS = 10
	anywhere(page)
	var old, lim [2]int
	must("getrlimit", sysGetrlimit, rlimitAS, ptr(&old))
	lim = old
	lim[0] = page
	must("setrlimit", sysSetrlimit, rlimitAS, ptr(&lim))
	_, e := mmapAnon(0, page, 0)
	eq("mmap at the limit", e, enomem)
	_, e = mmapAnon(0x10_0000_0000, page, mapFixed)
	eq("mmap at the limit, fixed", e, enomem)
	reapOK(fork(func() {
		_, e := mmapAnon(0, page, 0)
		eq("a child's mmap", e, enomem)
	}))
	must("setrlimit", sysSetrlimit, rlimitAS, ptr(&old))
	anywhere(page)
	reapOK(fork(func() { memLimitNothing(rlimitAS) }))
}

// memLimitNothing: limits of 0 are limits (sys_mmap, sys_obreak).
func memLimitNothing(rlimitAS int) {
	const rlimitDATA, sysBreak = 2, 17
	var none [2]int
	must("setrlimit", sysSetrlimit, rlimitAS, ptr(&none))
	_, e := mmapAnon(0, page, 0)
	eq("mmap at a limit of 0", e, enomem)
	must("setrlimit", sysSetrlimit, rlimitDATA, ptr(&none))
	errs("break at a limit of 0", enomem, sysBreak, 0x4000_0000)
}

func memBad() {
	const top = 0x7f7ffffff000
	for _, c := range [...]struct{ addr, size, flags, errno int }{
		{top, page, mapFixed, efbig},
		{top - page, 2 * page, mapFixed, efbig},
		{0, page, mapFixed, einval},
		{1, page, mapFixed, einval},
		{0, 1 << 47, 0, enomem},
		{0, -1, 0, enomem},
		{0, page, mapShared, einval},
	} {
		_, e := mmapAnon(c.addr, c.size, c.flags)
		eq("errno", e, c.errno)
	}
	_, e := mmapAnon(0, 0, 0)
	eq("of nothing", e, 0)
}

// heapPipe is not on the stack: an LWP that begins late, when subHeap is over, would find another descriptor there.
var heapPipe pipe

// subHeap has a heap that grows, beside other memory, and waits to be looked at.
func subHeap() {
	const mb = 1 << 20
	var in pipe // descriptor 0
	heapPipe.open()
	lwpCreate(1, lwpDETACHED, func() { heapPipe.wait() }) // from now on mmap is the kernel's
	heap := must("mmap", sysMmap, 0, 64*mb, 0, mapAnon|mapPriv, -1, 0, 0)
	for i := range 4 {
		must("mmap", sysMmap, heap+8*mb*i, 4*mb, protRW, mapAnon|mapPriv|mapFixed, -1, 0, 0)
	}
	must("mmap", sysMmap, heap+40*mb, mb, protRW, mapAnon|mapPriv|mapFixed, -1, 0, 0)
	anywhere(8 * mb)
	say("ready\n")
	in.eof()
}

// sysctlnodes are struct sysctlnode: flags, number, name at 8, and more.
var sysctlnodes [64][96]byte

// anyVersion is a node that says of the tree that it may be of any version.
var anyVersion = [24]uint32{0x1000000}

// nodeOf returns the number of a node's child by its name (CTL_QUERY).
func nodeOf(mib *[6]int32, n int, name string) int32 {
	mib[n] = -2
	size := len(sysctlnodes) * len(sysctlnodes[0])
	must("CTL_QUERY", sysSysctl, ptr(mib), n+1, ptr(&sysctlnodes), ptr(&size), ptr(&anyVersion), 96)
	for i := range size / len(sysctlnodes[0]) {
		b := &sysctlnodes[i]
		j := 0
		for j < len(name) && b[8+j] == name[j] {
			j++
		}
		if j == len(name) && b[8+j] == 0 {
			return *(*int32)(unsafe.Pointer(&b[4]))
		}
	}
	fail("no node of that name")
	return 0
}

// setPax sets security.pax.mprotect.NAME, and says what errno there was.
func setPax(name string, value int32) int {
	mib := [6]int32{13} // CTL_SECURITY
	mib[1] = nodeOf(&mib, 1, "pax")
	mib[2] = nodeOf(&mib, 2, "mprotect")
	mib[3] = nodeOf(&mib, 3, name)
	_, e := call(sysSysctl, ptr(&mib), 4, 0, 0, ptr(&value), 4)
	return e
}

// subPax says whether memory can be written and executed: it exits with the errno.
func subPax() {
	_, e := call(sysMmap, 0, page, protRW|4, mapAnon|mapPriv, -1, 0, 0)
	exit(e)
}

// memPax: what is written is not executed (EACCES of pax_mprotect_validate), unless the superuser says otherwise
// (security(7)): for programs that are executed then, whatever is kept ready for them.
func memPax() {
	const eACCES = 13
	is := func(what string, errno int) {
		for range 4 {
			pid := fork(func() { execSelf("sub_pax") })
			got, st := wait4(pid, 0)
			eq(what, got, pid)
			eq(what, st, exited(errno))
		}
	}
	is("at first", eACCES)
	if must("getuid", sysGetuid) == 0 {
		eq("enabled = 0", setPax("enabled", 0), 0)
		is("disabled", 0)
		eq("enabled = 1", setPax("enabled", 1), 0)
		eq("global = 0", setPax("global", 0), 0)
		is("for those that want it", 0)
		eq("global = 1", setPax("global", 1), 0)
		is("again", eACCES)
	}
	dropRoot()
	eq("enabled = 0 as a user", setPax("enabled", 0), eperm)
}

// memLockAll: after mlockall(2) with MCL_CURRENT mincore(2) says that all pages are in core (mlock(2), mincore(2); t_mincore.c of
// NetBSD's tests), whatever a stack may still grow to.
func memLockAll() {
	const pages = 16
	p := anywhere(pages * page)
	in := func() (n int) {
		var vec [pages]byte
		must("mincore", sysMincore, p, pages*page, ptr(&vec[0]))
		for _, b := range vec {
			n += int(b & 1)
		}
		return n
	}
	eq("pages in core before", in(), 0)
	if _, e := call(sysMlockall, 1 /* MCL_CURRENT */); e != 0 {
		eq("mlockall", e, enomem) // RLIMIT_MEMLOCK does not allow it
		return
	}
	eq("pages in core", in(), pages)
	must("munlockall", sysMunlockall)
}

const (
	sysMremap   = 411
	mapRemapDup = 4
	remapAt     = 0x20_0000_0000 // with room behind it
)

func mremap(old, size, to, newSize, flags int) int {
	return must("mremap", sysMremap, old, size, to, newSize, flags)
}

// memRemapFile: what a mapping of a file becomes longer by is the file's (uvm_mapent_extend), in place and elsewhere.
func memRemapFile() {
	fd := lendFile('a')
	for _, c := range "bc" {
		b := byte(c)
		must("pwrite", sysPwrite, fd, ptr(&b), 1, 0, (int(c)-'a')*page)
	}
	for _, flags := range [...]int{mapShared, mapPriv} {
		p := must("mmap", sysMmap, remapAt, page, protRW, flags|mapFixed, fd, 0, 0)
		*at(p + 8) = 'x' // which stays where it is
		eq("in place", mremap(p, page, 0, 2*page, 0), p)
		eq("what is added", readByte(p+page), 'b')
		must("mmap", sysMmap, 2*remapAt, 3*page, protRW, mapAnon|mapPriv|mapFixed, -1, 0, 0)
		errs("where something is", enomem, sysMremap, p, 2*page, 2*remapAt, 3*page, mapFixed)
		must("munmap", sysMunmap, 2*remapAt, 3*page)
		eq("elsewhere", mremap(p, 2*page, 2*remapAt, 3*page, mapFixed), 2*remapAt)
		for i := range 3 {
			eq("each page", readByte(2*remapAt+i*page), 'a'+i)
		}
		eq("what was written", readByte(2*remapAt+8), 'x')
		writeByte(2*remapAt+2*page, 'y')
		var b byte
		must("pread", sysPread, fd, ptr(&b), 1, 0, 2*page)
		yes("a shared one is the file", (b == 'y') == (flags == mapShared))
		b = 'c'
		must("pwrite", sysPwrite, fd, ptr(&b), 1, 0, 2*page)
		must("munmap", sysMunmap, 2*remapAt, 3*page)
	}
	must("close", sysClose, fd)
	yes("nothing is left at the old place", !isMapped(remapAt))
}

// memRemapDup: both places reference the same pages, with protections of their own (mremap(2)).
func memRemapDup() {
	fd := lendFile('a')
	anon := must("mmap", sysMmap, 0, page, protRW, mapAnon|mapShared, -1, 0, 0)
	mapped := must("mmap", sysMmap, 0, page, protRW, mapShared, fd, 0, 0)
	must("close", sysClose, fd)
	for _, p := range [...]int{anon, mapped} {
		q := mremap(p, page, 0, page, mapRemapDup)
		must("mprotect", sysMprotect, q, page, 1)
		yes("another place", p != q)
		writeByte(p+7, 'z')
		eq("the same page", readByte(q+7), 'z')
		must("munmap", sysMunmap, p, page)
		eq("it stays", readByte(q+7), 'z')
	}
	private := anywhere(page)
	errs("of private memory", einval, sysMremap, private, page, 0, page, mapRemapDup)
}

// memRemapMemfd: behind the end of the file there is memory, too (sys_memfd_create: uao_create of the largest size), which is zeroes when
// the file comes to have it (memfd_truncate).
func memRemapMemfd() {
	if !has11 {
		return
	}
	fd := memfd(page)
	p := must("mmap", sysMmap, remapAt, page, protRW, mapShared|mapFixed, fd, 0, 0)
	eq("in place", mremap(p, page, 0, 3*page, 0), p)
	eq("zeroes", readByte(p+2*page), 0)
	writeByte(p+page, 'b')
	writeByte(p+2*page, 'c')
	q := mremap(p, 3*page, 0, 3*page, mapRemapDup)
	eq("the same memory", readByte(q+2*page), 'c')
	must("ftruncate", sysFtruncate, fd, 0, 2*page)
	eq("what the file has grown by", readByte(q+page), 0)
	eq("what is behind it still", readByte(q+2*page), 'c')
	must("close", sysClose, fd)
	writeByte(q, 'd')
	eq("closed", readByte(p), 'd')
}

// memWired: what is wired can neither be freed nor invalidated (uvm_map_clean), where it is the first of the range; afterwards it can. A vector of
// mincore(2) that cannot be written is EACCES, and a length that wraps when it is rounded up is none (uvm_vslock, round_and_check).
func memWired() {
	const sysMadvise, sysMlock, sysMunlock, sysMsync = 75, 203, 204, 277
	const madvFREE, msINVALIDATE, msSYNC = 6, 2, 4
	p := anywhere(2 * page)
	*at(p), *at(p + page) = 1, 2
	must("mlock", sysMlock, p, page)
	errs("MADV_FREE", ebusy, sysMadvise, p, 2*page, madvFREE)
	errs("MS_INVALIDATE", ebusy, sysMsync, p, page, msINVALIDATE)
	must("MS_SYNC", sysMsync, p, 2*page, msSYNC)
	eq("the word", *at(p), 1)
	must("MADV_FREE of the other page", sysMadvise, p+page, page, madvFREE)
	must("munlock", sysMunlock, p, page)
	must("MADV_FREE", sysMadvise, p, 2*page, madvFREE)
	errs("munmap of what wraps", einval, sysMunmap, p, -1)
	*at(p) = 3
	must("mprotect", sysMprotect, p+page, page, 1)
	errs("mincore", efault, sysMincore, p, page, p+page)
	errs("mincore beyond what is mapped", enomem, sysMincore, p, 1<<46, p)
	errs("msync beyond all", enomem, sysMsync, p, 1<<62, msSYNC)
	errs("mmap of nothing of a file", einval, sysMmap, 0, 0, 1, mapPriv, 0, 0, 0)
}
