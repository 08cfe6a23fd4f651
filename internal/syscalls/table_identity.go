package syscalls

import "toaster/netbsd"

var identityCalls = []Syscall{
	{netbsd.SYS_setuid, "uid uid", netbsd.RetInt, Full, setuid, ""},
	{netbsd.SYS_getuid, "", netbsd.RetUID, Full, getuid, "RDX: the effective one"},
	{netbsd.SYS_geteuid, "", netbsd.RetUID, Full, geteuid, ""},
	{netbsd.SYS_getegid, "", netbsd.RetUID, Full, getegid, ""},
	{netbsd.SYS_getgid, "", netbsd.RetUID, Full, getgid, "RDX: the effective one"},
	{netbsd.SYS___getlogin, "namebuf >buf[namelen], namelen size", netbsd.RetInt, Full, getlogin, ""},
	{netbsd.SYS___setlogin, "namebuf str", netbsd.RetInt, Full, setlogin, ""},
	{netbsd.SYS_getgroups, "gidsetsize int, gidset >uint[gidsetsize]", netbsd.RetSize, Full, getgroups, ""},
	{netbsd.SYS_setgroups, "gidsetsize int, gidset <uint[gidsetsize]", netbsd.RetInt, Full, setgroups, ""},
	{netbsd.SYS_setreuid, "ruid uid, euid uid", netbsd.RetInt, Full, setreuid, ""},
	{netbsd.SYS_setregid, "rgid uid, egid uid", netbsd.RetInt, Full, setregid, ""},
	{netbsd.SYS_setgid, "gid uid", netbsd.RetInt, Full, setgid, ""},
	{netbsd.SYS_setegid, "egid uid", netbsd.RetInt, Full, setegid, ""},
	{netbsd.SYS_seteuid, "euid uid", netbsd.RetInt, Full, seteuid, ""},
	{netbsd.SYS_issetugid, "", netbsd.RetInt, Full, issetugid, ""},
}
