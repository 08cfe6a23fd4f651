package syscalls

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"toaster/netbsd"
)

const atCwd = netbsd.AT_FDCWD

// statted wants a file of this type and mode behind argument i.
func statted(i int, mode uint32, size int64) func(r *result) string {
	return func(r *result) string {
		if st := netbsd.DecodeStat(r.mem(i, netbsd.SizeofStat)); st.Mode != mode || size >= 0 && st.Size != size {
			return fmt.Sprintf("mode %#o, size %d, want %#o, %d", st.Mode, st.Size, mode, size)
		}
		return ""
	}
}

func TestFile(t *testing.T) {
	const rw = netbsd.O_RDWR | netbsd.O_CREAT
	stat := room(netbsd.SizeofStat)
	long := strings.Repeat("x", 1024)
	fileStages(t, map[string][]row{
		"open": {
			{"open(2): ENOENT", netbsd.SYS_open, args{"f", 0, 0}, netbsd.ENOENT, nil, nil},
			{"open(2): EFAULT", netbsd.SYS_open, args{bad, 0, 0}, netbsd.EFAULT, nil, nil},
			{"open(2): ENAMETOOLONG", netbsd.SYS_open, args{long, 0, 0}, netbsd.ENAMETOOLONG, nil, nil},
			{"umask(2): 022 at first", netbsd.SYS_umask, args{0o077}, 0, 0o022, nil},
			{"umask(2): the last one", netbsd.SYS_umask, args{0o027}, 0, 0o077, nil},
			{"open(2): O_CREAT", netbsd.SYS_open, args{"f", rw, 0o666}, 0, 0, nil},
			{"stat(2): the mask is taken off", netbsd.SYS___stat50, args{"f", stat}, 0, statted(1, netbsd.S_IFREG|0o640, 0), nil},
			{"open(2): EEXIST", netbsd.SYS_open, args{"f", rw | netbsd.O_EXCL, 0o666}, netbsd.EEXIST, nil, nil},
			{"open(2): ENOTDIR", netbsd.SYS_open, args{"f", netbsd.O_DIRECTORY, 0}, netbsd.ENOTDIR, nil, nil},
			{"open(2): ENOTDIR on the way", netbsd.SYS_open, args{"f/g", 0, 0}, netbsd.ENOTDIR, nil, nil},
			{"open(2): EISDIR", netbsd.SYS_open, args{".", netbsd.O_RDWR, 0}, netbsd.EISDIR, nil, nil},
			{"openat(2)", netbsd.SYS_openat, args{atCwd, "f", netbsd.O_RDONLY | netbsd.O_CLOEXEC, 0}, 0, 1, nil},
			{"fcntl(2): close-on-exec", netbsd.SYS_fcntl, args{1, netbsd.F_GETFD, 0}, 0, netbsd.FD_CLOEXEC, nil},
			{"openat(2): EBADF", netbsd.SYS_openat, args{99, "f", 0, 0}, netbsd.EBADF, nil, nil},
			{"openat(2): ENOTDIR below a file", netbsd.SYS_openat, args{0, "f", 0, 0}, netbsd.ENOTDIR, nil, nil},
		},
		"names": {
			{"mkdir(2)", netbsd.SYS_mkdir, args{"d", 0o755}, 0, 0, nil},
			{"mkdir(2): EEXIST", netbsd.SYS_mkdir, args{"d", 0o755}, netbsd.EEXIST, nil, nil},
			{"mkdirat(2)", netbsd.SYS_mkdirat, args{atCwd, "d/e", 0o700}, 0, 0, nil},
			{"rmdir(2): ENOTEMPTY", netbsd.SYS_rmdir, args{"d"}, netbsd.ENOTEMPTY, nil, nil},
			{"open(2)", netbsd.SYS_open, args{"f", rw, 0o644}, 0, 0, nil},
			{"rmdir(2): ENOTDIR", netbsd.SYS_rmdir, args{"f"}, netbsd.ENOTDIR, nil, nil},
			{"unlink(2): EPERM for a directory", netbsd.SYS_unlink, args{"d"}, netbsd.EPERM, nil, nil},
			{"unlink(2): ENOENT", netbsd.SYS_unlink, args{"x"}, netbsd.ENOENT, nil, nil},
			{"unlink(2): EFAULT", netbsd.SYS_unlink, args{bad}, netbsd.EFAULT, nil, nil},
			{"link(2)", netbsd.SYS_link, args{"f", "g"}, 0, 0, nil},
			{"link(2): EEXIST", netbsd.SYS_link, args{"f", "g"}, netbsd.EEXIST, nil, nil},
			{"link(2): EFAULT for the second", netbsd.SYS_link, args{"f", bad}, netbsd.EFAULT, nil, nil},
			{"linkat(2)", netbsd.SYS_linkat, args{atCwd, "f", atCwd, "h", 0}, 0, 0, nil},
			{"sys_linkat: other flags are not looked at", netbsd.SYS_linkat, args{atCwd, "f", atCwd, "i", 1}, 0, 0, nil},
			{"do_sys_unlinkat: nor there", netbsd.SYS_unlinkat, args{atCwd, "i", 1}, 0, 0, nil},
			{"rename(2)", netbsd.SYS_rename, args{"g", "k"}, 0, 0, nil},
			{"rename(2): ENOENT", netbsd.SYS_rename, args{"g", "l"}, netbsd.ENOENT, nil, nil},
			{"rename(2): EISDIR for a file onto a directory", netbsd.SYS_rename, args{"k", "d"}, netbsd.EISDIR, nil, nil},
			{"renameat(2)", netbsd.SYS_renameat, args{atCwd, "k", atCwd, "d/k"}, 0, 0, nil},
			{"__posix_rename(2) of two links of a file: nothing", netbsd.SYS___posix_rename, args{"f", "h"}, 0, 0, nil},
			{"__posix_rename(2): both stay", netbsd.SYS___lstat50, args{"f", stat}, 0, nil, nil},
			{"do_sys_renameat: one name, spelt in two ways, stays", netbsd.SYS_rename, args{"h", "d/../h"}, 0, 0, nil},
			{"it is there", netbsd.SYS___lstat50, args{"h", stat}, 0, nil, nil},
			{"link(2)", netbsd.SYS_link, args{"f", "d/h"}, 0, 0, nil},
			{"do_sys_renameat: of two links of a file the old one goes", netbsd.SYS_rename, args{"h", "d/h"}, 0, 0, nil},
			{"it is gone", netbsd.SYS___lstat50, args{"h", stat}, netbsd.ENOENT, nil, nil},
			{"renameat(2): so here", netbsd.SYS_renameat, args{atCwd, "d/h", atCwd, "f"}, 0, 0, nil},
			{"it is gone, too", netbsd.SYS___lstat50, args{"d/h", stat}, netbsd.ENOENT, nil, nil},
			{"the file has its other name", netbsd.SYS___lstat50, args{"f", stat}, 0, statted(1, netbsd.S_IFREG|0o644, 0), nil},
			{"symlink(2)", netbsd.SYS_symlink, args{"f", "s"}, 0, 0, nil},
			{"symlinkat(2)", netbsd.SYS_symlinkat, args{"nowhere", atCwd, "t"}, 0, 0, nil},
			{"readlink(2)", netbsd.SYS_readlink, args{"t", room(9), 9}, 0, out{1, []byte("nowhere\xa5")}, nil},
			{"readlink(2): cut", netbsd.SYS_readlink, args{"t", room(9), 3}, 0, 3, nil},
			{"readlink(2): EINVAL for no link", netbsd.SYS_readlink, args{"f", room(9), 9}, netbsd.EINVAL, nil, nil},
			{"readlink(2): EFAULT", netbsd.SYS_readlink, args{"t", bad, 9}, netbsd.EFAULT, nil, nil},
			{"readlinkat(2)", netbsd.SYS_readlinkat, args{atCwd, "s", room(9), 9}, 0, out{2, []byte("f\xa5")}, nil},
			{"mkfifo(2)", netbsd.SYS_mkfifo, args{"p", 0o600}, 0, 0, nil},
			{"lstat(2): a FIFO", netbsd.SYS___lstat50, args{"p", stat}, 0, statted(1, netbsd.S_IFIFO|0o600, -1), nil},
			{"mkfifoat(2)", netbsd.SYS_mkfifoat, args{atCwd, "q", 0o600}, 0, 0, nil},
			{"mknod(2) of a FIFO", netbsd.SYS___mknod50, args{"r", netbsd.S_IFIFO | 0o600, 0}, 0, 0, nil},
			{"do_posix_mknodat: a bit of S_IFIFO is enough", netbsd.SYS___mknod50, args{"r2", netbsd.S_IFMT | 0o600, 0}, 0, 0, nil},
			{"lstat(2): a FIFO", netbsd.SYS___lstat50, args{"r2", stat}, 0, statted(1, netbsd.S_IFIFO|0o600, -1), nil},
			{"do_sys_mknodat: EEXIST comes before EINVAL for a FIFO with a number", netbsd.SYS___mknod50, args{"r", netbsd.S_IFIFO | 0o600, 5}, map[bool]netbsd.Errno{true: netbsd.EEXIST, false: netbsd.EPERM}[os.Geteuid() == 0], nil, nil},
			{"do_sys_mknodat: EINVAL for a FIFO with a number", netbsd.SYS___mknod50, args{"none", netbsd.S_IFIFO | 0o600, 5}, map[bool]netbsd.Errno{true: netbsd.EINVAL, false: netbsd.EPERM}[os.Geteuid() == 0], nil, nil},
			{"do_sys_mknodat: EINVAL for no type", netbsd.SYS___mknod50, args{"none", 0o600, 0}, map[bool]netbsd.Errno{true: netbsd.EINVAL, false: netbsd.EPERM}[os.Geteuid() == 0], nil, nil},
			{"do_sys_mknodat: EINVAL for a directory", netbsd.SYS___mknod50, args{"none", netbsd.S_IFDIR | 0o700, 0}, map[bool]netbsd.Errno{true: netbsd.EINVAL, false: netbsd.EPERM}[os.Geteuid() == 0], nil, nil},
			{"do_sys_mknodat: EEXIST comes before EINVAL for VNOVAL", netbsd.SYS___mknod50, args{"r", netbsd.S_IFCHR | 0o600, ^uint64(0)}, map[bool]netbsd.Errno{true: netbsd.EEXIST, false: netbsd.EPERM}[os.Geteuid() == 0], nil, nil},
			{"do_sys_mknodat: EINVAL for VNOVAL", netbsd.SYS___mknod50, args{"none", netbsd.S_IFCHR | 0o600, ^uint64(0)}, map[bool]netbsd.Errno{true: netbsd.EINVAL, false: netbsd.EPERM}[os.Geteuid() == 0], nil, nil},
			{"mknod(2) of a file", netbsd.SYS___mknod50, args{"reg", netbsd.S_IFREG | 0o600, 7}, map[bool]netbsd.Errno{true: 0, false: netbsd.EPERM}[os.Geteuid() == 0], nil, nil},
			{"mknod(2): EEXIST for a device", netbsd.SYS___mknod50, args{"r", netbsd.S_IFCHR | 0o600, 0}, map[bool]netbsd.Errno{true: netbsd.EEXIST, false: netbsd.EPERM}[os.Geteuid() == 0], nil, nil},
			{"mknod(2): no device of the host's is made", netbsd.SYS___mknod50, args{"dev", netbsd.S_IFCHR | 0o600, 5}, netbsd.EPERM, nil, nil},
			{"mknod(2): one that is none's", netbsd.SYS___mknod50, args{"dev0", netbsd.S_IFCHR | 0o600, 0}, map[bool]netbsd.Errno{true: 0, false: netbsd.EPERM}[os.Geteuid() == 0], nil, nil},
			{"mknodat(2): EEXIST", netbsd.SYS_mknodat, args{atCwd, "r", netbsd.S_IFIFO | 0o600, 0, 0}, netbsd.EEXIST, nil, nil},
			{"unlinkat(2)", netbsd.SYS_unlinkat, args{atCwd, "d/k", 0}, 0, 0, nil},
			{"unlinkat(2): AT_REMOVEDIR", netbsd.SYS_unlinkat, args{atCwd, "d/e", netbsd.AT_REMOVEDIR}, 0, 0, nil},
			{"rmdir(2)", netbsd.SYS_rmdir, args{"d"}, 0, 0, nil},
		},
		"attributes": {
			{"open(2)", netbsd.SYS_open, args{"f", rw, 0o644}, 0, 0, nil},
			{"symlink(2)", netbsd.SYS_symlink, args{"f", "s"}, 0, 0, nil},
			{"chmod(2)", netbsd.SYS_chmod, args{"f", 0o600}, 0, 0, nil},
			{"chmod(2): ENOENT", netbsd.SYS_chmod, args{"x", 0o600}, netbsd.ENOENT, nil, nil},
			{"stat(2) through a link", netbsd.SYS___stat50, args{"s", stat}, 0, statted(1, netbsd.S_IFREG|0o600, 0), nil},
			{"stat(2): EFAULT", netbsd.SYS___stat50, args{"s", bad}, netbsd.EFAULT, nil, nil},
			{"fchmod(2)", netbsd.SYS_fchmod, args{0, 0o640}, 0, 0, nil},
			{"fchmod(2): EBADF", netbsd.SYS_fchmod, args{9, 0o640}, netbsd.EBADF, nil, nil},
			{"fchmodat(2)", netbsd.SYS_fchmodat, args{atCwd, "f", 0o644, 0}, 0, 0, nil},
			{"do_sys_chmodat: other flags are not looked at", netbsd.SYS_fchmodat, args{atCwd, "f", 0o644, 1}, 0, 0, nil},
			{"lchmod(2) of a file", netbsd.SYS_lchmod, args{"f", 0o640}, 0, 0, nil},
			{"lchmod(2) of a link", netbsd.SYS_lchmod, args{"s", 0o700}, 0, 0, nil},
			{"fchmodat(2) of a link", netbsd.SYS_fchmodat, args{atCwd, "s", 0o700, netbsd.AT_SYMLINK_NOFOLLOW}, 0, 0, nil},
			{"stat(2): the file is as it was", netbsd.SYS___stat50, args{"f", stat}, 0, statted(1, netbsd.S_IFREG|0o640, 0), nil},
			{"do_open: no file is made sticky", netbsd.SYS_open, args{"sticky", rw, 0o1644}, 0, 1, nil},
			{"stat(2)", netbsd.SYS___stat50, args{"sticky", stat}, 0, statted(1, netbsd.S_IFREG|0o644, 0), nil},
			{"close(2)", netbsd.SYS_close, args{1}, 0, 0, nil},
			{"lchmod(2): ENOENT", netbsd.SYS_lchmod, args{"x", 0o640}, netbsd.ENOENT, nil, nil},
			{"chmod(2)", netbsd.SYS_chmod, args{"f", 0o644}, 0, 0, nil},
			{"revoke(2): ENOENT", netbsd.SYS_revoke, args{"x"}, netbsd.ENOENT, nil, nil},
			{"open(2)", netbsd.SYS_open, args{"taken", rw, 0o644}, 0, 1, nil},
			{"open(2)", netbsd.SYS_open, args{"taken", rw, 0o644}, 0, 2, nil},
			{"write(2)", netbsd.SYS_write, args{1, []byte("text"), 4}, 0, 4, nil},
			{"revoke(2)", netbsd.SYS_revoke, args{"taken"}, 0, 0, nil},
			{"dead_write: EIO", netbsd.SYS_write, args{1, []byte("text"), 4}, netbsd.EIO, nil, nil},
			{"dead_read: EIO", netbsd.SYS_read, args{2, room(4), 4}, netbsd.EIO, nil, nil},
			{"dead_read: EIO by pread(2)", netbsd.SYS_pread, args{2, room(4), 4, 0, 0}, netbsd.EIO, nil, nil},
			{"open(2): anew", netbsd.SYS_open, args{"taken", rw, 0o644}, 0, 3, nil},
			{"read(2)", netbsd.SYS_read, args{3, room(4), 4}, 0, out{1, []byte("text")}, nil},
			{"another file is as it was", netbsd.SYS_write, args{0, []byte("t"), 0}, 0, 0, nil},
			{"closefrom(3)", netbsd.SYS_fcntl, args{1, netbsd.F_CLOSEM, 0}, 0, nil, nil},
			{"truncate(2)", netbsd.SYS_truncate, args{"f", 0, 5}, 0, 0, nil},
			{"truncate(2): EINVAL for a negative length", netbsd.SYS_truncate, args{"f", 0, -5}, netbsd.EINVAL, nil, nil},
			{"truncate(2): EISDIR", netbsd.SYS_truncate, args{".", 0, 5}, netbsd.EISDIR, nil, nil},
			{"fstat(2)", netbsd.SYS___fstat50, args{0, stat}, 0, statted(1, netbsd.S_IFREG|0o644, 5), nil},
			{"fstat(2): EBADF", netbsd.SYS___fstat50, args{9, stat}, netbsd.EBADF, nil, nil},
			{"fstatat(2)", netbsd.SYS_fstatat, args{atCwd, "s", stat, netbsd.AT_SYMLINK_NOFOLLOW}, 0, nil, nil},
			{"sys_fstatat: other flags are not looked at", netbsd.SYS_fstatat, args{atCwd, "s", stat, 1}, 0, nil, nil},
			{"access(2)", netbsd.SYS_access, args{"f", 4}, 0, 0, nil},
			{"access(2): EINVAL", netbsd.SYS_access, args{"f", 99}, netbsd.EINVAL, nil, nil},
			{"access(2): EACCES to execute what nobody may", netbsd.SYS_access, args{"f", 1}, netbsd.EACCES, nil, nil},
			{"faccessat(2)", netbsd.SYS_faccessat, args{atCwd, "f", 2, 0}, 0, 0, nil},
			{"faccessat(2): ENOENT", netbsd.SYS_faccessat, args{atCwd, "x", 0, 0}, netbsd.ENOENT, nil, nil},
			{"chown(2): -1 changes nothing", netbsd.SYS_chown, args{"f", -1, -1}, 0, 0, nil},
			{"lchown(2): -1 changes nothing", netbsd.SYS_lchown, args{"s", -1, -1}, 0, 0, nil},
			{"fchown(2): -1 changes nothing", netbsd.SYS_fchown, args{0, -1, -1}, 0, 0, nil},
			{"fchown(2): EBADF", netbsd.SYS_fchown, args{9, -1, -1}, netbsd.EBADF, nil, nil},
			{"__posix_chown: -1 changes nothing", netbsd.SYS___posix_chown, args{"f", -1, -1}, 0, 0, nil},
			{"__posix_lchown: ENOENT", netbsd.SYS___posix_lchown, args{"x", -1, -1}, netbsd.ENOENT, nil, nil},
			{"__posix_fchown: EBADF", netbsd.SYS___posix_fchown, args{9, -1, -1}, netbsd.EBADF, nil, nil},
			{"do_sys_chownat: other flags are not looked at", netbsd.SYS_fchownat, args{atCwd, "f", -1, -1, 1}, 0, 0, nil},
			{"chflags(2): none", netbsd.SYS_chflags, args{"f", 0}, 0, 0, nil},
			{"chflags(2): EOPNOTSUPP for UF_IMMUTABLE", netbsd.SYS_chflags, args{"f", 2}, netbsd.EOPNOTSUPP, nil, nil},
			{"lchflags(2): ENOENT", netbsd.SYS_lchflags, args{"x", 0}, netbsd.ENOENT, nil, nil},
			{"fchflags(2)", netbsd.SYS_fchflags, args{0, 0}, 0, 0, nil},
			{"utimes(2): EINVAL for microseconds", netbsd.SYS___utimes50, args{"f", longs(1, 1e6, 1, 0)}, netbsd.EINVAL, nil, nil},
			{"do_sys_utimes: UTIME_NOW and UTIME_OMIT as microseconds", netbsd.SYS___utimes50, args{"f", longs(1, netbsd.UTIME_NOW, 1, netbsd.UTIME_OMIT)}, 0, 0, nil},
			{"utimes(2): EFAULT", netbsd.SYS___utimes50, args{"f", bad}, netbsd.EFAULT, nil, nil},
			{"utimes(2)", netbsd.SYS___utimes50, args{"f", longs(1000, 0, 2000, 5)}, 0, 0, nil},
			{"stat(2): the times", netbsd.SYS___stat50, args{"f", stat}, 0, func(r *result) string {
				if st := netbsd.DecodeStat(r.mem(1, netbsd.SizeofStat)); st.Atime.Sec != 1000 || st.Mtime != (netbsd.Timespec{Sec: 2000, Nsec: 5000}) {
					return fmt.Sprint(st.Atime, st.Mtime)
				}
				return ""
			}, nil},
			{"lutimes(2)", netbsd.SYS___lutimes50, args{"s", 0}, 0, 0, nil},
			{"futimes(2): EBADF", netbsd.SYS___futimes50, args{9, 0}, netbsd.EBADF, nil, nil},
			{"futimes(2)", netbsd.SYS___futimes50, args{0, 0}, 0, 0, nil},
			{"futimens(2): UTIME_OMIT", netbsd.SYS_futimens, args{0, longs(0, netbsd.UTIME_OMIT, 7, 8)}, 0, 0, nil},
			{"utimensat(2): EINVAL for nanoseconds", netbsd.SYS_utimensat, args{atCwd, "f", longs(0, 1e9, 7, 8), 0}, netbsd.EINVAL, nil, nil},
			{"utimensat(2): UTIME_NOW", netbsd.SYS_utimensat, args{atCwd, "f", longs(0, netbsd.UTIME_NOW, 0, netbsd.UTIME_OMIT), 0}, 0, 0, nil},
			{"stat(2): left as futimens set it", netbsd.SYS___stat50, args{"f", stat}, 0, func(r *result) string {
				if st := netbsd.DecodeStat(r.mem(1, netbsd.SizeofStat)); st.Mtime != (netbsd.Timespec{Sec: 7, Nsec: 8}) {
					return fmt.Sprint(st.Mtime)
				}
				return ""
			}, nil},
			{"pathconf(2): _PC_NAME_MAX", netbsd.SYS_pathconf, args{"f", netbsd.PC_NAME_MAX}, 0, 255, nil},
			{"pathconf(2): ENOENT", netbsd.SYS_pathconf, args{"x", netbsd.PC_NAME_MAX}, netbsd.ENOENT, nil, nil},
			{"pathconf(2): EINVAL", netbsd.SYS_pathconf, args{"f", 99}, netbsd.EINVAL, nil, nil},
			{"lpathconf(2): of a link", netbsd.SYS_lpathconf, args{"s", netbsd.PC_NAME_MAX}, 0, 255, nil},
			{"ufs_pathconf: EINVAL for what terminals have", netbsd.SYS_pathconf, args{"f", netbsd.PC_MAX_CANON}, netbsd.EINVAL, nil, nil},
			{"symlink(2): to nothing", netbsd.SYS_symlink, args{"nothing", "dangling"}, 0, 0, nil},
			{"pathconf(2): ENOENT", netbsd.SYS_pathconf, args{"dangling", netbsd.PC_NAME_MAX}, netbsd.ENOENT, nil, nil},
			{"sys_lpathconf: of the link itself", netbsd.SYS_lpathconf, args{"dangling", netbsd.PC_NAME_MAX}, 0, 255, nil},
			{"lpathconf(2): EINVAL", netbsd.SYS_lpathconf, args{"s", 99}, netbsd.EINVAL, nil, nil},
			{"fpathconf(2): EBADF", netbsd.SYS_fpathconf, args{9, netbsd.PC_NAME_MAX}, netbsd.EBADF, nil, nil},
			{"fpathconf(2)", netbsd.SYS_fpathconf, args{0, netbsd.PC_NAME_MAX}, 0, 255, nil},
			{"sync(2)", netbsd.SYS_sync, nil, 0, 0, nil},
		},
		"directories": {
			{"mkdir(2)", netbsd.SYS_mkdir, args{"d", 0o755}, 0, 0, nil},
			{"chdir(2): ENOENT", netbsd.SYS_chdir, args{"x"}, netbsd.ENOENT, nil, nil},
			{"getcwd: the root", netbsd.SYS___getcwd, args{room(9), 9}, 0, out{0, []byte("/\x00\xa5")}, nil},
			{"chdir(2)", netbsd.SYS_chdir, args{"d"}, 0, 0, nil},
			{"getcwd: the length with the NUL", netbsd.SYS___getcwd, args{room(9), 9}, 0, 3, nil},
			{"sys___getcwd: the length is an int", netbsd.SYS___getcwd, args{room(9), -1}, netbsd.ERANGE, nil, nil},
			{"sys___getcwd: less than 2 before it looks", netbsd.SYS___getcwd, args{bad, 1}, netbsd.ERANGE, nil, nil},
			{"getcwd: ERANGE", netbsd.SYS___getcwd, args{room(9), 2}, netbsd.ERANGE, nil, nil},
			{"getcwd: EFAULT", netbsd.SYS___getcwd, args{bad, 9}, netbsd.EFAULT, nil, nil},
			{"open(2)", netbsd.SYS_open, args{"/", 0, 0}, 0, 0, nil},
			{"fchdir(2): EBADF", netbsd.SYS_fchdir, args{9}, netbsd.EBADF, nil, nil},
			{"fchdir(2)", netbsd.SYS_fchdir, args{0}, 0, 0, nil},
			{"getcwd: the root again", netbsd.SYS___getcwd, args{room(9), 9}, 0, 2, nil},
			{"statvfs(2): ENOENT", netbsd.SYS___statvfs190, args{"x", room(netbsd.SizeofStatvfs), 0}, netbsd.ENOENT, nil, nil},
			{"statvfs(2)", netbsd.SYS___statvfs190, args{"d", room(netbsd.SizeofStatvfs), 0}, 0, 0, nil},
			{"statvfs(2) of before NetBSD 10", netbsd.SYS_statvfs1, args{"d", room(netbsd.SizeofStatvfs90), 0}, 0, 0, nil},
			{"fstatvfs(2): EBADF", netbsd.SYS___fstatvfs190, args{9, room(netbsd.SizeofStatvfs), 0}, netbsd.EBADF, nil, nil},
			{"fstatvfs(2): EFAULT", netbsd.SYS_fstatvfs1, args{0, bad, 0}, netbsd.EFAULT, nil, nil},
			{"getvfsstat(2): how many, the root and procfs", netbsd.SYS___getvfsstat90, args{0, 0, 0}, 0, 2, nil},
			{"getvfsstat(2)", netbsd.SYS_getvfsstat, args{room(netbsd.SizeofStatvfs90), netbsd.SizeofStatvfs90, 0}, 0, 1, nil},
			{"getvfsstat(2): no room", netbsd.SYS___getvfsstat90, args{room(16), 16, 0}, 0, 0, nil},
		},
	})
}

// Roots are the superuser's to change; who that is on the host does not matter.
func TestChroot(t *testing.T) {
	r := newRig(t)
	if err := os.Mkdir(filepath.Join(r.dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.run(func(p *player) {
		p.play([]row{
			{"chroot(2): ENOENT", netbsd.SYS_chroot, args{"x/y"}, netbsd.ENOENT, nil, nil},
			{"pipe(2)", netbsd.SYS_pipe, nil, 0, nil, nil},
			{"open(2)", netbsd.SYS_open, args{"f", netbsd.O_CREAT | netbsd.O_RDWR, 0o600}, 0, 2, nil},
			{"fchroot(2): EBADF", netbsd.SYS_fchroot, args{9}, netbsd.EBADF, nil, nil},
			{"fd_getvnode: EINVAL for a pipe", netbsd.SYS_fchroot, args{0}, netbsd.EINVAL, nil, nil},
			{"fchroot(2): ENOTDIR", netbsd.SYS_fchroot, args{2}, netbsd.ENOTDIR, nil, nil},
			{"fd_getvnode: EINVAL for a pipe", netbsd.SYS_fchdir, args{0}, netbsd.EINVAL, nil, nil},
			{"chroot(2)", netbsd.SYS_chroot, args{"d"}, 0, 0, nil},
			{"open(2): the new root is empty", netbsd.SYS_open, args{"/d", 0, 0}, netbsd.ENOENT, nil, nil},
			{"seteuid(2)", netbsd.SYS_seteuid, args{100}, 0, nil, nil},
			{"chroot(2): EPERM", netbsd.SYS_chroot, args{"/"}, netbsd.EPERM, nil, nil},
			{"fchroot(2): EPERM", netbsd.SYS_fchroot, args{0}, netbsd.EPERM, nil, nil},
			{"fchroot(2): EPERM comes before EBADF", netbsd.SYS_fchroot, args{9}, netbsd.EPERM, nil, nil},
			{"do_sys_mknodat: EPERM comes before EFAULT", netbsd.SYS___mknod50, args{bad, netbsd.S_IFCHR, 5}, netbsd.EPERM, nil, nil},
			{"do_sys_mkfifoat: EFAULT", netbsd.SYS___mknod50, args{bad, netbsd.S_IFIFO, 0}, netbsd.EFAULT, nil, nil},
		})
	})
}
