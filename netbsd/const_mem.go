package netbsd

// Protections of mmap(2).
const (
	PROT_NONE  = 0
	PROT_READ  = 1
	PROT_WRITE = 2
	PROT_EXEC  = 4
)

// Flags of mmap(2). The byte above MAP_ALIGNMENT_SHIFT is the logarithm of an alignment.
const (
	MAP_FILE            = 0
	MAP_SHARED          = 1
	MAP_PRIVATE         = 2
	MAP_REMAPDUP        = 4
	MAP_FIXED           = 0x10
	MAP_RENAME          = 0x20
	MAP_NORESERVE       = 0x40
	MAP_INHERIT         = 0x80
	MAP_HASSEMAPHORE    = 0x200
	MAP_TRYFIXED        = 0x400
	MAP_WIRED           = 0x800
	MAP_ANON            = 0x1000
	MAP_STACK           = 0x2000
	MAP_ALIGNMENT_SHIFT = 0x18
)

// Flags of msync(2) and mlockall(2).
const (
	MS_ASYNC      = 1
	MS_INVALIDATE = 2
	MS_SYNC       = 4
	MCL_CURRENT   = 1
	MCL_FUTURE    = 2
)

// Advice of madvise(2).
const (
	MADV_NORMAL     = 0
	MADV_RANDOM     = 1
	MADV_SEQUENTIAL = 2
	MADV_WILLNEED   = 3
	MADV_DONTNEED   = 4
	MADV_SPACEAVAIL = 5
	MADV_FREE       = 6
)

// Inheritance of minherit(2).
const (
	MAP_INHERIT_SHARE       = 0
	MAP_INHERIT_COPY        = 1
	MAP_INHERIT_NONE        = 2
	MAP_INHERIT_DONATE_COPY = 3
	MAP_INHERIT_ZERO        = 4
)

// The shape of the address space: the page, the lowest address that may be mapped,
// and the first one that a program may not use, where its stack begins. MaxAddress is
// where the kernel's part begins, a page higher.
const (
	PageSize   = 0x1000
	MinAddress = 0x1000
	MaxAddress = 0x7f8000000000
	StackTop   = 0x7f7ffffff000
)
