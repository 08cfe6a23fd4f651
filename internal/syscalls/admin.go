package syscalls

import (
	"slices"
	"time"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// This file serves what administers a computer: here it is the host's administrator who does
// that, so that a guest gets NetBSD's answer to a program without the right, its superuser
// included. Errors that come before the question of rights come first here, too.

// reachable says whether there is a file of that name: EFAULT, ENAMETOOLONG, and those of a
// look-up.
func (c *Call) reachable(arg int) netbsd.Errno {
	_, errno := c.lookup(arg, true)
	return errno
}

// lookup is what there is of the name that is an argument.
func (c *Call) lookup(arg int, follow bool) (file.Stat, netbsd.Errno) {
	name, errno := c.path(arg)
	if errno != 0 {
		return file.Stat{}, errno
	}
	return View(c.L).Stat(netbsd.AT_FDCWD, name, follow)
}

// refused is EPERM, as kauth_authorize_system returns it.
func refused(*Call) netbsd.Errno { return netbsd.EPERM }

// maxFstype is _VFS_NAMELEN, the longest name of a type of file systems, with its NUL, and maxMountData
// VFS_MAX_MOUNT_DATA.
const (
	maxFstype    = 32
	maxMountData = 8192
)

// fstypes are the types of file systems that GENERIC has or loads a module for.
var fstypes = []string{
	"adosfs", "autofs", "cd9660", "chfs", "coda", "efs", "ext2fs", "fdesc", "ffs", "filecore", "hfs", "kernfs", "lfs", "mfs",
	"msdos", "nfs", "nilfs", "ntfs", "null", "overlay", "procfs", "ptyfs", "puffs", "smbfs", "sysvbfs", "tmpfs", "udf", "ufs",
	"umap", "union", "v7fs", "zfs",
}

// mount is __mount50(const char *type, const char *path, int flags, void *data, size_t data_len), in the order of
// do_sys_mount: EFAULT, ENAMETOOLONG, ENOENT and its like of the path; ENODEV: no such type, whatever is wrong with
// its name; EINVAL: no data, or too much of it, or no root of a file system with MNT_UPDATE and
// MNT_GETARGS; EFAULT of the data; EPERM.
func mount(c *Call) netbsd.Errno {
	st, errno := c.lookup(1, true)
	if errno != 0 {
		return errno
	}
	flags := c.Uint32(2)
	mounted := flags&(netbsd.MNT_GETARGS|netbsd.MNT_UPDATE) != 0
	if name, errno := c.Space.ReadString(c.Ptr(0), maxFstype); !mounted && (errno != 0 || !slices.Contains(fstypes, name)) {
		return netbsd.ENODEV
	}
	if errno := c.mountData(flags); errno != 0 {
		return errno
	}
	if root, errno := View(c.L).Stat(netbsd.AT_FDCWD, "/", true); mounted && (errno != 0 || root.Ino != st.Ino || root.Dev != st.Dev) {
		return netbsd.EINVAL
	}
	return netbsd.EPERM
}

// mountData looks at the data that the type of file system takes; without a length it is the type's (compat_40).
func (c *Call) mountData(flags uint32) netbsd.Errno {
	length := c.Ptr(4)
	if c.Nr != netbsd.SYS___mount50 {
		length = netbsd.SizeofPtr
	}
	if c.Ptr(3) == 0 {
		if flags&netbsd.MNT_GETARGS != 0 && length == 0 {
			return netbsd.EINVAL
		}
		return 0
	}
	if length == 0 {
		length = netbsd.SizeofPtr
	}
	if length > maxMountData {
		return netbsd.EINVAL
	}
	return c.Space.Read(c.Ptr(3), make([]byte, length))
}

// unmount is unmount(const char *path, int flags). EFAULT, ENAMETOOLONG, ENOENT and its like. EPERM; EINVAL for the
// superuser: nothing is mounted there that a guest has mounted. A link is not followed.
func unmount(c *Call) netbsd.Errno {
	if _, errno := c.lookup(0, false); errno != 0 {
		return errno
	}
	if c.L.Proc().Cred().IsRoot() {
		return netbsd.EINVAL
	}
	return netbsd.EPERM
}

// undelete is undelete(const char *path), which takes a whiteout away. ENOENT: there is none, as no file system here
// has any. EACCES: the directory cannot be written to. EEXIST: there is a file.
func undelete(c *Call) netbsd.Errno {
	if _, errno := c.lookup(0, false); errno != 0 {
		return errno
	}
	return c.onPath(0, func(name string) netbsd.Errno {
		if errno := View(c.L).Access(netbsd.AT_FDCWD, parentOf(name), netbsd.W_OK, netbsd.AT_EACCESS); errno != 0 {
			return errno
		}
		return netbsd.EEXIST
	})
}

// lfsBmapv is lfs_bmapv(fsid_t *fsidp, BLOCK_INFO *blkiov, int blkcnt), and lfs_markv. EFAULT. ENOENT: no file system
// has the id (sys_lfs_bmapv; what is no LFS is none here).
func lfsBmapv(c *Call) netbsd.Errno {
	if _, errno := c.in(c.Ptr(0), 8); errno != 0 {
		return errno
	}
	return netbsd.ENOENT
}

// vadvise is vadvise(int anom): EINVAL for everything (sys_ovadvise).
func vadvise(*Call) netbsd.Errno { return netbsd.EINVAL }

// quotactl is __quotactl(const char *path, struct quotactl_args *args). EFAULT, ENOENT and its
// like. EOPNOTSUPP: the file system has no quotas (vfs_quotactl).
func quotactl(c *Call) netbsd.Errno {
	if _, errno := c.in(c.Ptr(1), 8); errno != 0 {
		return errno
	}
	return c.quotactl50()
}

// quotactl50 is quotactl(const char *path, int cmd, int uid, void *arg) of before NetBSD 6.
func quotactl50(c *Call) netbsd.Errno { return c.quotactl50() }

func (c *Call) quotactl50() netbsd.Errno {
	if errno := c.reachable(0); errno != 0 {
		return errno
	}
	return netbsd.EOPNOTSUPP
}

// swapctl is swapctl(int cmd, void *arg, int misc). There is no swap device: SWAP_NSWAP and the
// statistics are 0, and the device for dumps is NODEV. EINVAL: a negative count. EPERM: anything else.
func swapctl(c *Call) netbsd.Errno {
	switch c.Int(0) {
	case netbsd.SWAP_NSWAP:
		return 0
	case netbsd.SWAP_STATS, netbsd.SWAP_STATS50, netbsd.SWAP_STATS13:
		if c.Int(2) < 0 {
			return netbsd.EINVAL
		}
		return 0
	case netbsd.SWAP_GETDUMPDEV:
		b := c.out(netbsd.SizeofLong)
		putLE64(b, 1<<64-1)
		return c.copyout(c.Ptr(1), b)
	}
	return netbsd.EPERM
}

// modctl is modctl(int cmd, void *arg). EFAULT, ENAMETOOLONG; EINVAL: another command. EPERM: no
// module can be loaded or unloaded. MODCTL_STAT says that there are none.
func modctl(c *Call) netbsd.Errno {
	switch c.Int(0) {
	case netbsd.MODCTL_LOAD:
		if errno := c.modctlLoad(); errno != 0 {
			return errno
		}
	case netbsd.MODCTL_UNLOAD:
		if _, errno := c.Space.ReadString(c.Ptr(1), maxFstype); errno != 0 {
			return errno
		}
	case netbsd.MODCTL_STAT:
		return c.modctlStat()
	case netbsd.MODCTL_OSTAT:
		return c.modctlOstat()
	case netbsd.MODCTL_EXISTS:
		if c.Ptr(1) > 1 {
			return netbsd.EINVAL
		}
	default:
		return netbsd.EINVAL
	}
	return netbsd.EPERM
}

// maxModuleProps is MAXPROPSLEN, how long the properties of a module may be.
const maxModuleProps = 4096

// modctlLoad looks at a modctl_load_t as handle_modctl_load does before anybody asks for rights: the name at 0, the properties at 16, their
// length at 24. What the properties say is not looked at. EINVAL: properties without a length, or the other way round. ENOMEM: too many.
func (c *Call) modctlLoad() netbsd.Errno {
	b, errno := c.in(c.Ptr(1), 32)
	if errno != 0 {
		return errno
	}
	name, props, length := le64(b), le64(b[16:]), le64(b[24:])
	if (props == 0) != (length == 0) {
		return netbsd.EINVAL
	}
	if _, errno := c.Space.ReadString(name, netbsd.PATH_MAX); errno != 0 || props == 0 {
		return errno
	}
	if length > maxModuleProps {
		return netbsd.ENOMEM
	}
	_, errno = c.Space.ReadString(props, int(length)+1)
	return errno
}

// modctlStat serves a struct iovec: where the number of modules goes, the list of them, and the strings of what they require, which begin with an empty
// one; and how much room there is. All of that is the length told. Without room EPERM is left, which keeps the kernel's
// addresses from who is not the superuser (handle_modctl_stat).
func (c *Call) modctlStat() netbsd.Errno {
	const all = netbsd.SizeofInt + 1
	b, errno := c.in(c.Ptr(1), netbsd.SizeofIovec)
	if errno != 0 {
		return errno
	}
	base, room := le64(b), le64(b[8:])
	if room == 0 && !c.cred().IsRoot() {
		return netbsd.EPERM
	}
	return c.modctlOut(base, room, all)
}

// modctlOstat is compat_80_modstat: a list alone.
func (c *Call) modctlOstat() netbsd.Errno {
	b, errno := c.in(c.Ptr(1), netbsd.SizeofIovec)
	if errno != 0 {
		return errno
	}
	return c.modctlOut(le64(b), le64(b[8:]), 0)
}

// modctlOut stores what there is room for of that many zeroes, and their number as the iovec's length.
func (c *Call) modctlOut(base, room, all uint64) netbsd.Errno {
	if n := min(room, all); n > 0 {
		if errno := c.copyout(base, c.out(int(n))); errno != 0 {
			return errno
		}
	}
	b := c.out(8)
	putLE64(b, all)
	return c.copyout(c.Ptr(1)+8, b)
}

// Values of the clock's discipline while nobody disciplines it (kern_ntptime.c).
const (
	ntpUnsync   = 0x40   // STA_UNSYNC
	ntpError    = 5      // TIME_ERROR
	ntpMaxError = 500000 // µs: MAXPHASE / 1000

	ntpTolerance = 500000 * (65536 / 1000) // MAXFREQ * SCALE_PPM
)

// ntpGettime is __ntp_gettime50(struct ntptimeval *ntvp): the time, and that nobody vouches for
// it. It returns TIME_ERROR; time_state is the one without leap seconds, TIME_OK. EFAULT; a null pointer asks for TIME_ERROR alone. struct ntptimeval is
//
//	time 0, maxerror 16, esterror 24, tai 32, time_state 40
func ntpGettime(c *Call) netbsd.Errno {
	b := c.out(48)
	ntpTime(b)
	if errno := c.copyoutOptional(c.Ptr(0), b); errno != 0 {
		return errno
	}
	return c.ok(ntpError)
}

func ntpTime(b []byte) {
	netbsd.TimespecAt(time.Now()).Encode(b)
	putLE32(b[16:], ntpMaxError)
	putLE32(b[24:], ntpMaxError)
}

// ntpAdjtime is ntp_adjtime(struct timex *tp). EFAULT. EPERM: to change something. It returns
// TIME_ERROR. struct timex is
//
//	modes 0, offset 8, freq 16, maxerror 24, esterror 32, status 40, constant 48, precision 56,
//	tolerance 64, what a clock of pulses says 72 to 136
func ntpAdjtime(c *Call) netbsd.Errno {
	b, errno := c.in(c.Ptr(0), 136)
	if errno != 0 {
		return errno
	}
	if le32(b) != 0 {
		return netbsd.EPERM
	}
	b = c.out(136)
	putLE32(b[24:], ntpMaxError)
	putLE32(b[32:], ntpMaxError)
	putLE32(b[40:], ntpUnsync)
	putLE32(b[64:], ntpTolerance) // and the precision, of 1 ns, is 0 µs
	if errno := c.copyout(c.Ptr(0), b); errno != 0 {
		return errno
	}
	return c.ok(ntpError)
}

// rasctl is rasctl(void *addr, size_t len, int op). EINVAL: no length, an address of the kernel's,
// too many, or another operation. EEXIST: an overlap. ESRCH. A sequence begins again where a signal, a stop or an exit
// interrupts it. EOPNOTSUPP: with one processor programs would rely on it that a sequence begins again which another LWP
// has interrupted, and the host does not tell of that; with more of them they know better, as another processor may be
// in the same sequence. amd64 has sequences and never says so; the manual has it, and pthread__lockprim_init goes on without.
func rasctl(c *Call) netbsd.Errno {
	if onlineCPUs(c) == 1 {
		return netbsd.EOPNOTSUPP
	}
	if op := c.Int(2); op == netbsd.RAS_INSTALL && c.Ptr(0)+c.Ptr(1) > netbsd.StackTop {
		return netbsd.EINVAL
	}
	return c.L.Proc().RasControl(kern.RAS{Addr: c.Ptr(0), Len: c.Ptr(1)}, c.Int(2))
}
