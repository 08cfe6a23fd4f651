package syscalls

import "toaster/netbsd"

var systemCalls = []Syscall{
	{netbsd.SYS_nfssvc, "flag int, argp ptr", netbsd.RetInt, Stub, refused, "EPERM for everybody"},
	{netbsd.SYS_sysarch, "op int, parms ptr", netbsd.RetInt, Partial, sysarch, "the base of FS"},
	{netbsd.SYS_lfs_bmapv, "fsidp ptr, blkiov ptr, blkcnt int", netbsd.RetInt, None, nil, ""},
	{netbsd.SYS_lfs_markv, "fsidp ptr, blkiov ptr, blkcnt int", netbsd.RetInt, None, nil, ""},
	{netbsd.SYS_lfs_segclean, "fsidp ptr, segment ulong", netbsd.RetInt, None, nil, ""},
	{netbsd.SYS___sysctl, "name <int[namelen], namelen uint, old >buf[*oldlenp], oldlenp <>size, new <buf[newlen], newlen size", netbsd.RetInt, Partial, sysctl, "the nodes that programs ask for; counters that toaster does not keep are 0"},
	{netbsd.SYS_reboot, "opt hex, bootstr str", netbsd.RetInt, Stub, refused, "the host's to do: EPERM for everybody"},
	{netbsd.SYS_afssys, "id long, a1 long, a2 long, a3 long, a4 long, a5 long, a6 long", netbsd.RetInt, None, nil, ""},
	{netbsd.SYS_modctl, "cmd int, arg ptr", netbsd.RetInt, Stub, modctl, "no modules: EPERM for everybody"},
	{netbsd.SYS_swapctl, "cmd int, arg ptr, misc int", netbsd.RetInt, Stub, swapctl, "no swap devices: EPERM for everybody"},
	{netbsd.SYS_uuidgen, "store >uuid[count], count int", netbsd.RetInt, Full, uuidgen, ""},
	{netbsd.SYS___lfs_segwait50, "fsidp ptr, tv <timeval", netbsd.RetInt, None, nil, ""},
}
