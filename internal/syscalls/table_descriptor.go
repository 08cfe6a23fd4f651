package syscalls

import "toaster/netbsd"

var descriptorCalls = []Syscall{
	{netbsd.SYS_read, "fd fd, buf >buf[nbyte], nbyte size", netbsd.RetSize, Full, read, ""},
	{netbsd.SYS_write, "fd fd, buf <buf[nbyte], nbyte size", netbsd.RetSize, Full, write, ""},
	{netbsd.SYS_close, "fd fd", netbsd.RetInt, Full, closeFD, ""},
	{netbsd.SYS_dup, "fd fd", netbsd.RetFd, Full, dup, ""},
	{netbsd.SYS_pipe, "", netbsd.RetPair, Full, pipe, ""},
	{netbsd.SYS_ioctl, "fd fd, com =ioctl, data ioctl(com)", netbsd.RetInt, Partial, ioctl, "what there is to ask of the files and devices that there are, but: TIOCREMOTE and TIOCUCNTL are EOPNOTSUPP of a pseudo-terminal that programs of the host have, TIOCSTI is EPERM of the user's own terminal; no requests of ndp(8) of before NetBSD 10. EPERM to the superuser, too: changes of interfaces, which are the host's"},
	{netbsd.SYS_dup2, "from fd, to fd", netbsd.RetFd, Full, dup2, ""},
	{netbsd.SYS_fcntl, "fd fd, cmd =fcntl, arg fcntl(cmd)", netbsd.RetInt, Full, fcntl, "F_ADD_SEALS: ENOMEM, ENFILE where there is no room for a copy of a memfd that was mapped to be written"},
	{netbsd.SYS_fsync, "fd fd", netbsd.RetInt, Full, fsync, ""},
	{netbsd.SYS_readv, "fd fd, iovp >iovec[iovcnt], iovcnt int", netbsd.RetSize, Full, readv, ""},
	{netbsd.SYS_writev, "fd fd, iovp <iovec[iovcnt], iovcnt int", netbsd.RetSize, Full, writev, ""},
	{netbsd.SYS_flock, "fd fd, how |flock", netbsd.RetInt, Full, flock, ""},
	{netbsd.SYS_pread, "fd fd, buf >buf[nbyte], nbyte size, pad pad, offset off", netbsd.RetSize, Full, pread, ""},
	{netbsd.SYS_pwrite, "fd fd, buf <buf[nbyte], nbyte size, pad pad, offset off", netbsd.RetSize, Full, pwrite, ""},
	{netbsd.SYS_lseek, "fd fd, pad pad, offset off, whence =whence", netbsd.RetSize, Full, lseek, ""},
	{netbsd.SYS_ftruncate, "fd fd, pad pad, length off", netbsd.RetInt, Full, ftruncate, ""},
	{netbsd.SYS_fdatasync, "fd fd", netbsd.RetInt, Full, fsync, ""},
	{netbsd.SYS_preadv, "fd fd, iovp >iovec[iovcnt], iovcnt int, pad pad, offset off", netbsd.RetSize, Full, preadv, ""},
	{netbsd.SYS_pwritev, "fd fd, iovp <iovec[iovcnt], iovcnt int, pad pad, offset off", netbsd.RetSize, Full, pwritev, ""},
	{netbsd.SYS_fsync_range, "fd fd, flags |fsyncrange, start off, length off", netbsd.RetInt, Full, fsyncRange, ""},
	{netbsd.SYS___getdents30, "fd fd, buf >dirents[count], count size", netbsd.RetSize, Full, getdents, ""},
	{netbsd.SYS___posix_fadvise50, "fd fd, pad pad, offset off, len off, advice =fadvise", netbsd.RetErrno, Full, fadvise, ""},
	{netbsd.SYS_pipe2, "fildes >int[2], flags |open", netbsd.RetInt, Full, pipe2, ""},
	{netbsd.SYS_dup3, "from fd, to fd, flags |open", netbsd.RetFd, Full, dup3, "from equal to to is no error up to 10"},
	{netbsd.SYS_posix_fallocate, "fd fd, pad pad, pos off, len off", netbsd.RetErrno, Refused, fallocate, "EOPNOTSUPP, as FFS of NetBSD; libraries then write zeros"},
	{netbsd.SYS_fdiscard, "fd fd, pad pad, pos off, len off", netbsd.RetInt, Refused, fdiscard, "EOPNOTSUPP, as FFS of NetBSD"},
	{netbsd.SYS_memfd_create, "name str, flags |memfd", netbsd.RetFd, Full, memfdCreate, "since 11"},
	{netbsd.SYS___dup3100, "from fd, to fd, flags |open", netbsd.RetFd, Full, dup3100, "since 11"},
}
