package syscalls

import (
	"fmt"
	"testing"

	"toaster/netbsd"
)

func TestSystem(t *testing.T) {
	stages(t, map[string][]row{
		"uuidgen": {
			{"sys_uuidgen: EINVAL for none", netbsd.SYS_uuidgen, args{room(16), 0}, netbsd.EINVAL, nil, nil},
			{"sys_uuidgen: EINVAL for more than 2048", netbsd.SYS_uuidgen, args{room(16), 2049}, netbsd.EINVAL, nil, nil},
			{"sys_uuidgen: EFAULT", netbsd.SYS_uuidgen, args{bad, 1}, netbsd.EFAULT, nil, nil},
			{"RFC 4122: version 4 and the variant, and no two alike", netbsd.SYS_uuidgen, args{room(32), 2}, 0, func(r *result) string {
				b := r.mem(0, 32)
				for _, u := range [][]byte{b[:16], b[16:]} {
					if le.Uint16(u[6:])>>12 != 4 || u[8]>>6 != 2 {
						return fmt.Sprintf("%x", u)
					}
				}
				if string(b[:16]) == string(b[16:]) {
					return "the same twice"
				}
				return ""
			}, nil},
		},
		"sysctl": {
			{"sysctl(3): EFAULT for the name", netbsd.SYS___sysctl, args{bad, 2, 0, 0, 0, 0}, netbsd.EFAULT, nil, nil},
			{"sysctl(3): EINVAL for a name that is too long", netbsd.SYS___sysctl, args{words(1, 1), 99, 0, 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"sysctl(3): ENOENT", netbsd.SYS___sysctl, args{words(1, 9999), 2, room(9), longs(9), 0, 0}, netbsd.ENOENT, nil, nil},
			{"sysctl(3): EISDIR", netbsd.SYS___sysctl, args{words(1), 1, room(9), longs(9), 0, 0}, netbsd.EISDIR, nil, nil},
			{"sysctl(3): kern.ostype", netbsd.SYS___sysctl, args{words(1, 1), 2, room(9), longs(9), 0, 0}, 0, out{2, []byte("NetBSD\x00\xa5")}, nil},
			{"sysctl(3): its length", netbsd.SYS___sysctl, args{words(1, 1), 2, 0, longs(0), 0, 0}, 0, out{3, longs(7)}, nil},
			{"sysctl(3): ENOMEM for too little room", netbsd.SYS___sysctl, args{words(1, 1), 2, room(9), longs(3), 0, 0}, netbsd.ENOMEM, nil, nil},
			{"sysctl(3): EFAULT for the value", netbsd.SYS___sysctl, args{words(1, 1), 2, bad, longs(9), 0, 0}, netbsd.EFAULT, nil, nil},
			{"sysctl(3): EFAULT for the length", netbsd.SYS___sysctl, args{words(1, 1), 2, room(9), bad, 0, 0}, netbsd.EFAULT, nil, nil},
			{"sysctl(3): EPERM to change it", netbsd.SYS___sysctl, args{words(1, 1), 2, 0, 0, []byte("x"), 1}, netbsd.EPERM, nil, nil},
			{"sysctl(3): kern.hostname", netbsd.SYS___sysctl, args{words(1, 10), 2, room(9), longs(9), 0, 0}, 0, out{2, []byte("rig\x00")}, nil},
			{"sysctl(3): hw.physmem64", netbsd.SYS___sysctl, args{words(6, netbsd.HW_PHYSMEM64), 2, room(8), longs(8), 0, 0}, 0, out{2, longs(1 << 30)}, nil},
		},
		"none": {
			{"reboot(2) is not there", netbsd.SYS_reboot, args{0, 0}, netbsd.ENOSYS, nil, nil},
			{"modctl(2) is not there", netbsd.SYS_modctl, args{0, 0}, netbsd.ENOSYS, nil, nil},
		},
	})
}
