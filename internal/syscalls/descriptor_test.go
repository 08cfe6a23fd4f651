package syscalls

import (
	"fmt"
	"testing"

	"toaster/netbsd"
)

// iov is a vector of the parts given, in memory.
func iov(parts ...any) func(p *player) uint64 {
	return func(p *player) uint64 {
		var b []byte
		for _, part := range parts {
			n := uint64(0)
			switch v := part.(type) {
			case []byte:
				n = uint64(len(v))
			case room:
				n = uint64(v)
			case uint64:
				n = 8
			}
			b = append(b, longs(p.arg(part), n)...)
		}
		return p.mem.put(b)
	}
}

func TestDescriptor(t *testing.T) {
	const rw = netbsd.O_RDWR | netbsd.O_CREAT
	text := []byte("some text")
	wrlock := encoded(netbsd.SizeofFlock, netbsd.Flock{Type: netbsd.F_WRLCK, Whence: netbsd.SEEK_SET}.Encode)
	fileStages(t, map[string][]row{
		"files": {
			{"read(2): EBADF", netbsd.SYS_read, args{0, room(9), 9}, netbsd.EBADF, nil, nil},
			{"write(2): EBADF", netbsd.SYS_write, args{-1, text, 9}, netbsd.EBADF, nil, nil},
			{"open(2): the lowest descriptor", netbsd.SYS_open, args{"f", rw, 0o644}, 0, 0, nil},
			{"write(2)", netbsd.SYS_write, args{0, text, 9}, 0, 9, nil},
			{"write(2): EFAULT", netbsd.SYS_write, args{0, bad, 9}, netbsd.EFAULT, nil, nil},
			{"write(2): EINVAL for more than SSIZE_MAX", netbsd.SYS_write, args{0, text, uint64(1 << 63)}, netbsd.EINVAL, nil, nil},
			{"lseek(2)", netbsd.SYS_lseek, args{0, 0, 5, netbsd.SEEK_SET}, 0, 5, nil},
			{"read(2): from there", netbsd.SYS_read, args{0, room(9), 9}, 0, out{1, []byte("text\xa5")}, nil},
			{"read(2): the end", netbsd.SYS_read, args{0, room(9), 9}, 0, 0, nil},
			{"lseek(2): from the end", netbsd.SYS_lseek, args{0, 0, -4, netbsd.SEEK_END}, 0, 5, nil},
			{"lseek(2): EINVAL before the beginning", netbsd.SYS_lseek, args{0, 0, -1, netbsd.SEEK_SET}, netbsd.EINVAL, nil, nil},
			{"lseek(2): EINVAL for whence", netbsd.SYS_lseek, args{0, 0, 0, 9}, netbsd.EINVAL, nil, nil},
			{"read(2): EFAULT", netbsd.SYS_read, args{0, bad, 4}, netbsd.EFAULT, nil, nil},
			{"pread(2)", netbsd.SYS_pread, args{0, room(4), 4, 0, 0}, 0, out{1, []byte("some")}, nil},
			{"pread(2): EINVAL for a negative position", netbsd.SYS_pread, args{0, room(4), 4, 0, -1}, netbsd.EINVAL, nil, nil},
			{"pwrite(2)", netbsd.SYS_pwrite, args{0, []byte("fine"), 4, 0, 0}, 0, 4, nil},
			{"readv(2): EINVAL for no vector", netbsd.SYS_readv, args{0, iov(room(4)), 0}, netbsd.EINVAL, nil, nil},
			{"readv(2): EINVAL for more than IOV_MAX", netbsd.SYS_readv, args{0, iov(room(4)), 1025}, netbsd.EINVAL, nil, nil},
			{"readv(2): EFAULT for the vector", netbsd.SYS_readv, args{0, bad, 1}, netbsd.EFAULT, nil, nil},
			{"do_filereadv: EINVAL for a part that is more than half of SSIZE_MAX", netbsd.SYS_readv, args{0, longs(1, 1<<62), 1}, netbsd.EINVAL, nil, nil},
			{"do_filewritev: and where the others and the part twice are more", netbsd.SYS_writev, args{0, longs(1, 1<<62-1, 1, 1<<61+1), 2}, netbsd.EINVAL, nil, nil},
			{"do_filewritev: less is none of its matter", netbsd.SYS_writev, args{0, longs(1, 1<<62-1), 1}, netbsd.EFAULT, nil, nil},
			{"preadv(2)", netbsd.SYS_preadv, args{0, iov(room(4), room(5)), 2, 0, 0}, 0, 9, nil},
			{"writev(2)", netbsd.SYS_writev, args{0, iov([]byte("a"), []byte("bc")), 2}, 0, 3, nil},
			{"writev(2): EFAULT for a part", netbsd.SYS_writev, args{0, iov(bad), 1}, netbsd.EFAULT, nil, nil},
			{"pwritev(2)", netbsd.SYS_pwritev, args{0, iov([]byte("x"), []byte("yz")), 2, 0, 0}, 0, 3, nil},
			{"pread(2): both", netbsd.SYS_pread, args{0, room(12), 12, 0, 0}, 0, out{1, []byte("xyze text")}, nil},
			{"ftruncate(2)", netbsd.SYS_ftruncate, args{0, 0, 3}, 0, 0, nil},
			{"ftruncate(2): EINVAL for a negative length", netbsd.SYS_ftruncate, args{0, 0, -1}, netbsd.EINVAL, nil, nil},
			{"sys_ftruncate: EBADF before that", netbsd.SYS_ftruncate, args{9, 0, -1}, netbsd.EBADF, nil, nil},
			{"sys_truncate: EINVAL, before EFAULT", netbsd.SYS_truncate, args{bad, 0, -1}, netbsd.EINVAL, nil, nil},
			{"lseek(2): the new end", netbsd.SYS_lseek, args{0, 0, 0, netbsd.SEEK_END}, 0, 3, nil},
			{"fsync(2)", netbsd.SYS_fsync, args{0}, 0, 0, nil},
			{"fdatasync(2): EBADF", netbsd.SYS_fdatasync, args{7}, netbsd.EBADF, nil, nil},
			{"fsync_range(2): EINVAL for neither of FDATASYNC and FFILESYNC", netbsd.SYS_fsync_range, args{0, 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"fsync_range(2)", netbsd.SYS_fsync_range, args{0, netbsd.FFILESYNC, 0, 0}, 0, 0, nil},
			{"sys_fsync_range: the start of no length is not looked at", netbsd.SYS_fsync_range, args{0, netbsd.FFILESYNC, -1, 0}, 0, 0, nil},
			{"sys_fsync_range: EINVAL for an end before the start", netbsd.SYS_fsync_range, args{0, netbsd.FFILESYNC, 0, -1}, netbsd.EINVAL, nil, nil},
			{"sys_fsync_range: EINVAL for an end past the last", netbsd.SYS_fsync_range, args{0, netbsd.FFILESYNC, int64(1<<63 - 1), 1}, netbsd.EINVAL, nil, nil},
			{"sys_fsync_range: EINVAL for a start before 0", netbsd.SYS_fsync_range, args{0, netbsd.FFILESYNC, -1, 5}, netbsd.EINVAL, nil, nil},
			{"do_filereadv: EINVAL for no part, before EBADF", netbsd.SYS_readv, args{9, bad, 0}, netbsd.EINVAL, nil, nil},
			{"do_filewritev: EINVAL for no part, before EBADF", netbsd.SYS_pwritev, args{9, bad, 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"VOP_SEEK: EINVAL for the offset, before EFAULT", netbsd.SYS_pwrite, args{0, bad, 4, 0, -1}, netbsd.EINVAL, nil, nil},
			{"VOP_SEEK: and for parts", netbsd.SYS_preadv, args{0, bad, 1, 0, -1}, netbsd.EINVAL, nil, nil},
			{"EFAULT", netbsd.SYS_preadv, args{0, bad, 1, 0, 0}, netbsd.EFAULT, nil, nil},
			{"posix_fadvise(2): its result is the errno", netbsd.SYS___posix_fadvise50, args{0, 0, 0, 0, 77}, 0, int(netbsd.EINVAL), nil},
			{"posix_fadvise(2)", netbsd.SYS___posix_fadvise50, args{0, 0, 0, 0, netbsd.POSIX_FADV_NORMAL}, 0, 0, nil},
			{"posix_fadvise(2): EINVAL for a negative length", netbsd.SYS___posix_fadvise50, args{0, 0, 0, -1, 0}, 0, int(netbsd.EINVAL), nil},
			{"do_posix_fadvise: EINVAL for a range past the end", netbsd.SYS___posix_fadvise50, args{0, 0, int64(1<<63 - 1), 1, 0}, 0, int(netbsd.EINVAL), nil},
			{"posix_fallocate(2): EINVAL for a negative length", netbsd.SYS_posix_fallocate, args{0, 0, 0, -1}, 0, int(netbsd.EINVAL), nil},
			{"posix_fallocate(2): EBADF", netbsd.SYS_posix_fallocate, args{9, 0, 0, 1}, 0, int(netbsd.EBADF), nil},
			{"posix_fallocate(2): EOPNOTSUPP", netbsd.SYS_posix_fallocate, args{0, 0, 0, 1}, 0, int(netbsd.EOPNOTSUPP), nil},
			{"fdiscard(2): EINVAL for a range past the end", netbsd.SYS_fdiscard, args{0, 0, int64(1<<63 - 1), 1}, netbsd.EINVAL, nil, nil},
			{"fdiscard(2): EBADF", netbsd.SYS_fdiscard, args{9, 0, 0, 1}, netbsd.EBADF, nil, nil},
			{"flock(2): EINVAL", netbsd.SYS_flock, args{0, 0}, netbsd.EINVAL, nil, nil},
			{"flock(2)", netbsd.SYS_flock, args{0, netbsd.LOCK_EX}, 0, 0, nil},
			{"open(2): another open file", netbsd.SYS_open, args{"f", netbsd.O_RDONLY, 0}, 0, 1, nil},
			{"flock(2): EWOULDBLOCK", netbsd.SYS_flock, args{1, netbsd.LOCK_SH | netbsd.LOCK_NB}, netbsd.EWOULDBLOCK, nil, nil},
			{"lf_advlock: and so is fcntl(2) of who has flock(2)", netbsd.SYS_fcntl, args{0, netbsd.F_SETLK, wrlock}, netbsd.EAGAIN, nil, nil},
			{"lf_getlock: whose", netbsd.SYS_fcntl, args{1, netbsd.F_GETLK, wrlock}, 0, out{2, encoded(netbsd.SizeofFlock, netbsd.Flock{Type: netbsd.F_WRLCK, Pid: -1}.Encode)}, nil},
			{"write(2): EBADF for what is open for reading", netbsd.SYS_write, args{1, text, 1}, netbsd.EBADF, nil, nil},
			{"posix_fallocate(2): EBADF for what is open for reading", netbsd.SYS_posix_fallocate, args{1, 0, 0, 1}, 0, int(netbsd.EBADF), nil},
			{"sys_fsync_range: EBADF for what is open for reading", netbsd.SYS_fsync_range, args{1, netbsd.FFILESYNC, 0, 0}, netbsd.EBADF, nil, nil},
			{"sys_fdatasync: not here (vfs_syscalls.c 1.571)", netbsd.SYS_fdatasync, args{1}, 0, 0, nil},
			{"ftruncate(2): EINVAL for what is open for reading", netbsd.SYS_ftruncate, args{1, 0, 0}, netbsd.EINVAL, nil, nil},
			{"close(2)", netbsd.SYS_close, args{1}, 0, 0, nil},
			{"close(2): EBADF", netbsd.SYS_close, args{1}, netbsd.EBADF, nil, nil},
			{"open(2): a directory", netbsd.SYS_open, args{".", netbsd.O_RDONLY, 0}, 0, 1, nil},
			{"read(2): EISDIR", netbsd.SYS_read, args{1, room(9), 9}, netbsd.EISDIR, nil, nil},
			{"getdents(2)", netbsd.SYS___getdents30, args{1, room(4096), 4096}, 0, func(r *result) string {
				if r.ret[0] == 0 {
					return "no entry"
				}
				return ""
			}, nil},
			{"getdents(2): EFAULT", netbsd.SYS___getdents30, args{9, bad, 4096}, netbsd.EBADF, nil, nil},
			{"open(2): to write alone", netbsd.SYS_open, args{"f", netbsd.O_WRONLY, 0}, 0, 2, nil},
			{"sys___getdents30: EBADF for that, before EINVAL", netbsd.SYS___getdents30, args{2, room(512), 512}, netbsd.EBADF, nil, nil},
			{"getdents(2): EINVAL for a file", netbsd.SYS___getdents30, args{0, room(512), 512}, netbsd.EINVAL, nil, nil},
		},
		"duplicates": {
			{"dup(2): EBADF", netbsd.SYS_dup, args{0}, netbsd.EBADF, nil, nil},
			{"open(2)", netbsd.SYS_open, args{"f", rw, 0o644}, 0, 0, nil},
			{"dup(2)", netbsd.SYS_dup, args{0}, 0, 1, nil},
			{"dup2(2)", netbsd.SYS_dup2, args{0, 5}, 0, 5, nil},
			{"dup2(2): EBADF for a negative one", netbsd.SYS_dup2, args{0, -1}, netbsd.EBADF, nil, nil},
			{"dup2(2): EBADF beyond RLIMIT_NOFILE", netbsd.SYS_dup2, args{0, 1 << 30}, netbsd.EBADF, nil, nil},
			{"dup3(2): EINVAL for flags", netbsd.SYS_dup3, args{0, 6, 1 << 30}, netbsd.EINVAL, nil, nil},
			{"dodup: EBADF before EINVAL", netbsd.SYS_dup3, args{9, 6, 1 << 30}, netbsd.EBADF, nil, nil},
			{"dodup: EBADF beyond RLIMIT_NOFILE before EINVAL", netbsd.SYS_dup3, args{0, 1 << 30, 1 << 30}, netbsd.EBADF, nil, nil},
			{"dodup: to itself nothing happens, whatever the flags", netbsd.SYS_dup3, args{0, 0, 1<<30 | netbsd.O_CLOEXEC}, 0, 0, nil},
			{"fcntl(2): F_GETFD of it", netbsd.SYS_fcntl, args{0, netbsd.F_GETFD, 0}, 0, 0, nil},
			{"dup3(2)", netbsd.SYS_dup3, args{0, 6, netbsd.O_CLOEXEC}, 0, 6, nil},
			{"fcntl(2): F_GETFD", netbsd.SYS_fcntl, args{6, netbsd.F_GETFD, 0}, 0, netbsd.FD_CLOEXEC, nil},
			{"fcntl(2): F_SETFD", netbsd.SYS_fcntl, args{6, netbsd.F_SETFD, 0}, 0, nil, nil},
			{"fcntl(2): F_GETFD", netbsd.SYS_fcntl, args{6, netbsd.F_GETFD, 0}, 0, 0, nil},
			{"fcntl(2): F_DUPFD", netbsd.SYS_fcntl, args{0, netbsd.F_DUPFD, 10}, 0, 10, nil},
			{"fcntl(2): F_DUPFD_CLOEXEC", netbsd.SYS_fcntl, args{0, netbsd.F_DUPFD_CLOEXEC, 10}, 0, 11, nil},
			{"fcntl(2): F_MAXFD", netbsd.SYS_fcntl, args{0, netbsd.F_MAXFD, 0}, 0, 11, nil},
			{"fcntl(2): F_DUPFD: EINVAL for a negative one", netbsd.SYS_fcntl, args{0, netbsd.F_DUPFD, -1}, netbsd.EINVAL, nil, nil},
			{"fcntl(2): F_CLOSEM", netbsd.SYS_fcntl, args{10, netbsd.F_CLOSEM, 0}, 0, nil, nil},
			{"fcntl(2): F_MAXFD", netbsd.SYS_fcntl, args{0, netbsd.F_MAXFD, 0}, 0, 6, nil},
			{"fcntl(2): EBADF", netbsd.SYS_fcntl, args{10, netbsd.F_GETFL, 0}, netbsd.EBADF, nil, nil},
			{"fcntl(2): F_SETFL", netbsd.SYS_fcntl, args{0, netbsd.F_SETFL, netbsd.O_NONBLOCK}, 0, nil, nil},
			{"fcntl(2): F_GETFL", netbsd.SYS_fcntl, args{1, netbsd.F_GETFL, 0}, 0, netbsd.O_RDWR | netbsd.O_NONBLOCK, nil},
			{"fcntl(2): F_SETNOSIGPIPE", netbsd.SYS_fcntl, args{0, netbsd.F_SETNOSIGPIPE, 1}, 0, nil, nil},
			{"fcntl(2): F_GETNOSIGPIPE", netbsd.SYS_fcntl, args{0, netbsd.F_GETNOSIGPIPE, 0}, 0, 1, nil},
			{"sys_fcntl: F_SETNOSIGPIPE has a pointer for an argument", netbsd.SYS_fcntl, args{0, netbsd.F_SETNOSIGPIPE, int64(1 << 32)}, 0, nil, nil},
			{"fcntl(2): F_GETNOSIGPIPE", netbsd.SYS_fcntl, args{0, netbsd.F_GETNOSIGPIPE, 0}, 0, 1, nil},
			{"fcntl(2): F_GETPATH", netbsd.SYS_fcntl, args{0, netbsd.F_GETPATH, room(1024)}, 0, out{2, []byte("/f\x00")}, nil},
			{"fcntl(2): F_GETPATH: EFAULT", netbsd.SYS_fcntl, args{0, netbsd.F_GETPATH, bad}, netbsd.EFAULT, nil, nil},
			{"fcntl(2): F_SETLK", netbsd.SYS_fcntl, args{0, netbsd.F_SETLK, wrlock}, 0, nil, nil},
			{"fcntl(2): F_SETLK: EFAULT", netbsd.SYS_fcntl, args{0, netbsd.F_SETLK, bad}, netbsd.EFAULT, nil, nil},
			{"sys_fcntl: EFAULT for a lock, before EBADF", netbsd.SYS_fcntl, args{99, netbsd.F_GETLK, bad}, netbsd.EFAULT, nil, nil},
			{"genfs_fcntl: EOPNOTSUPP for a command of a file system's", netbsd.SYS_fcntl, args{0, int64(-1 << 31), 0}, netbsd.EOPNOTSUPP, nil, nil},
			{"fcntl_forfs: EFAULT for what it is given", netbsd.SYS_fcntl, args{0, int64(-1<<31 | netbsd.F_FSIN | 8<<16), bad}, netbsd.EFAULT, nil, nil},
			{"fcntl(2): EINVAL for a command", netbsd.SYS_fcntl, args{0, 99, 0}, netbsd.EINVAL, nil, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(p *player) {
				p.play([]row{
					{"fcntl(2): the lock is the parent's: EAGAIN", netbsd.SYS_fcntl, args{0, netbsd.F_SETLK, wrlock}, netbsd.EAGAIN, nil, nil},
					{"fcntl(2): F_GETLK says whose", netbsd.SYS_fcntl, args{0, netbsd.F_GETLK, wrlock}, 0, func(r *result) string {
						if lk := netbsd.DecodeFlock(r.mem(2, netbsd.SizeofFlock)); int(lk.Pid) != r.p.c.L.Proc().Ppid() {
							return "another one's"
						}
						return ""
					}, nil},
				})
			}},
			{"__wait450 of it", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NOFILE, longs(2, 2)}, 0, nil, nil},
			{"dup(2): EMFILE", netbsd.SYS_dup, args{0}, netbsd.EMFILE, nil, nil},
			{"do_open: EMFILE, before anything is made", netbsd.SYS_open, args{"new", rw, 0o644}, netbsd.EMFILE, nil, nil},
			{"access(2): ENOENT", netbsd.SYS_access, args{"new", 0}, netbsd.ENOENT, nil, nil},
			{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NOFILE, longs(0, 2)}, 0, nil, nil},
			{"fd_alloc: EMFILE if there is to be none", netbsd.SYS_dup, args{0}, netbsd.EMFILE, nil, nil},
			{"sys_fcntl: but EINVAL for F_DUPFD", netbsd.SYS_fcntl, args{0, netbsd.F_DUPFD, 0}, netbsd.EINVAL, nil, nil},
		},
		"pipes": {
			{"pipe(2): both results", netbsd.SYS_pipe, nil, 0, pair{0, 1}, nil},
			{"pipe2(2): EINVAL for flags", netbsd.SYS_pipe2, args{room(8), 1 << 30}, netbsd.EINVAL, nil, nil},
			{"pipe2(2): EFAULT", netbsd.SYS_pipe2, args{bad, 0}, netbsd.EFAULT, nil, nil},
			{"sys_pipe2: both stay open", netbsd.SYS_close, args{2}, 0, nil, nil},
			{"sys_pipe2: both stay open", netbsd.SYS_close, args{3}, 0, nil, nil},
			{"pipe_fpathconf: _PC_PIPE_BUF", netbsd.SYS_fpathconf, args{0, netbsd.PC_PIPE_BUF}, 0, 512, nil},
			{"pipe_fpathconf: EINVAL for other names", netbsd.SYS_fpathconf, args{1, netbsd.PC_NAME_MAX}, netbsd.EINVAL, nil, nil},
			{"pipe2(2)", netbsd.SYS_pipe2, args{room(8), netbsd.O_NONBLOCK}, 0, out{0, words(2, 3)}, nil},
			{"read(2): EAGAIN", netbsd.SYS_read, args{2, room(1), 1}, netbsd.EAGAIN, nil, nil},
			{"write(2)", netbsd.SYS_write, args{3, text, 4}, 0, 4, nil},
			{"ioctl(2): FIONREAD", netbsd.SYS_ioctl, args{2, uint64(netbsd.FIONREAD), room(4)}, 0, out{2, words(4)}, nil},
			{"ioctl(2): FIONREAD: EFAULT", netbsd.SYS_ioctl, args{2, uint64(netbsd.FIONREAD), bad}, netbsd.EFAULT, nil, nil},
			{"ioctl(2): FIOCLEX", netbsd.SYS_ioctl, args{2, uint64(netbsd.FIOCLEX), 0}, 0, nil, nil},
			{"fcntl(2): F_GETFD", netbsd.SYS_fcntl, args{2, netbsd.F_GETFD, 0}, 0, netbsd.FD_CLOEXEC, nil},
			{"ioctl(2): EBADF", netbsd.SYS_ioctl, args{99, uint64(netbsd.FIONREAD), room(4)}, netbsd.EBADF, nil, nil},
			{"ioctl(2): ENOTTY", netbsd.SYS_ioctl, args{2, uint64(netbsd.TIOCGWINSZ), room(8)}, netbsd.ENOTTY, nil, nil},
			{"read(2)", netbsd.SYS_read, args{2, room(9), 9}, 0, out{1, []byte("some\xa5")}, nil},
			{"lseek(2): ESPIPE", netbsd.SYS_lseek, args{2, 0, 0, 0}, netbsd.ESPIPE, nil, nil},
			{"pread(2): ESPIPE", netbsd.SYS_pread, args{2, room(1), 1, 0, 0}, netbsd.ESPIPE, nil, nil},
			{"do_filereadv: ESPIPE, before EFAULT", netbsd.SYS_preadv, args{2, bad, 1, 0, 0}, netbsd.ESPIPE, nil, nil},
			{"do_filereadv: ESPIPE, before EINVAL", netbsd.SYS_preadv, args{2, bad, 1 << 20, 0, 0}, netbsd.ESPIPE, nil, nil},
			{"sys_pwrite: ESPIPE, before EFAULT", netbsd.SYS_pwrite, args{3, bad, 4, 0, -1}, netbsd.ESPIPE, nil, nil},
			{"sys_pread: ESPIPE, before EINVAL", netbsd.SYS_pread, args{2, room(1), -1, 0, -1}, netbsd.ESPIPE, nil, nil},
			{"sys_fsync_range: EINVAL, before EBADF", netbsd.SYS_fsync_range, args{2, 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"posix_fadvise(2): ESPIPE", netbsd.SYS___posix_fadvise50, args{2, 0, 0, 0, 0}, 0, int(netbsd.ESPIPE), nil},
			{"read(2): EBADF of the end for writing", netbsd.SYS_read, args{3, room(1), 1}, netbsd.EBADF, nil, nil},
			{"close(2)", netbsd.SYS_close, args{2}, 0, nil, nil},
			{"sigaction(2)", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGPIPE, action(netbsd.Sigaction{Handler: 0x1000}), 0, 0x1000, 2}, 0, nil, nil},
			{"write(2): EPIPE and SIGPIPE", netbsd.SYS_write, args{3, text, 1}, netbsd.EPIPE, caught(netbsd.SIGPIPE), nil},
			{"dofilewrite: it is as any other signal", netbsd.SYS___sigprocmask14, args{netbsd.SIG_BLOCK, sigset(netbsd.SIGPIPE), 0}, 0, nil, nil},
			{"write(2): it is blocked", netbsd.SYS_write, args{3, text, 1}, netbsd.EPIPE, nil, nil},
			{"so it is pending", netbsd.SYS___sigpending14, args{room(16)}, 0, out{0, sigset(netbsd.SIGPIPE)}, nil},
			{"sigaction(2): SIG_IGN", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGPIPE, action(netbsd.Sigaction{Handler: netbsd.SIG_IGN}), 0, 0x1000, 2}, 0, nil, nil},
			{"sigprocmask(2)", netbsd.SYS___sigprocmask14, args{netbsd.SIG_SETMASK, sigset(), 0}, 0, nil, nil},
			{"write(2): it is ignored", netbsd.SYS_write, args{3, text, 1}, netbsd.EPIPE, nil, nil},
			{"and stays that", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGPIPE, 0, room(32), 0, 0}, 0, func(r *result) string {
				if a := netbsd.DecodeSigaction(r.mem(2, 32)); a.Handler != netbsd.SIG_IGN {
					return fmt.Sprintf("%+v", a)
				}
				return ""
			}, nil},
			{"close(2)", netbsd.SYS_close, args{1}, 0, nil, nil},
			{"read(2): the end", netbsd.SYS_read, args{0, room(1), 1}, 0, 0, nil},
		},
	})
}

// dofileread leaves it to the file how much is read at once, and a regular file's is short at its end alone
// (vn_read, ufs_read); so are all reads of zero(4) (mmrw). The kernel itself moves less at a time.
func TestReadLarge(t *testing.T) {
	const size = 3*ioChunk + 5
	text := filler(size)
	for i := range text {
		text[i] = byte(i >> 10)
	}
	whole := func(i int, b []byte) func(*result) string {
		return func(r *result) string {
			if r.ret[0] != uint64(len(b)) || string(r.mem(i, len(b))) != string(b) {
				return fmt.Sprintf("read %d bytes, want %d as they were written", r.ret[0], len(b))
			}
			return ""
		}
	}
	scattered := func(r *result) string {
		v := r.mem(1, 32)
		a, b := make([]byte, 7), make([]byte, size-7)
		if r.ret[0] != size || r.p.mem.Read(le64(v), a) != 0 || r.p.mem.Read(le64(v[16:]), b) != 0 || string(a)+string(b) != string(text) {
			return fmt.Sprintf("read %d bytes, want %d as they were written", r.ret[0], size)
		}
		return ""
	}
	fileStages(t, map[string][]row{"large": {
		{"open(2)", netbsd.SYS_open, args{"f", netbsd.O_RDWR | netbsd.O_CREAT, 0o644}, 0, 0, nil},
		{"write(2)", netbsd.SYS_write, args{0, text, size}, 0, size, nil},
		{"lseek(2)", netbsd.SYS_lseek, args{0, 0, 0, netbsd.SEEK_SET}, 0, 0, nil},
		{"read(2)", netbsd.SYS_read, args{0, room(size), size}, 0, whole(1, text), nil},
		{"pread(2): up to the end", netbsd.SYS_pread, args{0, room(size), size, 0, 9}, 0, whole(1, text[9:]), nil},
		{"pread(2): the position is as it was", netbsd.SYS_lseek, args{0, 0, 0, netbsd.SEEK_CUR}, 0, size, nil},
		{"preadv(2)", netbsd.SYS_preadv, args{0, iov(room(7), room(size-7)), 2, 0, 0}, 0, scattered, nil},
		{"lseek(2)", netbsd.SYS_lseek, args{0, 0, 0, netbsd.SEEK_SET}, 0, 0, nil},
		{"readv(2)", netbsd.SYS_readv, args{0, iov(room(7), room(size-7)), 2}, 0, scattered, nil},
		{"pread(2): EFAULT behind the first piece", netbsd.SYS_pread, args{0, room(ioChunk), uint64(1 << 40), 0, 0}, netbsd.EFAULT, nil, nil},
		{"open(2): zero(4)", netbsd.SYS_open, args{"/dev/zero", netbsd.O_RDONLY, 0}, 0, 1, nil},
		{"read(2): zero(4)", netbsd.SYS_read, args{1, room(size), size}, 0, whole(1, make([]byte, size)), nil},
		{"open(2): zero(4) to be written", netbsd.SYS_open, args{"/dev/zero", netbsd.O_WRONLY, 0}, 0, 2, nil},
		{"open(2): null(4)", netbsd.SYS_open, args{"/dev/null", netbsd.O_RDWR, 0}, 0, 3, nil},
		{"mm_readwrite: zero(4) takes what cannot be read", netbsd.SYS_write, args{2, bad, size}, 0, size, nil},
		{"mm_readwrite: null(4) takes what cannot be read", netbsd.SYS_write, args{3, bad, size}, 0, size, nil},
		{"mm_readwrite: a vector, too", netbsd.SYS_writev, args{3, iov(bad, room(7)), 2}, 0, 15, nil},
		{"writev(2): EFAULT for the vector all the same", netbsd.SYS_writev, args{3, bad, 1}, netbsd.EFAULT, nil, nil},
		{"write(2): EBADF for null(4), if open for reading", netbsd.SYS_write, args{1, bad, 1}, netbsd.EBADF, nil, nil},
		{"write(2): EINVAL for more than SSIZE_MAX to null(4)", netbsd.SYS_write, args{3, bad, uint64(1 << 63)}, netbsd.EINVAL, nil, nil},
		{"fsync(2): a device has nothing to keep (spec_fsync)", netbsd.SYS_fsync, args{3}, 0, 0, nil},
		{"open(2): tty(4)", netbsd.SYS_open, args{"/dev/ptmx", netbsd.O_RDWR, 0}, 0, 4, nil},
		{"fsync(2): nor has a terminal", netbsd.SYS_fsync, args{4}, 0, 0, nil},
		{"flock(2): which has locks (spec_advlock)", netbsd.SYS_flock, args{4, netbsd.LOCK_EX}, 0, 0, nil},
		{"mkfifo(2)", netbsd.SYS_mkfifo, args{"fifo", 0o600}, 0, 0, nil},
		{"open(2)", netbsd.SYS_open, args{"fifo", netbsd.O_RDWR, 0}, 0, 5, nil},
		{"fsync(2): nor has a FIFO", netbsd.SYS_fsync, args{5}, 0, 0, nil},
		{"flock(2): which has no locks (genfs_einval)", netbsd.SYS_flock, args{5, netbsd.LOCK_EX}, netbsd.EINVAL, 0, nil},
		{"read(2): null(4) is at its end", netbsd.SYS_read, args{3, bad, size}, 0, 0, nil},
	}})
}

// ufs_write: a write past RLIMIT_FSIZE is EFBIG with SIGXFSZ, and nothing of it is done; what is no regular file
// has no size.
func TestFileSizeLimit(t *testing.T) {
	const handler, tramp = 0x401000, 0x402000
	catch := action(netbsd.Sigaction{Handler: handler})
	six := []byte("sixsix")
	fileStages(t, map[string][]row{"limit": {
		{"open(2)", netbsd.SYS_open, args{"f", netbsd.O_RDWR | netbsd.O_CREAT, 0o644}, 0, 0, nil},
		{"sigaction(2)", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGXFSZ, catch, 0, tramp, 2}, 0, nil, nil},
		{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_FSIZE, longs(10, 100)}, 0, nil, nil},
		{"write(2)", netbsd.SYS_write, args{0, six, 6}, 0, 6, nil},
		{"write(2): past the limit", netbsd.SYS_write, args{0, six, 6}, netbsd.EFBIG, caught(netbsd.SIGXFSZ), nil},
		{"write(2): up to it", netbsd.SYS_write, args{0, six, 4}, 0, 4, nil},
		{"pwrite(2): past it", netbsd.SYS_pwrite, args{0, six, 1, 0, 10}, netbsd.EFBIG, nil, nil},
		{"pwrite(2): within", netbsd.SYS_pwrite, args{0, six, 1, 0, 9}, 0, 1, nil},
		{"writev(2)", netbsd.SYS_writev, args{0, iov(six, six), 2}, netbsd.EFBIG, nil, nil},
		{"pwritev(2)", netbsd.SYS_pwritev, args{0, iov(six, six), 2, 0, 0}, netbsd.EFBIG, nil, nil},
		{"lseek(2)", netbsd.SYS_lseek, args{0, 0, 0, netbsd.SEEK_SET}, 0, 0, nil},
		{"fcntl(2)", netbsd.SYS_fcntl, args{0, netbsd.F_SETFL, netbsd.O_APPEND}, 0, nil, nil},
		{"write(2): at the end", netbsd.SYS_write, args{0, six, 1}, netbsd.EFBIG, nil, nil},
		{"pwrite(2): at the end, too, wherever it says (IO_APPEND)", netbsd.SYS_pwrite, args{0, six, 1, 0, 0}, netbsd.EFBIG, nil, nil},
		{"pipe2(2)", netbsd.SYS_pipe2, args{room(8), 0}, 0, nil, nil},
		{"write(2): to a pipe", netbsd.SYS_write, args{2, filler(50), 50}, 0, 50, nil},
		{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_FSIZE, longs(100, 100)}, 0, nil, nil},
		{"write(2): it is raised", netbsd.SYS_write, args{0, six, 6}, 0, 6, nil},
	}})
}

// O_ASYNC: what comes into a pipe, or the room that a reader makes, is SIGIO to the owner (pipeselwakeup,
// fownsignal); fsetown says who that may be.
func TestSigio(t *testing.T) {
	const handler, tramp = 0x401000, 0x402000
	catch := action(netbsd.Sigaction{Handler: handler, Flags: netbsd.SA_NODEFER})
	minusSelf := func(p *player) uint64 { return uint64(-int64(self(p))) }
	selfIn := func(p *player) uint64 { return p.mem.put(words(uint32(self(p)))) }
	selfIs := func(sign int64) func(*result) string {
		return func(r *result) string {
			if got := int32(le32(r.mem(2, 4))); int64(got) != sign*int64(self(r.p)) {
				return fmt.Sprintf("the owner is %d", got)
			}
			return ""
		}
	}
	none := caught()
	fileStages(t, map[string][]row{"pipes": {
		{"sigaction(2)", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGIO, catch, 0, tramp, 2}, 0, nil, nil},
		{"pipe2(2)", netbsd.SYS_pipe2, args{room(8), 0}, 0, nil, nil},
		{"fcntl(2): F_GETOWN, nobody", netbsd.SYS_fcntl, args{0, netbsd.F_GETOWN, 0}, 0, 0, nil},
		{"fsetown: ESRCH", netbsd.SYS_fcntl, args{0, netbsd.F_SETOWN, nobody}, netbsd.ESRCH, nil, nil},
		{"pgid_in_session: EINVAL", netbsd.SYS_fcntl, args{0, netbsd.F_SETOWN, -77777}, netbsd.EINVAL, nil, nil},
		{"fcntl(2): F_SETOWN", netbsd.SYS_fcntl, args{0, netbsd.F_SETOWN, self}, 0, nil, nil},
		{"fcntl(2): F_GETOWN", netbsd.SYS_fcntl, args{0, netbsd.F_GETOWN, 0}, 0, self, nil},
		{"write(2): no O_ASYNC", netbsd.SYS_write, args{1, []byte("x"), 1}, 0, none, nil},
		{"fcntl(2): F_SETFL", netbsd.SYS_fcntl, args{0, netbsd.F_SETFL, netbsd.O_ASYNC}, 0, none, nil},
		{"fcntl(2): F_GETFL", netbsd.SYS_fcntl, args{0, netbsd.F_GETFL, 0}, 0, netbsd.O_ASYNC, nil},
		{"write(2): SIGIO", netbsd.SYS_write, args{1, []byte("x"), 1}, 0, caught(netbsd.SIGIO), nil},
		{"fcntl(2): F_SETFL without", netbsd.SYS_fcntl, args{0, netbsd.F_SETFL, 0}, 0, nil, nil},
		{"write(2): no more", netbsd.SYS_write, args{1, []byte("x"), 1}, 0, caught(netbsd.SIGIO), nil},
		{"fcntl(2): F_SETOWN of a group", netbsd.SYS_fcntl, args{0, netbsd.F_SETOWN, minusSelf}, 0, nil, nil},
		{"ioctl(2): FIOGETOWN", netbsd.SYS_ioctl, args{0, netbsd.FIOGETOWN, room(4)}, 0, selfIs(-1), nil},
		{"ioctl(2): TIOCGPGRP", netbsd.SYS_ioctl, args{0, netbsd.TIOCGPGRP, room(4)}, 0, selfIs(1), nil},
		{"ioctl(2): FIOASYNC", netbsd.SYS_ioctl, args{0, netbsd.FIOASYNC, words(1)}, 0, nil, nil},
		{"write(2): SIGIO to the group", netbsd.SYS_write, args{1, []byte("x"), 1}, 0, caught(netbsd.SIGIO, netbsd.SIGIO), nil},
		{"ioctl(2): TIOCSPGRP", netbsd.SYS_ioctl, args{0, netbsd.TIOCSPGRP, selfIn}, 0, nil, nil},
		{"ioctl(2): FIOGETOWN", netbsd.SYS_ioctl, args{0, netbsd.FIOGETOWN, room(4)}, 0, selfIs(-1), nil},
		{"ioctl(2): TIOCSPGRP, EINVAL below 0", netbsd.SYS_ioctl, args{0, netbsd.TIOCSPGRP, words(0xffffffff)}, netbsd.EINVAL, nil, nil},
		{"close(2) of the writer: SIGIO", netbsd.SYS_close, args{1}, 0, caught(netbsd.SIGIO, netbsd.SIGIO, netbsd.SIGIO), nil},
		{"close(2)", netbsd.SYS_close, args{0}, 0, nil, nil},
		{"open(2): of a file nobody is told", netbsd.SYS_open, args{"f", netbsd.O_RDWR | netbsd.O_CREAT, 0o644}, 0, 0, nil},
		{"ioctl(2): FIOASYNC", netbsd.SYS_ioctl, args{0, netbsd.FIOASYNC, words(1)}, 0, nil, nil},
		{"ioctl(2): TIOCGPGRP", netbsd.SYS_ioctl, args{0, netbsd.TIOCGPGRP, room(4)}, netbsd.ENOTTY, nil, nil},
	}})
}
