package main

// Cases about open files that are used so often that the kernel lends them: nobody can tell.

var lendCases = []testCase{
	{"lend_a_descriptor_means_what_it_was_set_to", lendDup2},
	{"lend_offsets_are_shared", lendOffsets},
	{"lend_limit_of_file_size", lendLimit},
	{"lend_vfork_child_has_its_own", lendVfork},
	{"lend_memory_that_ends", lendFault},
}

const (
	lendSize = 4096
	lendUses = 40 // enough to be lent
)

var (
	lendBuf    [2][8]byte
	lendPage   [lendSize]byte
	lendStop   int
	lendBad    int
	lendRlimit [2]int
)

// lendFile makes a file without a name that holds nothing but c.
func lendFile(c byte) int {
	path, fd := cstr("/tmp/toaster-guest-lend\x00"), -1
	for fd < 0 { // another case may have it for a moment
		fd, _ = call(sysOpen, path, oCREAT|oRDWR|oEXCL, 0o600)
		if fd < 0 {
			yield()
		}
	}
	must("unlink", sysUnlink, path)
	for i := range lendPage {
		lendPage[i] = c
	}
	eq("write", must("write", sysWrite, fd, ptr(&lendPage), lendSize), lendSize)
	return fd
}

// lendRead reads 8 bytes of fd into a buffer and returns what they are, -1 if they differ.
func lendRead(fd, buf int) int {
	b := &lendBuf[buf]
	if n, e := call(sysPread, fd, ptr(b), len(b), 0, 16); e != 0 || n != len(b) {
		return -2 - e
	}
	for _, c := range b {
		if c != b[0] {
			return -1
		}
	}
	return int(b[0])
}

// lendDup2: what dup2(2) has replaced is not read any more when it returns, while another LWP reads
// the descriptor all the time: that sees one file or the other.
func lendDup2() {
	a, b := lendFile('A'), lendFile('B')
	fd := must("dup", sysDup, a)
	lid := lwpCreate(1, 0, func() {
		for load(&lendStop) == 0 {
			if c := lendRead(fd, 1); c != 'A' && c != 'B' {
				lendBad = c
			}
		}
	})
	for i := range 300 {
		from, want := a, int('A')
		if i%2 != 0 {
			from, want = b, 'B'
		}
		must("dup2", sysDup2, from, fd)
		for range lendUses / 2 {
			eq("what the descriptor means", lendRead(fd, 0), want)
		}
	}
	add(&lendStop)
	must("_lwp_wait", sysLwpWait, lid, 0)
	eq("what another LWP has read", lendBad, 0)
	must("close", sysClose, fd)
	errs("read of what is closed", ebadf, sysPread, fd, ptr(&lendBuf), 8, 0, 0)
}

// lendOffsets: the position is the open file's, whoever moves it; O_APPEND holds.
func lendOffsets() {
	fd := lendFile('A')
	twin := must("dup", sysDup, fd)
	must("lseek", sysLseek, fd, 0, 0, 0)
	for range lendUses {
		must("read", sysRead, fd, ptr(&lendBuf), 8)
		must("lseek", sysLseek, twin, 0, 0, 1)
	}
	reapOK(fork(func() {
		for range lendUses {
			must("read", sysRead, fd, ptr(&lendBuf), 8)
		}
	}))
	eq("position", must("lseek", sysLseek, fd, 0, 0, 1), 2*8*lendUses)
	eq("position of the twin", must("lseek", sysLseek, twin, 0, 0, 1), 2*8*lendUses)
	must("F_SETFL", sysFcntl, fd, 4, 8) // O_APPEND
	must("write", sysWrite, fd, ptr(&lendBuf), 8)
	eq("position", must("lseek", sysLseek, twin, 0, 0, 1), lendSize+8)
	eq("end", must("lseek", sysLseek, fd, 0, 0, 2), lendSize+8)
	eq("read at the end", must("read", sysRead, fd, ptr(&lendBuf), 8), 0)
}

// lendLimit: RLIMIT_FSIZE holds for a file that has been written often.
func lendLimit() {
	fd := lendFile('A')
	for range lendUses {
		must("pwrite", sysPwrite, fd, ptr(&lendBuf), 8, 0, lendSize)
	}
	block(sigXFSZ)
	lendRlimit = [2]int{lendSize, lendSize}
	must("setrlimit", sysSetrlimit, rlimitFSIZE, ptr(&lendRlimit))
	for range lendUses {
		errs("write beyond the limit", efbig, sysPwrite, fd, ptr(&lendBuf), 8, 0, lendSize)
		must("write below", sysPwrite, fd, ptr(&lendBuf), 8, 0, lendSize-8)
	}
}

// lendVfork: a vfork child has the memory of its parent, and descriptors of its own.
func lendVfork() {
	a, b := lendFile('A'), lendFile('B')
	for range 5 {
		fd := must("dup", sysDup, a)
		for range lendUses {
			eq("before", lendRead(fd, 0), 'A')
		}
		reapOK(vfork(func() {
			eq("inherited", lendRead(fd, 0), 'A')
			must("dup2", sysDup2, b, fd)
			for range lendUses {
				eq("the child's", lendRead(fd, 0), 'B')
			}
		}))
		for range lendUses {
			eq("the parent's", lendRead(fd, 0), 'A')
		}
		must("close", sysClose, fd)
	}
}

// lendFault: memory that ends in the middle is EFAULT.
func lendFault() {
	fd := lendFile('A')
	p := anywhere(2 * page)
	must("munmap", sysMunmap, p+page, page)
	for range lendUses {
		must("lseek", sysLseek, fd, 0, 0, 0)
		errs("read", efault, sysRead, fd, p+page-4, 8)
		must("lseek", sysLseek, fd, 0, lendSize, 0)
		errs("write", efault, sysWrite, fd, p+page-4, 8)
		eq("nothing is written", must("lseek", sysLseek, fd, 0, 0, 2), lendSize)
		eq("read of what is there", must("pread", sysPread, fd, p+page-4, 8, 0, lendSize-4), 4)
	}
}
