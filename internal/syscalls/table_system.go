package syscalls

import "toaster/netbsd"

var systemCalls = []Syscall{
	{netbsd.SYS_getrandom, "buf >buf[buflen], buflen size, flags |random", netbsd.RetSize, Full, getrandom, "since 10"},
	{netbsd.SYS_nfssvc, "flag int, argp ptr", netbsd.RetInt, Refused, refused, "EPERM: to serve files is the host's"},
	{netbsd.SYS_sysarch, "op int, parms ptr", netbsd.RetInt, Full, sysarch, "the bases of FS and GS; a program that sets that of GS is slower from then on"},
	{netbsd.SYS_lfs_bmapv, "fsidp ptr, blkiov ptr, blkcnt int", netbsd.RetInt, Refused, lfsBmapv, "ENOENT: no file system here is an LFS"},
	{netbsd.SYS_lfs_markv, "fsidp ptr, blkiov ptr, blkcnt int", netbsd.RetInt, Refused, lfsBmapv, "ENOENT: no file system here is an LFS"},
	{netbsd.SYS_lfs_segclean, "fsidp ptr, segment ulong", netbsd.RetInt, Refused, refused, "EPERM: no file system here is an LFS"},
	{netbsd.SYS___sysctl, "name <int[namelen], namelen uint, old >buf[*oldlenp], oldlenp <>size, new <buf[newlen], newlen size", netbsd.RetInt, Partial, sysctl, "the tree of GENERIC on a machine without sensors, ACPI and modules, but: the superuser cannot make nodes at the top and below vendor (CTL_CREATE is EPERM); kern.proc, kern.vnode and kern.file, of structures of the kernel's, are EOPNOTSUPP; net.inet.tcp.ident and drop, net.key.dumpsa and dumpsp are not there. Set are limits and the securelevel, and what new sockets begin with; other options of network, file systems and scheduler are kept and bind nothing; counters that toaster does not keep are 0"},
	{netbsd.SYS_reboot, "opt hex, bootstr str", netbsd.RetInt, Refused, refused, "EPERM: to reboot is the host's"},
	{netbsd.SYS_afssys, "id long, a1 long, a2 long, a3 long, a4 long, a5 long, a6 long", netbsd.RetInt, Refused, nosys, "ENOSYS and SIGSYS: the module openafs is not NetBSD's"},
	{netbsd.SYS_modctl, "cmd int, arg ptr", netbsd.RetInt, Refused, modctl, "EPERM: to load modules is the host's"},
	{netbsd.SYS_swapctl, "cmd int, arg ptr, misc int", netbsd.RetInt, Refused, swapctl, "EPERM to change something: to swap is the host's, and no device is told of"},
	{netbsd.SYS_uuidgen, "store >uuid[count], count int", netbsd.RetInt, Full, uuidgen, ""},
	{netbsd.SYS___lfs_segwait50, "fsidp ptr, tv <timeval", netbsd.RetInt, Refused, refused, "EPERM: no file system here is an LFS"},
}
