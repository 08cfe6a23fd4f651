package netbsd

// Flags of open(2).
const (
	O_RDONLY    = 0
	O_WRONLY    = 1
	O_RDWR      = 2
	O_ACCMODE   = 3
	O_NONBLOCK  = 4
	O_APPEND    = 8
	O_SHLOCK    = 0x10
	O_EXLOCK    = 0x20
	O_ASYNC     = 0x40
	O_SYNC      = 0x80
	O_NOFOLLOW  = 0x100
	O_CREAT     = 0x200
	O_TRUNC     = 0x400
	O_EXCL      = 0x800
	O_NOCTTY    = 0x8000
	O_DSYNC     = 0x10000
	O_RSYNC     = 0x20000
	O_ALT_IO    = 0x40000
	O_DIRECT    = 0x80000
	O_DIRECTORY = 0x200000
	O_CLOEXEC   = 0x400000
	O_SEARCH    = 0x800000
	O_NOSIGPIPE = 0x1000000
	O_REGULAR   = 0x2000000
	O_EXEC      = 0x4000000
	O_CLOFORK   = 0x8000000
)

// Masks of open flags: what open(2) takes, and what fcntl F_SETFL changes.
const (
	OpenMask  = 0xf6f8fff
	SetflMask = 0x10f00cc
)

// Commands of fcntl(2), and its values.
const (
	F_DUPFD         = 0
	F_GETFD         = 1
	F_SETFD         = 2
	F_GETFL         = 3
	F_SETFL         = 4
	F_GETOWN        = 5
	F_SETOWN        = 6
	F_GETLK         = 7
	F_SETLK         = 8
	F_SETLKW        = 9
	F_CLOSEM        = 10
	F_MAXFD         = 11
	F_DUPFD_CLOEXEC = 12
	F_GETNOSIGPIPE  = 13
	F_SETNOSIGPIPE  = 14
	F_GETPATH       = 15
	F_ADD_SEALS     = 16
	F_GET_SEALS     = 17
	F_DUPFD_CLOFORK = 18
	F_DUPFD_CLOBOTH = 19
	F_FSIN          = 0x10000000 // of a command for a file system (F_FSCTL, the sign): the argument's memory is read
	F_PARAM_MASK    = 0xfff      // its size, above 16 bits
	FD_CLOEXEC      = 1
	FD_CLOFORK      = 2
	F_RDLCK         = 1
	F_UNLCK         = 2
	F_WRLCK         = 3
)

// Operations of flock(2).
const (
	LOCK_SH = 1
	LOCK_EX = 2
	LOCK_NB = 4
	LOCK_UN = 8
)

// Flags of the *at calls.
const (
	AT_FDCWD            = -100
	AT_EACCESS          = 0x100
	AT_SYMLINK_NOFOLLOW = 0x200
	AT_SYMLINK_FOLLOW   = 0x400
	AT_REMOVEDIR        = 0x800
)

// Modes of access(2).
const (
	F_OK = 0
	X_OK = 1
	W_OK = 2
	R_OK = 4
)

// Whence values of lseek(2).
const (
	SEEK_SET = 0
	SEEK_CUR = 1
	SEEK_END = 2
)

// Bits of st_mode (stat(2)).
const (
	S_IFMT   = 0o170000
	S_IFIFO  = 0o10000
	S_IFCHR  = 0o20000
	S_IFDIR  = 0o40000
	S_IFBLK  = 0o60000
	S_IFREG  = 0o100000
	S_IFLNK  = 0o120000
	S_IFSOCK = 0o140000
	S_IFWHT  = 0o160000
	S_ISUID  = 0o4000
	S_ISGID  = 0o2000
	S_ISVTX  = 0o1000
	S_IRUSR  = 0o400
	S_IWUSR  = 0o200
	S_IWGRP  = 0o020
	S_IWOTH  = 0o002
	S_IXUSR  = 0o100
)

// Bits of st_flags (chflags(2)).
const (
	UF_NODUMP    = 1
	UF_IMMUTABLE = 2
	UF_APPEND    = 4
	UF_OPAQUE    = 8
	SF_ARCHIVED  = 0x10000
	SF_IMMUTABLE = 0x20000
	SF_APPEND    = 0x40000
	SF_SNAPSHOT  = 0x200000
	SF_LOG       = 0x400000
	SF_SNAPINVAL = 0x800000
)

// Types in directory entries (getdents(2)).
const (
	DT_UNKNOWN = 0
	DT_FIFO    = 1
	DT_CHR     = 2
	DT_DIR     = 4
	DT_BLK     = 6
	DT_REG     = 8
	DT_LNK     = 10
	DT_SOCK    = 12
	DT_WHT     = 14
)

// Names of pathconf(2).
const (
	PC_LINK_MAX         = 1
	PC_MAX_CANON        = 2
	PC_MAX_INPUT        = 3
	PC_NAME_MAX         = 4
	PC_PATH_MAX         = 5
	PC_PIPE_BUF         = 6
	PC_CHOWN_RESTRICTED = 7
	PC_NO_TRUNC         = 8
	PC_VDISABLE         = 9
	PC_SYNC_IO          = 10
	PC_FILESIZEBITS     = 11
	PC_SYMLINK_MAX      = 12
	PC_2_SYMLINKS       = 13
	PC_ACL_EXTENDED     = 14
	PC_MIN_HOLE_SIZE    = 15
)

// Advice of posix_fadvise(2).
const (
	POSIX_FADV_NORMAL     = 0
	POSIX_FADV_RANDOM     = 1
	POSIX_FADV_SEQUENTIAL = 2
	POSIX_FADV_WILLNEED   = 3
	POSIX_FADV_DONTNEED   = 4
	POSIX_FADV_NOREUSE    = 5
)

// Flags of fsync_range(2).
const (
	FDATASYNC = 0x10
	FFILESYNC = 0x20
	FDISKSYNC = 0x40
)

// Namespaces of extattr_get_file(2), and flags of setxattr(2).
const (
	EXTATTR_NAMESPACE_USER   = 1
	EXTATTR_NAMESPACE_SYSTEM = 2

	XATTR_CREATE  = 1
	XATTR_REPLACE = 2
)

// Nanoseconds with a meaning of their own (utimensat(2)).
const (
	UTIME_NOW  = 0x3fffffff
	UTIME_OMIT = 0x3ffffffe
)

// Mount flags, as statvfs(2) shows them, and the flags of getvfsstat(2).
const (
	MNT_RDONLY      = 1
	MNT_SYNCHRONOUS = 2
	MNT_NOEXEC      = 4
	MNT_NOSUID      = 8
	MNT_NODEV       = 0x10
	MNT_UNION       = 0x20
	MNT_ASYNC       = 0x40
	MNT_LOCAL       = 0x1000
	MNT_QUOTA       = 0x2000
	MNT_ROOTFS      = 0x4000
	MNT_NOCOREDUMP  = 0x8000
	MNT_RELATIME    = 0x20000
	MNT_FORCE       = 0x80000
	MNT_NOATIME     = 0x4000000
	MNT_WAIT        = 1
	MNT_NOWAIT      = 2
	MNT_LAZY        = 3
)

// Limits of names and files (sys/syslimits.h).
const (
	PATH_MAX       = 1024
	NAME_MAX       = 511
	PIPE_BUF       = 512
	IOV_MAX        = 1024
	NGROUPS_MAX    = 16
	ARG_MAX        = 262144
	OPEN_MAX       = 128
	LINK_MAX       = 32767
	MAXSYMLINKS    = 32
	MAXCOMLEN      = 16
	MAXHOSTNAMELEN = 256
	LOGIN_NAME_MAX = 17
)
