package syscalls

import (
	"testing"

	"toaster/netbsd"
)

// TestIoctlOfKinds: what files say to requests, by their kind: vn_ioctl, pipe_ioctl, soo_ioctl and what pr_ioctl adds, kqueue_ioctl,
// eventfd_ioctl, timerfd_fop_ioctl, mm_ioctl, random's, fbadop_ioctl. EPASSTHROUGH is ENOTTY (sys_ioctl).
func TestIoctlOfKinds(t *testing.T) {
	const none, all = netbsd.ENOTTY, netbsd.EOPNOTSUPP
	type answers struct {
		nonblock, async, noAsync, read, write, space, owner, pgrp, termios netbsd.Errno
	}
	tty := func(async netbsd.Errno, counts ...netbsd.Errno) answers {
		return answers{async: async, noAsync: async, read: counts[0], write: counts[1], space: counts[2], owner: none, pgrp: none, termios: none}
	}
	signalling := func(termios netbsd.Errno) answers { return answers{termios: termios} }
	refuses := func(e netbsd.Errno) answers { return answers{e, e, e, e, e, e, e, e, e} }
	memory := answers{async: all, read: all, write: all, space: all, owner: none, pgrp: none, termios: none}
	for name, c := range map[string]struct {
		nr   int
		args args
		want answers
	}{
		"a regular file":  {netbsd.SYS_open, args{"f", netbsd.O_RDWR | netbsd.O_CREAT, 0o644}, tty(0, 0, 0, 0)},
		"a directory":     {netbsd.SYS_open, args{"/", 0, 0}, tty(0, 0, 0, 0)},
		"null":            {netbsd.SYS_open, args{"/dev/null", netbsd.O_RDWR, 0}, memory},
		"zero":            {netbsd.SYS_open, args{"/dev/zero", netbsd.O_RDWR, 0}, memory},
		"full":            {netbsd.SYS_open, args{"/dev/full", netbsd.O_RDWR, 0}, memory},
		"random":          {netbsd.SYS_open, args{"/dev/random", 0, 0}, tty(0, none, none, none)},
		"urandom":         {netbsd.SYS_open, args{"/dev/urandom", 0, 0}, tty(0, none, none, none)},
		"a pipe":          {netbsd.SYS_pipe2, args{room(8), 0}, signalling(none)},
		"a local socket":  {netbsd.SYS_socketpair, args{netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0, room(8)}, signalling(all)},
		"a kqueue":        {netbsd.SYS_kqueue, nil, refuses(none)},
		"an eventfd":      {netbsd.SYS_eventfd, args{0, 0}, tty(none, 0, 0, none)},
		"a timerfd":       {netbsd.SYS_timerfd_create, args{0, 0}, tty(none, 0, none, none)},
		"a memfd":         {netbsd.SYS_memfd_create, args{"m", 0}, refuses(netbsd.EINVAL)},
		"a message queue": {netbsd.SYS_mq_open, args{"/q", netbsd.O_RDWR | netbsd.O_CREAT, 0o600, 0}, refuses(all)},
	} {
		ask := func(what string, cmd uint32, arg any, errno netbsd.Errno) row {
			return row{what, netbsd.SYS_ioctl, args{0, uint64(cmd), arg}, errno, nil, nil}
		}
		t.Run(name, func(t *testing.T) {
			fileStages(t, map[string][]row{"ioctl(2)": {
				{"open it", c.nr, c.args, 0, nil, nil},
				ask("FIONBIO", netbsd.FIONBIO, words(1), c.want.nonblock),
				ask("FIOASYNC", netbsd.FIOASYNC, words(1), c.want.async),
				ask("FIOASYNC off", netbsd.FIOASYNC, words(0), c.want.noAsync),
				ask("FIONREAD", netbsd.FIONREAD, room(4), c.want.read),
				ask("FIONWRITE", netbsd.FIONWRITE, room(4), c.want.write),
				ask("FIONSPACE", netbsd.FIONSPACE, room(4), c.want.space),
				ask("FIOGETOWN", netbsd.FIOGETOWN, room(4), c.want.owner),
				ask("FIOSETOWN", netbsd.FIOSETOWN, words(0), c.want.owner),
				ask("TIOCGPGRP", netbsd.TIOCGPGRP, room(4), c.want.pgrp),
				ask("TIOCGETA", netbsd.TIOCGETA, room(44), c.want.termios),
			}})
		})
	}
	fileStages(t, map[string][]row{"entropy_ioctl": {
		{"open(2)", netbsd.SYS_open, args{"/dev/urandom", 0, 0}, 0, 0, nil},
		{"RNDGETENTCNT", netbsd.SYS_ioctl, args{0, netbsd.RNDGETENTCNT, room(4)}, 0, out{2, words(256)}, nil},
		{"RNDGETPOOLSTAT", netbsd.SYS_ioctl, args{0, netbsd.RNDGETPOOLSTAT, room(32)}, 0, out{2, words(50, 32, 256, 0, 256, 0, 0, 0)}, nil},
		{"RNDGETSRCNUM, too many", netbsd.SYS_ioctl, args{0, netbsd.RNDGETSRCNUM, words(append([]uint32{0, 11}, make([]uint32, 70)...)...)}, netbsd.EINVAL, nil, nil},
		{"RNDGETSRCNUM: those there are", netbsd.SYS_ioctl, args{0, netbsd.RNDGETSRCNUM, words(append([]uint32{1, 10}, make([]uint32, 70)...)...)}, 0,
			out{2, append(words(1, 2), append(hostSource(), source("seed", 0, 0, 0x2000)...)...)}, nil},
		{"RNDGETESTNAME", netbsd.SYS_ioctl, args{0, netbsd.RNDGETESTNAME, append([]byte("host"), make([]byte, 56)...)}, 0,
			out{2, append([]byte("host"), append(make([]byte, 12), append(hostSource(), make([]byte, 16)...)...)...)}, nil},
		{"RNDGETSRCNAME: none", netbsd.SYS_ioctl, args{0, netbsd.RNDGETSRCNAME, append([]byte("hosts"), make([]byte, 39)...)}, netbsd.ENOENT, nil, nil},
		{"NetBSD 5's RNDGETSRCNAME", netbsd.SYS_ioctl, args{0, netbsd.COMPAT_RNDGETSRCNAME, append([]byte("seed"), make([]byte, 60)...)}, 0,
			out{2, append([]byte("seed"), append(make([]byte, 12), append([]byte("seed"), append(make([]byte, 24), words(0, 0, 0x2000)...)...)...)...)}, nil},
		{"RNDCTL", netbsd.SYS_ioctl, args{0, netbsd.RNDCTL, append(make([]byte, 16), words(5, ^uint32(0), ^uint32(0))...)}, 0, nil, nil},
		{"RNDADDDATA, too long", netbsd.SYS_ioctl, args{0, netbsd.RNDADDDATA, append(words(513, 0), make([]byte, 512)...)}, netbsd.EINVAL, nil, nil},
		{"RNDADDDATA", netbsd.SYS_ioctl, args{0, netbsd.RNDADDDATA, append(words(512, 0), make([]byte, 512)...)}, 0, nil, nil},
		{"TIOCGETA", netbsd.SYS_ioctl, args{0, netbsd.TIOCGETA, room(44)}, netbsd.ENOTTY, nil, nil},
		{"setuid(2)", netbsd.SYS_setuid, args{100}, 0, nil, nil},
		{"RNDGETENTCNT, of anybody", netbsd.SYS_ioctl, args{0, netbsd.RNDGETENTCNT, room(4)}, netbsd.EPERM, nil, nil},
		{"RNDADDDATA, of anybody", netbsd.SYS_ioctl, args{0, netbsd.RNDADDDATA, append(words(512, 0), make([]byte, 512)...)}, netbsd.EPERM, nil, nil},
		{"NetBSD 5's RNDGETSRCNUM, of anybody", netbsd.SYS_ioctl, args{0, netbsd.COMPAT_RNDGETSRCNUM, append(words(0, 1), make([]byte, 480)...)}, netbsd.EPERM, nil, nil},
	}, "vn_ioctl of procfs": {
		{"open(2)", netbsd.SYS_open, args{"/proc/curproc/status", 0, 0}, 0, 0, nil},
		{"FIONWRITE", netbsd.SYS_ioctl, args{0, netbsd.FIONWRITE, room(4)}, 0, out{2, words(0)}, nil},
		{"FIOGETBMAP", netbsd.SYS_ioctl, args{0, netbsd.FIOGETBMAP, words(3, 0)}, netbsd.EOPNOTSUPP, nil, nil},
		{"FIOGETBMAP of a directory", netbsd.SYS_open, args{"/proc", 0, 0}, 0, 1, nil},
		{"FIOGETBMAP of a directory", netbsd.SYS_ioctl, args{1, netbsd.FIOGETBMAP, words(3, 0)}, netbsd.EOPNOTSUPP, nil, nil},
	}, "vn_ioctl": {
		{"open(2)", netbsd.SYS_open, args{"f", netbsd.O_RDWR | netbsd.O_CREAT, 0o644}, 0, 0, nil},
		{"write(2)", netbsd.SYS_write, args{0, "four", 4}, 0, 4, nil},
		{"lseek(2)", netbsd.SYS_lseek, args{0, 0, 1, 0}, 0, nil, nil},
		{"FIONREAD: from the position on", netbsd.SYS_ioctl, args{0, netbsd.FIONREAD, room(4)}, 0, out{2, words(3)}, nil},
		{"FIONWRITE: nothing is on its way", netbsd.SYS_ioctl, args{0, netbsd.FIONWRITE, room(4)}, 0, out{2, words(0)}, nil},
		{"sys_ioctl: ENOTTY for more than 32 bits of a request", netbsd.SYS_ioctl, args{0, 1<<32 | uint64(netbsd.FIONREAD), room(4)}, netbsd.ENOTTY, nil, nil},
		{"which is looked at behind its argument", netbsd.SYS_ioctl, args{0, 1<<32 | uint64(netbsd.FIONBIO), bad}, netbsd.EFAULT, nil, nil},
		{"FIONSPACE: nor has it room", netbsd.SYS_ioctl, args{0, netbsd.FIONSPACE, room(4)}, 0, out{2, words(0)}, nil},
		{"FIOGETBMAP: as nfs_bmap has it", netbsd.SYS_ioctl, args{0, netbsd.FIOGETBMAP, words(3, 0)}, 0, out{2, words(24, 0)}, nil},
		{"FIOGETBMAP, before the beginning", netbsd.SYS_ioctl, args{0, netbsd.FIOGETBMAP, words(3, 1<<31)}, netbsd.EINVAL, nil, nil},
		{"FIOGETBMAP of before NetBSD 2.0", netbsd.SYS_ioctl, args{0, netbsd.OFIOGETBMAP, words(3)}, 0, out{2, words(24)}, nil},
	}})
}

// source is struct rndsource.
func source(name string, total, kind, flags uint32) []byte {
	return append(append([]byte(name), make([]byte, 16-len(name))...), words(total, kind, flags)...)
}

func hostSource() []byte { return source("host", 256, 5, 0x2000) }
