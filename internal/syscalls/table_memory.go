package syscalls

import "toaster/netbsd"

var memoryCalls = []Syscall{
	{netbsd.SYS_break, "nsize ptr", netbsd.RetInt, Full, obreak, ""},
	{netbsd.SYS_sbrk, "incr long", netbsd.RetInt, Refused, noBreak, "ENOSYS and SIGSYS: brk(2) is there instead"},
	{netbsd.SYS_sstk, "incr int", netbsd.RetInt, Refused, noBreak, "ENOSYS and SIGSYS: stacks grow by themselves"},
	{netbsd.SYS_vadvise, "anom int", netbsd.RetInt, Refused, vadvise, "EINVAL: madvise(2) is there instead"},
	{netbsd.SYS_munmap, "addr ptr, len size", netbsd.RetInt, Full, munmap, ""},
	{netbsd.SYS_mprotect, "addr ptr, len size, prot |prot", netbsd.RetInt, Full, mprotect, ""},
	{netbsd.SYS_madvise, "addr ptr, len size, behav =madvise", netbsd.RetInt, Full, madvise, ""},
	{netbsd.SYS_mincore, "addr ptr, len size, vec ptr", netbsd.RetInt, Full, mincore, "which pages of a file are resident the host keeps to itself: all"},
	{netbsd.SYS_mmap, "addr ptr, len size, prot |prot, flags |mmap, fd fd, pad pad, pos off", netbsd.RetPtr, Full, mmap, "the offset is the seventh argument, on the stack"},
	{netbsd.SYS_mlock, "addr ptr, len size", netbsd.RetInt, Full, mlock, "counted, up to RLIMIT_MEMLOCK; what stays in memory is the host's affair"},
	{netbsd.SYS_munlock, "addr ptr, len size", netbsd.RetInt, Full, mlock, "counted, up to RLIMIT_MEMLOCK; what stays in memory is the host's affair"},
	{netbsd.SYS_mlockall, "flags |mcl", netbsd.RetInt, Full, mlockall, "counted, up to RLIMIT_MEMLOCK; what stays in memory is the host's affair"},
	{netbsd.SYS_munlockall, "", netbsd.RetInt, Full, munlockall, "counted, up to RLIMIT_MEMLOCK; what stays in memory is the host's affair"},
	{netbsd.SYS_minherit, "addr ptr, len size, inherit =inherit", netbsd.RetInt, Full, minherit, ""},
	{netbsd.SYS___msync13, "addr ptr, len size, flags |msync", netbsd.RetInt, Full, msync, ""},
	{netbsd.SYS_mremap, "old_address ptr, old_size size, new_address ptr, new_size size, flags |mmap", netbsd.RetPtr, Full, mremap, "MAP_REMAPDUP of shared memory alone; ENOMEM where a memfd without a descriptor would become longer"},
}
