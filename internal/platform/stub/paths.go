package stub

import "toaster/netbsd"

// paths are the calls whose first argument is a path that the kernel reads at once: it comes along with the light trap, which spares
// the kernel a call of the host's that takes as long as the trap.
var paths = []int{
	netbsd.SYS_open, netbsd.SYS_link, netbsd.SYS_unlink, netbsd.SYS_chdir, netbsd.SYS_chmod, netbsd.SYS_access, netbsd.SYS_symlink,
	netbsd.SYS_readlink, netbsd.SYS_rename, netbsd.SYS_mkdir, netbsd.SYS_rmdir, netbsd.SYS___stat50, netbsd.SYS___lstat50,
}

// pathsAt are those whose second argument is one, behind the descriptor of a directory.
var pathsAt = []int{
	netbsd.SYS_faccessat, netbsd.SYS_fchmodat, netbsd.SYS_fstatat, netbsd.SYS_mkdirat, netbsd.SYS_openat, netbsd.SYS_readlinkat,
	netbsd.SYS_unlinkat,
}
