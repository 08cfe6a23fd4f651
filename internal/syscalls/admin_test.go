package syscalls

import (
	"fmt"
	"testing"
	"time"

	"toaster/netbsd"
)

// What administers a computer is refused as NetBSD refuses it to who has no right, and errors
// that it finds before that come first (vfs_syscalls.c, uvm_swap.c, sys_module.c,
// kern_ntptime.c).
func TestAdministration(t *testing.T) {
	stages(t, map[string][]row{
		"mounts": {
			{"EFAULT: the type", netbsd.SYS___mount50, args{bad, "/", 0, 0, 0}, netbsd.EFAULT, nil, nil},
			{"ENAMETOOLONG: the type", netbsd.SYS___mount50, args{"a type whose name is longer than 31 bytes", "/", 0, 0, 0}, netbsd.ENAMETOOLONG, nil, nil},
			{"ENOENT", netbsd.SYS___mount50, args{"tmpfs", "/missing", 0, 0, 0}, netbsd.ENOENT, nil, nil},
			{"EPERM", netbsd.SYS___mount50, args{"tmpfs", "/", 0, 0, 0}, netbsd.EPERM, nil, nil},
			{"unmount(2): EFAULT", netbsd.SYS_unmount, args{bad, 0}, netbsd.EFAULT, nil, nil},
			{"unmount(2): ENOENT", netbsd.SYS_unmount, args{"/missing", 0}, netbsd.ENOENT, nil, nil},
			{"unmount(2): EINVAL for the superuser", netbsd.SYS_unmount, args{"/", 0}, netbsd.EINVAL, nil, nil},
			{"quotactl(2): EFAULT", netbsd.SYS___quotactl, args{"/", bad}, netbsd.EFAULT, nil, nil},
			{"quotactl(2): ENOENT", netbsd.SYS___quotactl, args{"/missing", room(64)}, netbsd.ENOENT, nil, nil},
			{"vfs_quotactl: EOPNOTSUPP", netbsd.SYS___quotactl, args{"/", room(64)}, netbsd.EOPNOTSUPP, nil, nil},
			{"compat_50: EOPNOTSUPP", netbsd.SYS_quotactl, args{"/", 0, 0, 0}, netbsd.EOPNOTSUPP, nil, nil},
			{"EPERM", netbsd.SYS___getfh30, args{"/", 0, 0}, netbsd.EPERM, nil, nil},
			{"EPERM", netbsd.SYS___fhopen40, args{0, 0, 0}, netbsd.EPERM, nil, nil},
			{"EPERM", netbsd.SYS___fhstat50, args{0, 0, 0}, netbsd.EPERM, nil, nil},
			{"EPERM", netbsd.SYS___fhstatvfs140, args{0, 0, 0, 0}, netbsd.EPERM, nil, nil},
			{"EPERM", netbsd.SYS___fhstatvfs190, args{0, 0, 0, 0}, netbsd.EPERM, nil, nil},
			{"EPERM", netbsd.SYS_nfssvc, args{0, 0}, netbsd.EPERM, nil, nil},
			{"EPERM", netbsd.SYS_reboot, args{0, 0}, netbsd.EPERM, nil, nil},
		},
		"swap": {
			{"SWAP_NSWAP", netbsd.SYS_swapctl, args{netbsd.SWAP_NSWAP, 0, 0}, 0, 0, nil},
			{"SWAP_STATS", netbsd.SYS_swapctl, args{netbsd.SWAP_STATS, bad, 1}, 0, 0, nil},
			{"EINVAL", netbsd.SYS_swapctl, args{netbsd.SWAP_STATS, 0, -1}, netbsd.EINVAL, nil, nil},
			{"EPERM", netbsd.SYS_swapctl, args{netbsd.SWAP_ON, "/dev/x", 0}, netbsd.EPERM, nil, nil},
		},
		"modules": {
			{"EFAULT", netbsd.SYS_modctl, args{netbsd.MODCTL_LOAD, bad}, netbsd.EFAULT, nil, nil},
			{"EPERM", netbsd.SYS_modctl, args{netbsd.MODCTL_LOAD, room(32)}, netbsd.EPERM, nil, nil},
			{"EFAULT", netbsd.SYS_modctl, args{netbsd.MODCTL_UNLOAD, bad}, netbsd.EFAULT, nil, nil},
			{"EPERM", netbsd.SYS_modctl, args{netbsd.MODCTL_UNLOAD, "puffs"}, netbsd.EPERM, nil, nil},
			{"EPERM", netbsd.SYS_modctl, args{netbsd.MODCTL_EXISTS, 1}, netbsd.EPERM, nil, nil},
			{"EINVAL", netbsd.SYS_modctl, args{netbsd.MODCTL_EXISTS, 2}, netbsd.EINVAL, nil, nil},
			{"EINVAL", netbsd.SYS_modctl, args{9, 0}, netbsd.EINVAL, nil, nil},
			{"EFAULT", netbsd.SYS_modctl, args{netbsd.MODCTL_STAT, bad}, netbsd.EFAULT, nil, nil},
			{"MODCTL_STAT: none", netbsd.SYS_modctl, args{netbsd.MODCTL_STAT, func(p *player) uint64 { return p.mem.put(longs(p.arg(room(8)), 8)) }}, 0, func(r *result) string {
				if n, b := le.Uint64(r.mem(1, 16)[8:]), r.p.at8(r.args[1], 4); n != 4 || le.Uint32(b) != 0 {
					return fmt.Sprintf("%d bytes, %x", n, b)
				}
				return ""
			}, nil},
		},
		"time": {
			{"EFAULT", netbsd.SYS___ntp_gettime50, args{bad}, netbsd.EFAULT, nil, nil},
			{"TIME_ERROR", netbsd.SYS___ntp_gettime50, args{room(48)}, 0, func(r *result) string {
				b := r.mem(0, 48)
				if d := time.Since(time.Unix(int64(le.Uint64(b)), int64(le.Uint64(b[8:])))); r.ret[0] != 5 || d < 0 || d > patience || le.Uint32(b[40:]) != 5 {
					return fmt.Sprintf("returned %d, %x", r.ret[0], b)
				}
				return ""
			}, nil},
			{"EFAULT", netbsd.SYS_ntp_adjtime, args{bad}, netbsd.EFAULT, nil, nil},
			{"EPERM", netbsd.SYS_ntp_adjtime, args{append(words(1), make([]byte, 132)...)}, netbsd.EPERM, nil, nil},
			{"STA_UNSYNC", netbsd.SYS_ntp_adjtime, args{make([]byte, 136)}, 0, func(r *result) string {
				if b := r.mem(0, 136); r.ret[0] != 5 || le.Uint32(b[40:]) != 0x40 {
					return fmt.Sprintf("returned %d, %x", r.ret[0], b)
				}
				return ""
			}, nil},
			{"EPERM", netbsd.SYS___adjtime50, args{0, 0}, netbsd.EPERM, nil, nil},
		},
	})
	stages(t, map[string][]row{"compat": {
		{"EPERM", netbsd.SYS_compat_40_mount, args{"tmpfs", "/", 0, 0}, netbsd.EPERM, nil, nil},
		{"EPERM", netbsd.SYS_compat_12_reboot, args{0}, netbsd.EPERM, nil, nil},
		{"EPERM", netbsd.SYS_compat_50_adjtime, args{0, 0}, netbsd.EPERM, nil, nil},
		{"EPERM", netbsd.SYS_compat_30_getfh, args{"/", 0}, netbsd.EPERM, nil, nil},
		{"EPERM", netbsd.SYS_compat_30_fhopen, args{0, 0}, netbsd.EPERM, nil, nil},
		{"EPERM", netbsd.SYS_compat_30_fhstat, args{0, 0}, netbsd.EPERM, nil, nil},
		{"EPERM", netbsd.SYS_compat_20_fhstatfs, args{0, 0}, netbsd.EPERM, nil, nil},
		{"EPERM", netbsd.SYS_compat_30_fhstatvfs1, args{0, 0, 0}, netbsd.EPERM, nil, nil},
		{"EPERM", netbsd.SYS_compat_30___fhstat30, args{0, 0}, netbsd.EPERM, nil, nil},
		{"EPERM", netbsd.SYS_compat_50___fhstat40, args{0, 0, 0}, netbsd.EPERM, nil, nil},
		{"TIME_ERROR", netbsd.SYS_compat_50___ntp_gettime30, args{room(48)}, 0, 5, nil},
	}})
	newRig(t).run(func(p *player) {
		p.play([]row{
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				c.ok(netbsd.SYS_setuid, 100)
				c.play([]row{{"unmount(2): EPERM", netbsd.SYS_unmount, args{"/", 0}, netbsd.EPERM, nil, nil}})
			}},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
		})
	})
}

// rasctl(2), by kern_ras.c: what was installed can be purged, once.
func TestRasctl(t *testing.T) {
	if onlineCPUs(nil) == 1 {
		t.Skip("with one processor there are no restartable sequences")
	}
	stages(t, map[string][]row{"rasctl": {
		{"EINVAL: no length", netbsd.SYS_rasctl, args{0x1000, 0, netbsd.RAS_INSTALL}, netbsd.EINVAL, nil, nil},
		{"EINVAL: the kernel's", netbsd.SYS_rasctl, args{uint64(1) << 62, 16, netbsd.RAS_INSTALL}, netbsd.EINVAL, nil, nil},
		{"EINVAL: another operation", netbsd.SYS_rasctl, args{0x1000, 16, 9}, netbsd.EINVAL, nil, nil},
		{"ESRCH", netbsd.SYS_rasctl, args{0x1000, 16, netbsd.RAS_PURGE}, netbsd.ESRCH, nil, nil},
		{"RAS_INSTALL", netbsd.SYS_rasctl, args{0x1000, 16, netbsd.RAS_INSTALL}, 0, nil, nil},
		{"EEXIST: an overlap", netbsd.SYS_rasctl, args{0x1008, 16, netbsd.RAS_INSTALL}, netbsd.EEXIST, nil, nil},
		{"RAS_PURGE", netbsd.SYS_rasctl, args{0x1000, 16, netbsd.RAS_PURGE}, 0, nil, nil},
		{"RAS_PURGE_ALL", netbsd.SYS_rasctl, args{0, 0, netbsd.RAS_PURGE_ALL}, 0, nil, nil},
	}})
}
