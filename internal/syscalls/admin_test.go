package syscalls

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"toaster/netbsd"
)

// load is a modctl_load_t: a module's name, or none that could be read, its properties, and how long they are.
func load(name, props any, n int) func(*player) uint64 {
	return func(p *player) uint64 {
		list := []any{bad, 0}
		for i, a := range []any{name, props} {
			if a != nil {
				list[i] = a
			}
		}
		return p.mem.put(longs(p.arg(list[0]), 0, p.arg(list[1]), uint64(n)))
	}
}

// into is an iovec of so many bytes.
func into(n uint64) func(*player) uint64 {
	return func(p *player) uint64 { return p.mem.put(longs(p.arg(room(8)), n)) }
}

// modules expects that many bytes to be there for MODCTL_STAT, and these in its room.
func modules(n uint64, room string) func(r *result) string {
	return func(r *result) string {
		iov := r.mem(1, 16)
		if b := r.p.at8(r.args[1], len(room)); le.Uint64(iov[8:]) != n || string(b) != room {
			return fmt.Sprintf("%d bytes, %q", le.Uint64(iov[8:]), b)
		}
		return ""
	}
}

// What administers a computer is refused as NetBSD refuses it to who has no right, and errors
// that it finds before that come first (vfs_syscalls.c, uvm_swap.c, sys_module.c,
// kern_ntptime.c).
func TestAdministration(t *testing.T) {
	stages(t, map[string][]row{
		"mounts": {
			{"do_sys_mount: ENOENT comes before the type", netbsd.SYS___mount50, args{bad, "/missing", 0, 0, 0}, netbsd.ENOENT, nil, nil},
			{"do_sys_mount: EFAULT of the path", netbsd.SYS___mount50, args{"tmpfs", bad, 0, 0, 0}, netbsd.EFAULT, nil, nil},
			{"mount_get_vfsops: ENODEV for a type whose name is nowhere", netbsd.SYS___mount50, args{bad, "/", 0, 0, 0}, netbsd.ENODEV, nil, nil},
			{"mount_get_vfsops: ENODEV for a name that is too long", netbsd.SYS___mount50, args{"a type whose name is longer than 31 bytes", "/", 0, 0, 0}, netbsd.ENODEV, nil, nil},
			{"mount_get_vfsops: ENODEV for no type", netbsd.SYS___mount50, args{"nofs", "/", 0, 0, 0}, netbsd.ENODEV, nil, nil},
			{"do_sys_mount: EFAULT of the data", netbsd.SYS___mount50, args{"tmpfs", "/", 0, bad, 8}, netbsd.EFAULT, nil, nil},
			{"do_sys_mount: EINVAL for too much data", netbsd.SYS___mount50, args{"tmpfs", "/", 0, bad, 8193}, netbsd.EINVAL, nil, nil},
			{"do_sys_mount: EINVAL to ask for data without room", netbsd.SYS___mount50, args{0, "/", netbsd.MNT_GETARGS, 0, 0}, netbsd.EINVAL, nil, nil},
			{"mount_update: EINVAL for what is no root, whatever the type", netbsd.SYS___mount50, args{0, "/dev/null", netbsd.MNT_UPDATE, 0, 0}, netbsd.EINVAL, nil, nil},
			{"mount_update: EPERM", netbsd.SYS___mount50, args{0, "/", netbsd.MNT_UPDATE, 0, 0}, netbsd.EPERM, nil, nil},
			{"compat_40: EFAULT of the data, which has the length of its type", netbsd.SYS_compat_40_mount, args{"nfs", "/", 0, bad}, netbsd.EFAULT, nil, nil},
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
			{"undelete(2): EFAULT", netbsd.SYS_undelete, args{bad}, netbsd.EFAULT, nil, nil},
			{"undelete(2): ENOENT", netbsd.SYS_undelete, args{"/missing"}, netbsd.ENOENT, nil, nil},
			{"sys_undelete: EEXIST", netbsd.SYS_undelete, args{"/"}, netbsd.EEXIST, nil, nil},
			{"sys_lfs_bmapv: EFAULT", netbsd.SYS_lfs_bmapv, args{bad, 0, 0}, netbsd.EFAULT, nil, nil},
			{"sys_lfs_bmapv: ENOENT", netbsd.SYS_lfs_bmapv, args{room(8), 0, 0}, netbsd.ENOENT, nil, nil},
			{"sys_lfs_markv: EFAULT", netbsd.SYS_lfs_markv, args{bad, 0, 0}, netbsd.EFAULT, nil, nil},
			{"sys_lfs_markv: ENOENT", netbsd.SYS_lfs_markv, args{room(8), 0, 0}, netbsd.ENOENT, nil, nil},
			{"sys_lfs_segclean: EPERM comes first", netbsd.SYS_lfs_segclean, args{bad, 0}, netbsd.EPERM, nil, nil},
			{"sys___lfs_segwait50: EPERM comes first", netbsd.SYS___lfs_segwait50, args{bad, 0}, netbsd.EPERM, nil, nil},
		},
		"swap": {
			{"SWAP_NSWAP", netbsd.SYS_swapctl, args{netbsd.SWAP_NSWAP, 0, 0}, 0, 0, nil},
			{"SWAP_STATS", netbsd.SYS_swapctl, args{netbsd.SWAP_STATS, bad, 1}, 0, 0, nil},
			{"EINVAL", netbsd.SYS_swapctl, args{netbsd.SWAP_STATS, 0, -1}, netbsd.EINVAL, nil, nil},
			{"EPERM", netbsd.SYS_swapctl, args{netbsd.SWAP_ON, "/dev/x", 0}, netbsd.EPERM, nil, nil},
			{"EPERM", netbsd.SYS_swapctl, args{netbsd.SWAP_OFF, "/dev/x", 0}, netbsd.EPERM, nil, nil},
			{"SWAP_GETDUMPDEV: NODEV", netbsd.SYS_swapctl, args{netbsd.SWAP_GETDUMPDEV, room(8), 0}, 0, out{1, longs(1<<64 - 1)}, nil},
			{"SWAP_GETDUMPDEV: EFAULT", netbsd.SYS_swapctl, args{netbsd.SWAP_GETDUMPDEV, bad, 0}, netbsd.EFAULT, nil, nil},
			{"compat_12_sys_swapon", netbsd.SYS_compat_12_swapon, args{"/dev/x"}, netbsd.EPERM, nil, nil},
		},
		"modules": {
			{"EFAULT", netbsd.SYS_modctl, args{netbsd.MODCTL_LOAD, bad}, netbsd.EFAULT, nil, nil},
			{"EPERM", netbsd.SYS_modctl, args{netbsd.MODCTL_LOAD, load("puffs", nil, 0)}, netbsd.EPERM, nil, nil},
			{"EPERM with properties", netbsd.SYS_modctl, args{netbsd.MODCTL_LOAD, load("puffs", "<plist/>", 9)}, netbsd.EPERM, nil, nil},
			{"handle_modctl_load: EINVAL for properties without a length", netbsd.SYS_modctl, args{netbsd.MODCTL_LOAD, load(nil, "x", 0)}, netbsd.EINVAL, nil, nil},
			{"handle_modctl_load: EINVAL for a length without properties", netbsd.SYS_modctl, args{netbsd.MODCTL_LOAD, load(nil, nil, 1)}, netbsd.EINVAL, nil, nil},
			{"handle_modctl_load: EFAULT for the name", netbsd.SYS_modctl, args{netbsd.MODCTL_LOAD, load(nil, "x", 9000)}, netbsd.EFAULT, nil, nil},
			{"handle_modctl_load: ENOMEM for more than MAXPROPSLEN", netbsd.SYS_modctl, args{netbsd.MODCTL_LOAD, load("puffs", "x", 4097)}, netbsd.ENOMEM, nil, nil},
			{"handle_modctl_load: EFAULT for the properties", netbsd.SYS_modctl, args{netbsd.MODCTL_LOAD, load("puffs", bad, 9)}, netbsd.EFAULT, nil, nil},
			{"handle_modctl_load: ENAMETOOLONG for longer properties than said", netbsd.SYS_modctl, args{netbsd.MODCTL_LOAD, load("puffs", "<plist/>", 3)}, netbsd.ENAMETOOLONG, nil, nil},
			{"ENAMETOOLONG for MAXMODNAME", netbsd.SYS_modctl, args{netbsd.MODCTL_UNLOAD, strings.Repeat("x", 32)}, netbsd.ENAMETOOLONG, nil, nil},
			{"EFAULT", netbsd.SYS_modctl, args{netbsd.MODCTL_UNLOAD, bad}, netbsd.EFAULT, nil, nil},
			{"EPERM", netbsd.SYS_modctl, args{netbsd.MODCTL_UNLOAD, "puffs"}, netbsd.EPERM, nil, nil},
			{"EPERM", netbsd.SYS_modctl, args{netbsd.MODCTL_EXISTS, 1}, netbsd.EPERM, nil, nil},
			{"EINVAL", netbsd.SYS_modctl, args{netbsd.MODCTL_EXISTS, 2}, netbsd.EINVAL, nil, nil},
			{"EINVAL", netbsd.SYS_modctl, args{9, 0}, netbsd.EINVAL, nil, nil},
			{"EFAULT", netbsd.SYS_modctl, args{netbsd.MODCTL_STAT, bad}, netbsd.EFAULT, nil, nil},
			{"handle_modctl_stat: no modules, and the end of what they require", netbsd.SYS_modctl, args{netbsd.MODCTL_STAT, into(8)}, 0, modules(5, "\x00\x00\x00\x00\x00\xa5\xa5\xa5"), nil},
			{"handle_modctl_stat: as much as there is room for", netbsd.SYS_modctl, args{netbsd.MODCTL_STAT, into(2)}, 0, modules(5, "\x00\x00\xa5\xa5"), nil},
			{"handle_modctl_stat: no room", netbsd.SYS_modctl, args{netbsd.MODCTL_STAT, into(0)}, 0, modules(5, "\xa5\xa5"), nil},
			{"compat_80_modstat: no modules", netbsd.SYS_modctl, args{netbsd.MODCTL_OSTAT, into(8)}, 0, modules(0, "\xa5\xa5"), nil},
			{"setuid(2)", netbsd.SYS_setuid, args{100}, 0, nil, nil},
			{"handle_modctl_stat: EPERM without room for who is to see no kernel addresses", netbsd.SYS_modctl, args{netbsd.MODCTL_STAT, into(0)}, netbsd.EPERM, nil, nil},
			{"handle_modctl_stat: but not with room", netbsd.SYS_modctl, args{netbsd.MODCTL_STAT, into(8)}, 0, modules(5, "\x00\x00"), nil},
		},
		"time": {
			{"EFAULT", netbsd.SYS___ntp_gettime50, args{bad}, netbsd.EFAULT, nil, nil},
			{"TIME_ERROR", netbsd.SYS___ntp_gettime50, args{room(48)}, 0, func(r *result) string {
				b := r.mem(0, 48)
				if d := time.Since(time.Unix(int64(le.Uint64(b)), int64(le.Uint64(b[8:])))); r.ret[0] != 5 || d < 0 || d > patience || le.Uint64(b[16:]) != 500000 || le.Uint64(b[24:]) != 500000 || le.Uint32(b[40:]) != 0 {
					return fmt.Sprintf("returned %d, %x", r.ret[0], b)
				}
				return ""
			}, nil},
			{"sys___ntp_gettime50: TIME_ERROR alone", netbsd.SYS___ntp_gettime50, args{0}, 0, 5, nil},
			{"EFAULT", netbsd.SYS_ntp_adjtime, args{bad}, netbsd.EFAULT, nil, nil},
			{"EPERM", netbsd.SYS_ntp_adjtime, args{append(words(1), make([]byte, 132)...)}, netbsd.EPERM, nil, nil},
			{"STA_UNSYNC", netbsd.SYS_ntp_adjtime, args{make([]byte, 136)}, 0, func(r *result) string {
				if b := r.mem(0, 136); r.ret[0] != 5 || le.Uint32(b[40:]) != 0x40 || le.Uint64(b[56:]) != 0 || le.Uint64(b[64:]) != 500000*65 {
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

// Calls whose function does no more than fail, or nothing: uvm_mmap.c, uvm_unix.c, vfs_syscalls_43.c, vfs_syscalls_50.c, and
// sys_nosys with its signal for modules that there are not.
func TestGoneCalls(t *testing.T) {
	sigsys := func(n int) func(r *result) string { return caught(slices.Repeat([]netbsd.Signal{netbsd.SIGSYS}, n)...) }
	stages(t, map[string][]row{"gone": {
		{"sigaction(2)", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGSYS, action(netbsd.Sigaction{Handler: 0x401000, Flags: netbsd.SA_NODEFER}), 0, 0x402000, 2}, 0, nil, nil},
		{"sys_ovadvise: EINVAL", netbsd.SYS_vadvise, args{0}, netbsd.EINVAL, sigsys(0), nil},
		{"compat_43_sys_quota: ENOSYS alone", netbsd.SYS_compat_43_quota, args{}, netbsd.ENOSYS, sigsys(0), nil},
		{"compat_50_sys_lfs_segwait: ENOSYS alone", netbsd.SYS_compat_50_lfs_segwait, args{0, 0}, netbsd.ENOSYS, sigsys(0), nil},
		{"syscalls.master: IGNORED", netbsd.SYS_old_posix_fadvise, args{}, 0, 0, nil},
		{"sys_nomodule: ENOSYS and SIGSYS without openafs", netbsd.SYS_afssys, args{0, 0}, netbsd.ENOSYS, sigsys(1), nil},
		{"kern_sa_60.c: sys_nosys", netbsd.SYS_compat_60_sa_register, args{0, 0, 0, 0}, netbsd.ENOSYS, sigsys(2), nil},
		{"kern_sa_60.c: sys_nosys", netbsd.SYS_compat_60_sa_stacks, args{0, 0}, netbsd.ENOSYS, sigsys(3), nil},
		{"kern_sa_60.c: sys_nosys", netbsd.SYS_compat_60_sa_enable, args{}, netbsd.ENOSYS, sigsys(4), nil},
		{"kern_sa_60.c: sys_nosys", netbsd.SYS_compat_60_sa_setconcurrency, args{1}, netbsd.ENOSYS, sigsys(5), nil},
		{"kern_sa_60.c: sys_nosys", netbsd.SYS_compat_60_sa_yield, args{}, netbsd.ENOSYS, sigsys(6), nil},
		{"kern_sa_60.c: sys_nosys", netbsd.SYS_compat_60_sa_preempt, args{1}, netbsd.ENOSYS, sigsys(7), nil},
		{"syscalls.master: OBSOL", netbsd.SYS_sstk, args{0}, netbsd.ENOSYS, sigsys(8), nil},
		{"syscalls.master: OBSOL", netbsd.SYS_sbrk, args{0}, netbsd.ENOSYS, sigsys(9), nil},
	}})
}

// sysarch(2) of amd64 (sys_machdep.c), without the right to IOPL, MTRRs, and what amd64 does not have.
func TestSysarch(t *testing.T) {
	stages(t, map[string][]row{"sysarch": {
		{"x86_iopl: EPERM comes first", netbsd.SYS_sysarch, args{netbsd.X86_IOPL, bad}, netbsd.EPERM, nil, nil},
		{"sys_sysarch: EINVAL for LDTs, which netbsd32_sysarch has", netbsd.SYS_sysarch, args{netbsd.X86_GET_LDT, bad}, netbsd.EINVAL, nil, nil},
		{"x86_get_ioperm: EINVAL on amd64", netbsd.SYS_sysarch, args{netbsd.X86_GET_IOPERM, bad}, netbsd.EINVAL, nil, nil},
		{"x86_get_mtrr: ENOSYS without any", netbsd.SYS_sysarch, args{netbsd.X86_GET_MTRR, bad}, netbsd.ENOSYS, nil, nil},
		{"x86_set_mtrr: ENOSYS without any", netbsd.SYS_sysarch, args{netbsd.X86_SET_MTRR, bad}, netbsd.ENOSYS, nil, nil},
		{"sys_sysarch: EINVAL without PERFCTRS", netbsd.SYS_sysarch, args{netbsd.X86_PMC_INFO, bad}, netbsd.EINVAL, nil, nil},
		{"sys_sysarch: EINVAL for no operation", netbsd.SYS_sysarch, args{99, bad}, netbsd.EINVAL, nil, nil},
	}})
}

// Access control lists of file systems that are not mounted with any (vfs_acl.c): EOPNOTSUPP behind the look-up, and behind
// the list where one is given.
func TestACLs(t *testing.T) {
	const access, oldAccess = 2, 0
	list := append(words(254), make([]byte, 4084)...)
	ofName := func(of map[string]int) []row {
		get, set, del, check := of["get"], of["set"], of["delete"], of["check"]
		const missing = netbsd.ENOENT
		return []row{
			{"get: ENOENT", get, args{"/missing", access, bad}, missing, nil, nil},
			{"get: EFAULT", get, args{bad, access, bad}, netbsd.EFAULT, nil, nil},
			{"VOP_GETACL: EOPNOTSUPP", get, args{"/", access, bad}, netbsd.EOPNOTSUPP, nil, nil},
			{"set: ENOENT", set, args{"/missing", access, bad}, missing, nil, nil},
			{"acl_copyin: EFAULT", set, args{"/", access, bad}, netbsd.EFAULT, nil, nil},
			{"acl_copyin: EINVAL", set, args{"/", access, make([]byte, 4088)}, netbsd.EINVAL, nil, nil},
			{"VOP_SETACL: EOPNOTSUPP", set, args{"/", access, list}, netbsd.EOPNOTSUPP, nil, nil},
			{"VOP_SETACL: EOPNOTSUPP in the old form", set, args{"/", oldAccess, make([]byte, 388)}, netbsd.EOPNOTSUPP, nil, nil},
			{"delete: ENOENT", del, args{"/missing", access}, missing, nil, nil},
			{"VOP_SETACL: EOPNOTSUPP", del, args{"/", access}, netbsd.EOPNOTSUPP, nil, nil},
			{"check: ENOENT", check, args{"/missing", access, list}, missing, nil, nil},
			{"acl_copyin: EFAULT", check, args{"/", access, bad}, netbsd.EFAULT, nil, nil},
			{"VOP_ACLCHECK: EOPNOTSUPP", check, args{"/", access, list}, netbsd.EOPNOTSUPP, nil, nil},
		}
	}
	stages(t, map[string][]row{
		"file": ofName(map[string]int{"get": netbsd.SYS___acl_get_file, "set": netbsd.SYS___acl_set_file, "delete": netbsd.SYS___acl_delete_file, "check": netbsd.SYS___acl_aclcheck_file}),
		"link": ofName(map[string]int{"get": netbsd.SYS___acl_get_link, "set": netbsd.SYS___acl_set_link, "delete": netbsd.SYS___acl_delete_link, "check": netbsd.SYS___acl_aclcheck_link}),
		"fd": {
			{"open(2)", netbsd.SYS_open, args{"/", 0, 0}, 0, 0, nil},
			{"pipe2(2)", netbsd.SYS_pipe2, args{room(8), 0}, 0, nil, nil},
			{"EBADF", netbsd.SYS___acl_get_fd, args{9, access, bad}, netbsd.EBADF, nil, nil},
			{"fd_getvnode: EINVAL for a pipe", netbsd.SYS___acl_get_fd, args{1, access, bad}, netbsd.EINVAL, nil, nil},
			{"EOPNOTSUPP", netbsd.SYS___acl_get_fd, args{0, access, bad}, netbsd.EOPNOTSUPP, nil, nil},
			{"acl_copyin: EFAULT", netbsd.SYS___acl_set_fd, args{0, access, bad}, netbsd.EFAULT, nil, nil},
			{"EOPNOTSUPP", netbsd.SYS___acl_set_fd, args{0, access, list}, netbsd.EOPNOTSUPP, nil, nil},
			{"EBADF", netbsd.SYS___acl_delete_fd, args{9, access}, netbsd.EBADF, nil, nil},
			{"EOPNOTSUPP", netbsd.SYS___acl_delete_fd, args{0, access}, netbsd.EOPNOTSUPP, nil, nil},
			{"acl_copyin: EFAULT", netbsd.SYS___acl_aclcheck_fd, args{0, access, bad}, netbsd.EFAULT, nil, nil},
			{"EOPNOTSUPP", netbsd.SYS___acl_aclcheck_fd, args{0, access, list}, netbsd.EOPNOTSUPP, nil, nil},
		},
	})
}
