package netbsd

var memoryCalls = []Syscall{
	{Nr: 17, Name: "break", Sig: "nsize ptr", Support: Full},
	{Nr: 69, Name: "sbrk", Sig: "incr long", Note: "ENOSYS on NetBSD, too"},
	{Nr: 70, Name: "sstk", Sig: "incr int", Note: "ENOSYS on NetBSD, too"},
	{Nr: 72, Name: "vadvise", Sig: "anom int", Note: "EINVAL on NetBSD"},
	{Nr: 73, Name: "munmap", Sig: "addr ptr, len size", Support: Full},
	{Nr: 74, Name: "mprotect", Sig: "addr ptr, len size, prot |prot", Support: Full},
	{Nr: 75, Name: "madvise", Sig: "addr ptr, len size, behav =madvise", Support: Full},
	{Nr: 78, Name: "mincore", Sig: "addr ptr, len size, vec ptr", Support: Partial, Note: "says that all is resident"},
	{Nr: 197, Name: "mmap", Sig: "addr ptr, len size, prot |prot, flags |mmap, fd fd, pad pad, pos off", Ret: RetPtr, Support: Full, Note: "the offset is the seventh argument, on the stack"},
	{Nr: 203, Name: "mlock", Sig: "addr ptr, len size", Support: Partial, Note: "checks the range, locks nothing"},
	{Nr: 204, Name: "munlock", Sig: "addr ptr, len size", Support: Partial, Note: "checks the range"},
	{Nr: 242, Name: "mlockall", Sig: "flags |mcl", Support: Stub},
	{Nr: 243, Name: "munlockall", Support: Stub},
	{Nr: 273, Name: "minherit", Sig: "addr ptr, len size, inherit =inherit", Support: Partial, Note: "COPY, NONE and ZERO; SHARE where the memory is shared already"},
	{Nr: 277, Name: "__msync13", Sig: "addr ptr, len size, flags |msync", Support: Full},
	{Nr: 411, Name: "mremap", Sig: "old_address ptr, old_size size, new_address ptr, new_size size, flags |mmap", Ret: RetPtr, Support: Full},
}
