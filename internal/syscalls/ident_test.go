package syscalls

import (
	"bytes"
	"strings"
	"testing"

	"toaster/netbsd"
)

func TestIdentity(t *testing.T) {
	const minusOne = 1<<32 - 1
	stages(t, map[string][]row{
		"superuser": {
			{"getuid(2), geteuid(2) in RDX", netbsd.SYS_getuid, nil, 0, pair{0, 0}, nil},
			{"issetugid(2)", netbsd.SYS_issetugid, nil, 0, 0, nil},
			{"setegid(2)", netbsd.SYS_setegid, args{20}, 0, nil, nil},
			{"getgid(2), getegid(2) in RDX", netbsd.SYS_getgid, nil, 0, pair{0, 20}, nil},
			{"setregid(2): -1 leaves one as it is", netbsd.SYS_setregid, args{30, minusOne}, 0, nil, nil},
			{"getgid(2)", netbsd.SYS_getgid, nil, 0, pair{30, 20}, nil},
			{"setgid(2): all of them", netbsd.SYS_setgid, args{40}, 0, nil, nil},
			{"getegid(2)", netbsd.SYS_getegid, nil, 0, 40, nil},
			{"setreuid(2)", netbsd.SYS_setreuid, args{100, 200}, 0, nil, nil},
			{"getuid(2)", netbsd.SYS_getuid, nil, 0, pair{100, 200}, nil},
			{"setreuid(2): EPERM for a third user", netbsd.SYS_setreuid, args{300, minusOne}, netbsd.EPERM, nil, nil},
			{"seteuid(2): the real one", netbsd.SYS_seteuid, args{100}, 0, nil, nil},
			{"geteuid(2)", netbsd.SYS_geteuid, nil, 0, 100, nil},
			{"setuid(2): EPERM", netbsd.SYS_setuid, args{0}, netbsd.EPERM, nil, nil},
			{"setgid(2): EPERM", netbsd.SYS_setgid, args{0}, netbsd.EPERM, nil, nil},
			{"seteuid(2): EPERM", netbsd.SYS_seteuid, args{0}, netbsd.EPERM, nil, nil},
			{"setegid(2): EPERM", netbsd.SYS_setegid, args{0}, netbsd.EPERM, nil, nil},
			{"setregid(2): EPERM", netbsd.SYS_setregid, args{0, 0}, netbsd.EPERM, nil, nil},
			{"setgroups(2): EPERM", netbsd.SYS_setgroups, args{1, words(1)}, netbsd.EPERM, nil, nil},
			{"setlogin(2): EPERM", netbsd.SYS___setlogin, args{"root"}, netbsd.EPERM, nil, nil},
			{"sys___setlogin: EPERM before EFAULT", netbsd.SYS___setlogin, args{bad}, netbsd.EPERM, nil, nil},
			{"sys___setlogin: EPERM before EINVAL", netbsd.SYS___setlogin, args{strings.Repeat("x", 17)}, netbsd.EPERM, nil, nil},
			{"do_setresuid: -1 is no user", netbsd.SYS_setuid, args{minusOne}, 0, nil, nil},
			{"do_setresgid: -1 is no group", netbsd.SYS_setegid, args{minusOne}, 0, nil, nil},
			{"getuid(2): as before", netbsd.SYS_getuid, nil, 0, pair{100, 100}, nil},
			{"issetugid(2): the ids were changed", netbsd.SYS_issetugid, nil, 0, 1, nil},
		},
		"groups": {
			{"setgroups(2): EINVAL for too many", netbsd.SYS_setgroups, args{netbsd.NGROUPS_MAX + 1, words(1)}, netbsd.EINVAL, nil, nil},
			{"setgroups(2): EINVAL for less than none", netbsd.SYS_setgroups, args{-1, words(1)}, netbsd.EINVAL, nil, nil},
			{"setgroups(2): EFAULT", netbsd.SYS_setgroups, args{1, bad}, netbsd.EFAULT, nil, nil},
			{"setgroups(2)", netbsd.SYS_setgroups, args{2, words(5, 6)}, 0, nil, nil},
			{"getgroups(2): how many", netbsd.SYS_getgroups, args{0, 0}, 0, 2, nil},
			{"getgroups(2): EINVAL for too little room", netbsd.SYS_getgroups, args{1, room(4)}, netbsd.EINVAL, nil, nil},
			{"getgroups(2): EFAULT", netbsd.SYS_getgroups, args{2, bad}, netbsd.EFAULT, nil, nil},
			{"getgroups(2)", netbsd.SYS_getgroups, args{16, room(64)}, 0, out{1, words(5, 6)}, nil},
		},
		"login": {
			{"setlogin(2): EFAULT", netbsd.SYS___setlogin, args{bad}, netbsd.EFAULT, nil, nil},
			{"setlogin(2): EINVAL for more than LOGIN_NAME_MAX", netbsd.SYS___setlogin, args{strings.Repeat("x", 17)}, netbsd.EINVAL, nil, nil},
			{"setlogin(2)", netbsd.SYS___setlogin, args{"someone"}, 0, nil, nil},
			{"getlogin(2)", netbsd.SYS___getlogin, args{room(17), 17}, 0, out{0, []byte("someone\x00")}, nil},
			{"sys___getlogin: 16 bytes are written, no more", netbsd.SYS___getlogin, args{bytes.Repeat([]byte{1}, 17), 17}, 0, out{0, []byte("someone\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")}, nil},
			{"sys___getlogin: as many as there is room for", netbsd.SYS___getlogin, args{bytes.Repeat([]byte{1}, 17), 9}, 0, out{0, []byte("someone\x00\x00\x01")}, nil},
			{"sys___getlogin: none", netbsd.SYS___getlogin, args{bad, 0}, 0, nil, nil},
			{"setlogin(2): MAXLOGNAME", netbsd.SYS___setlogin, args{"0123456789abcdef"}, 0, nil, nil},
			{"sys___getlogin: the longest name has no NUL", netbsd.SYS___getlogin, args{bytes.Repeat([]byte{1}, 17), 17}, 0, out{0, []byte("0123456789abcdef\x01")}, nil},
			{"getlogin(2): EFAULT", netbsd.SYS___getlogin, args{bad, 17}, netbsd.EFAULT, nil, nil},
		},
	})
}
