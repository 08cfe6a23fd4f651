package syscalls

import (
	"fmt"
	"testing"

	"toaster/netbsd"
)

// /dev/drvctl of a machine without devices, as the functions of kern_drvctl.c have it.
func TestDrvctl(t *testing.T) {
	named := func(size int, name string) []byte {
		b := make([]byte, size)
		copy(b, name)
		return b
	}
	list := func(name string) []byte {
		b := named(32, name)
		le.PutUint64(b[24:], 7)
		return b
	}
	rescan := func(n uint32, at uint64) []byte {
		b := named(48, "pci0")
		le.PutUint32(b[32:], n)
		le.PutUint64(b[40:], at)
		return b
	}
	do := func(what string, fd int, cmd uint64, arg any, errno netbsd.Errno) row {
		return row{what, netbsd.SYS_ioctl, args{fd, cmd, arg}, errno, nil, nil}
	}
	const in = 1
	stages(t, map[string][]row{
		"requests": {
			{"MAKEDEV: mode and number", netbsd.SYS___stat50, args{"/dev/drvctl", room(netbsd.SizeofStat)}, 0, func(r *result) string {
				if st := netbsd.DecodeStat(r.mem(1, netbsd.SizeofStat)); st.Mode != netbsd.S_IFCHR|0o644 || st.Rdev != 167<<8 {
					return fmt.Sprintf("mode %o, device %#x", st.Mode, st.Rdev)
				}
				return ""
			}, nil},
			{"open(2)", netbsd.SYS_open, args{"/dev/drvctl", netbsd.O_RDONLY | netbsd.O_CLOEXEC | netbsd.O_CLOFORK, 0}, 0, 0, nil},
			{"fd_clone: O_CLOEXEC and O_CLOFORK", netbsd.SYS_fcntl, args{0, netbsd.F_GETFD, 0}, 0, netbsd.FD_CLOEXEC | netbsd.FD_CLOFORK, nil},
			{"drvctl_stat: no type", netbsd.SYS___fstat50, args{0, room(netbsd.SizeofStat)}, 0, func(r *result) string {
				if st := netbsd.DecodeStat(r.mem(1, netbsd.SizeofStat)); st.Mode != 0 || st.Rdev != 0 {
					return fmt.Sprintf("mode %o, device %#x", st.Mode, st.Rdev)
				}
				return ""
			}, nil},
			{"drvctl_read: ENODEV", netbsd.SYS_read, args{0, room(8), 8}, netbsd.ENODEV, nil, nil},
			do("pmdevbyname: ENXIO", 0, netbsd.DRVSUSPENDDEV, named(20, "wd0"), netbsd.ENXIO),
			do("pmdevbyname: ENXIO", 0, netbsd.DRVRESUMEDEV, named(20, "wd0"), netbsd.ENXIO),
			do("detachdevbyname: ENXIO", 0, netbsd.DRVDETACHDEV, named(16, "wd0"), netbsd.ENXIO),
			{"listdevbyname: none at the top", netbsd.SYS_ioctl, args{0, netbsd.DRVLISTDEV, list("")}, 0, out{2, named(32, "")}, nil},
			do("listdevbyname: ENXIO", 0, netbsd.DRVLISTDEV, list("mainbus0"), netbsd.ENXIO),
			do("listdevbyname: EINVAL for a name without an end", 0, netbsd.DRVLISTDEV, list("0123456789abcdef"), netbsd.EINVAL),
			do("rescanbus: ENXIO", 0, netbsd.DRVRESCANBUS, rescan(0, bad), netbsd.ENXIO),
			do("rescanbus: ENXIO", 0, netbsd.DRVRESCANBUS, rescan(1, ramBase), netbsd.ENXIO),
			do("rescanbus: EFAULT", 0, netbsd.DRVRESCANBUS, rescan(100, bad), netbsd.EFAULT),
			do("drvctl_ioctl: EINVAL for more than MAXLOCATORS", 0, netbsd.DRVRESCANBUS, rescan(101, bad), netbsd.EINVAL),
			do("property lists: EOPNOTSUPP", 0, netbsd.DRVCTLCOMMAND, longs(0, 0), netbsd.EOPNOTSUPP),
			do("ioctl(2): ENOTTY", 0, uint64(netbsd.FIONREAD), room(4), netbsd.ENOTTY),
			do("drvctl_getevent: EPERM for who cannot write", 0, netbsd.DRVGETEVENT, room(16), netbsd.EPERM),
		},
		"events": {
			{"open(2)", netbsd.SYS_open, args{"/dev/drvctl", netbsd.O_RDWR | netbsd.O_NONBLOCK, 0}, 0, 0, nil},
			do("drvctl_getevent: EWOULDBLOCK", 0, netbsd.DRVGETEVENT, room(16), netbsd.EAGAIN),
			{"drvctl_poll", netbsd.SYS_poll, args{pollfd(0, in|4, 9), 1, 0}, 0, out{0, pollfd(0, in|4, 0)}, nil},
			{"drvctl_write: ENODEV", netbsd.SYS_write, args{0, room(8), 8}, netbsd.ENODEV, nil, nil},
			{"kqueue(2)", netbsd.SYS_kqueue, nil, 0, 1, nil},
			{"fnullop_kqfilter: EOPNOTSUPP", netbsd.SYS___kevent50, args{1, watched(0, netbsd.EVFILT_READ), 1, room(40), 0, 0}, netbsd.EOPNOTSUPP, nil, nil},
			{"it is each open's own", netbsd.SYS_open, args{"/dev/drvctl", netbsd.O_RDWR, 0}, 0, 2, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				c.ok(netbsd.SYS_ioctl, 2, uint64(netbsd.DRVGETEVENT), room(16))
			}},
			{"drvctl_getevent waits, until it is killed", netbsd.SYS_kill, args{last, netbsd.SIGKILL}, 0, nil, nil},
			{"wait(2)", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(uint32(netbsd.SIGKILL))}, nil},
		},
	})
}

// Only the superuser opens it to write.
func TestDrvctlMode(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_setuid, 100)
		p.play([]row{
			{"to read", netbsd.SYS_open, args{"/dev/drvctl", netbsd.O_RDONLY, 0}, 0, 0, nil},
			{"EACCES", netbsd.SYS_open, args{"/dev/drvctl", netbsd.O_RDWR, 0}, netbsd.EACCES, nil, nil},
		})
	})
}
