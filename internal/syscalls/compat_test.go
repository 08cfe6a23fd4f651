package syscalls

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"toaster/netbsd"
)

// holds wants 32 bits at an offset of what argument i points to.
func holds(i, off int, want uint32) func(r *result) string {
	return func(r *result) string {
		if v := le.Uint32(r.mem(i, off+4)[off:]); v != want {
			return fmt.Sprintf("%#x at %d, want %#x", v, off, want)
		}
		return ""
	}
}

// timespec50 is a struct timespec50 whose padding is not looked at.
func timespec50(sec int32, nsec int64) []byte {
	return append(words(uint32(sec), 0xa5a5a5a5), longs(uint64(nsec))...)
}

// Times of NetBSD 5 and older have 32 bits of seconds, of which nobody looks at the padding
// (kern_time_50.c, kern_select_50.c, kern_50.c).
func TestCompatTimes(t *testing.T) {
	const real, mono = netbsd.CLOCK_REALTIME, netbsd.CLOCK_MONOTONIC
	none := timespec50(0, 0)
	clock := func(r *result) string {
		b := r.mem(1, 16)
		if d := time.Since(time.Unix(int64(le.Uint32(b)), int64(le.Uint64(b[8:])))); d < 0 || d > patience || le.Uint32(b[4:]) != 0 {
			return fmt.Sprintf("%x", b)
		}
		return ""
	}
	stages(t, map[string][]row{
		"clocks": {
			{"EINVAL", netbsd.SYS_compat_50_clock_gettime, args{99, room(16)}, netbsd.EINVAL, nil, nil},
			{"EFAULT", netbsd.SYS_compat_50_clock_gettime, args{real, bad}, netbsd.EFAULT, nil, nil},
			{"the time", netbsd.SYS_compat_50_clock_gettime, args{real, room(16)}, 0, clock, nil},
			{"processor time", netbsd.SYS_compat_50_clock_gettime, args{netbsd.CLOCK_THREAD_CPUTIME_ID, room(16)}, 0, out{1, append(words(5, 0), longs(0)...)}, nil},
			{"today's layout is not touched", netbsd.SYS___clock_gettime50, args{netbsd.CLOCK_THREAD_CPUTIME_ID, room(16)}, 0, out{1, timespec(5, 0)}, nil},
			{"EFAULT comes first", netbsd.SYS_compat_50_clock_settime, args{mono, bad}, netbsd.EFAULT, nil, nil},
			{"EINVAL", netbsd.SYS_compat_50_clock_settime, args{mono, none}, netbsd.EINVAL, nil, nil},
			{"EPERM", netbsd.SYS_compat_50_clock_settime, args{real, none}, netbsd.EPERM, nil, nil},
			{"EINVAL", netbsd.SYS_compat_50_clock_getres, args{99, room(16)}, netbsd.EINVAL, nil, nil},
			{"a nanosecond", netbsd.SYS_compat_50_clock_getres, args{mono, room(16)}, 0, out{1, append(words(0, 0), longs(1)...)}, nil},
			{"nowhere", netbsd.SYS_compat_50_clock_getres, args{mono, 0}, 0, 0, nil},
			{"EFAULT", netbsd.SYS_compat_50_gettimeofday, args{bad, 0}, netbsd.EFAULT, nil, nil},
			{"a zone of zeroes", netbsd.SYS_compat_50_gettimeofday, args{room(16), room(8)}, 0, out{1, make([]byte, 8)}, nil},
			{"EFAULT for none, unlike today", netbsd.SYS_compat_50_settimeofday, args{0, 0}, netbsd.EFAULT, nil, nil},
			{"EPERM", netbsd.SYS_compat_50_settimeofday, args{longs(1, 0), 0}, netbsd.EPERM, nil, nil},
			{"settimeofday1: nothing to set today", netbsd.SYS___settimeofday50, args{0, 0}, 0, nil, nil},
			{"settimeofday1: EFAULT", netbsd.SYS___settimeofday50, args{bad, 0}, netbsd.EFAULT, nil, nil},
			{"TIME_ERROR", netbsd.SYS_compat_30_ntp_gettime, args{room(32)}, 0, 5, nil},
			{"EFAULT", netbsd.SYS_compat_30_ntp_gettime, args{bad}, netbsd.EFAULT, nil, nil},
			{"TIME_ERROR without an address", netbsd.SYS_compat_30_ntp_gettime, args{0}, 0, 5, nil},
		},
		"sleeps": {
			{"itimespecfix: a negative time has passed; the sign is that of 32 bits", netbsd.SYS_compat_50_nanosleep, args{timespec50(-1, 0), 0}, 0, nil, nil},
			{"EFAULT", netbsd.SYS_compat_50_nanosleep, args{bad, 0}, netbsd.EFAULT, nil, nil},
			{"no time", netbsd.SYS_compat_50_nanosleep, args{timespec50(0, 1), 0}, 0, nil, nil},
			{"setitimer(2)", netbsd.SYS_compat_50_setitimer, args{netbsd.ITIMER_REAL, itimer(0, 0, 100, 0), 0}, 0, nil, nil},
			{"getitimer(2): EFAULT", netbsd.SYS_compat_50_getitimer, args{netbsd.ITIMER_REAL, 0}, netbsd.EFAULT, nil, nil},
			{"getitimer(2): EINVAL", netbsd.SYS_compat_50_getitimer, args{9, room(32)}, netbsd.EINVAL, nil, nil},
			{"getitimer(2)", netbsd.SYS_compat_50_getitimer, args{netbsd.ITIMER_REAL, room(32)}, 0, func(r *result) string {
				if v := r.mem(1, 32); le.Uint64(v[16:]) != 99 && (le.Uint64(v[16:]) != 100 || le.Uint64(v[24:])&0xffffffff != 0) {
					return fmt.Sprintf("%x", v) // no tick may have come since
				}
				return ""
			}, nil},
			{"timer_create(2)", netbsd.SYS_timer_create, args{real, 0, room(4)}, 0, nil, nil},
			{"timer_settime(2): EFAULT", netbsd.SYS_compat_50_timer_settime, args{4, 0, bad, 0}, netbsd.EFAULT, nil, nil},
			{"timer_settime(2): EINVAL for none", netbsd.SYS_compat_50_timer_settime, args{9, 0, make([]byte, 32), 0}, netbsd.EINVAL, nil, nil},
			{"timer_settime(2)", netbsd.SYS_compat_50_timer_settime, args{4, 0, append(slices.Clone(none), timespec50(50, 0)...), 0}, 0, nil, nil},
			{"timer_gettime(2)", netbsd.SYS_compat_50_timer_gettime, args{4, room(32)}, 0, func(r *result) string {
				if b := r.mem(1, 32); le.Uint32(b[16:]) != 49 || le.Uint32(b[20:]) != 0 || string(b[:16]) != string(make([]byte, 16)) {
					return fmt.Sprintf("%x", b)
				}
				return ""
			}, nil},
			{"sigpending1: a signal", netbsd.SYS___sigprocmask14, args{netbsd.SIG_BLOCK, sigset(netbsd.SIGUSR1), 0}, 0, nil, nil},
			{"kill(2)", netbsd.SYS_kill, args{self, netbsd.SIGUSR1}, 0, nil, nil},
			{"compat_50_sys___sigtimedwait: 0, not the signal", netbsd.SYS_compat_50___sigtimedwait, args{sigset(netbsd.SIGUSR1), room(128), none}, 0, 0, nil},
			{"EAGAIN", netbsd.SYS_compat_50___sigtimedwait, args{sigset(netbsd.SIGUSR1), 0, none}, netbsd.EAGAIN, nil, nil},
			{"itimespecfix: ETIMEDOUT below 0", netbsd.SYS_compat_50___sigtimedwait, args{sigset(netbsd.SIGUSR1), 0, timespec50(-1, 0)}, netbsd.ETIMEDOUT, nil, nil},
			{"ETIMEDOUT: the epoch", netbsd.SYS_compat_50__lwp_park, args{timespec50(1, 0), 0, 0, 0}, netbsd.ETIMEDOUT, nil, nil},
			{"EFAULT", netbsd.SYS_compat_50__lwp_park, args{bad, 0, 0, 0}, netbsd.EFAULT, nil, nil},
			{"ESRCH", netbsd.SYS_compat_50__lwp_park, args{timespec50(1, 0), nobody, 0, 0}, netbsd.ESRCH, nil, nil},
		},
		"events": {
			{"select(2): nobody", netbsd.SYS_compat_50_select, args{0, 0, 0, 0, make([]byte, 16)}, 0, 0, nil},
			{"select(2): EINVAL", netbsd.SYS_compat_50_select, args{-1, 0, 0, 0, make([]byte, 16)}, netbsd.EINVAL, nil, nil},
			{"pselect(2): nobody", netbsd.SYS_compat_50_pselect, args{0, 0, 0, 0, none, 0}, 0, 0, nil},
			{"pselect(2): EINVAL", netbsd.SYS_compat_50_pselect, args{0, 0, 0, 0, timespec50(0, 1e9), 0}, netbsd.EINVAL, nil, nil},
			{"pollts(2): nobody", netbsd.SYS_compat_50_pollts, args{0, 0, none, 0}, 0, 0, nil},
			{"pollts(2): EFAULT", netbsd.SYS_compat_50_pollts, args{0, 0, none, bad}, netbsd.EFAULT, nil, nil},
			{"kqueue(2)", netbsd.SYS_kqueue, args{}, 0, 0, nil},
			{"kevent(2): none", netbsd.SYS_compat_50_kevent, args{0, 0, 0, room(40), 1, none}, 0, 0, nil},
			{"kevent(2): EBADF", netbsd.SYS_compat_50_kevent, args{9, 0, 0, room(40), 1, none}, netbsd.EBADF, nil, nil},
			{"kevent(2): EINVAL", netbsd.SYS_compat_50_kevent, args{0, 0, 0, room(40), 1, timespec50(-1, 0)}, netbsd.EINVAL, nil, nil},
		},
	})
}

// Signals in an int, and actions without a trampoline (kern_sig_13.c, kern_sig_16.c, kern_sig_43.c).
func TestCompatSignals(t *testing.T) {
	const usr1, usr2 = 1 << (netbsd.SIGUSR1 - 1), 1 << (netbsd.SIGUSR2 - 1)
	old := func(handler uint64, mask, flags uint32) []byte { return append(longs(handler), words(mask, flags)...) }
	ignore, restart := uint64(netbsd.SIG_IGN), uint32(netbsd.SA_RESTART)
	stages(t, map[string][]row{
		"actions": {
			{"sigaction1: EINVAL, as there is no sendsig_sigcontext", netbsd.SYS_compat_13_sigaction13, args{netbsd.SIGUSR1, old(0x401000, 0, 0), 0}, netbsd.EINVAL, nil, nil},
			{"EFAULT", netbsd.SYS_compat_13_sigaction13, args{netbsd.SIGUSR1, bad, 0}, netbsd.EFAULT, nil, nil},
			{"EINVAL for SIGKILL", netbsd.SYS_compat_13_sigaction13, args{netbsd.SIGKILL, old(ignore, 0, 0), 0}, netbsd.EINVAL, nil, nil},
			{"SIG_IGN", netbsd.SYS_compat_13_sigaction13, args{netbsd.SIGUSR1, old(ignore, usr2, restart), room(16)}, 0, out{2, old(0, 0, restart)}, nil},
			{"the old one", netbsd.SYS_compat_13_sigaction13, args{netbsd.SIGUSR1, 0, room(16)}, 0, out{2, old(ignore, usr1|usr2, restart)}, nil},
			{"EFAULT for the old one", netbsd.SYS_compat_13_sigaction13, args{netbsd.SIGUSR1, 0, bad}, netbsd.EFAULT, nil, nil},
			{"SV_INTERRUPT is the opposite of SA_RESTART", netbsd.SYS_compat_43_sigvec, args{netbsd.SIGUSR1, 0, room(16)}, 0, out{2, old(ignore, usr1|usr2, 0)}, nil},
			{"sigvec(2)", netbsd.SYS_compat_43_sigvec, args{netbsd.SIGUSR2, old(ignore, 0, restart), 0}, 0, nil, nil},
			{"and so in the new form", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGUSR2, 0, room(32), 0, 0}, 0, out{2, action(netbsd.Sigaction{Handler: ignore, Mask: usr2})}, nil},
			{"EINVAL for a handler", netbsd.SYS_compat_16___sigaction14, args{netbsd.SIGUSR1, action(netbsd.Sigaction{Handler: 0x401000}), 0}, netbsd.EINVAL, nil, nil},
			{"SIG_DFL", netbsd.SYS_compat_16___sigaction14, args{netbsd.SIGUSR1, action(netbsd.Sigaction{}), 0}, 0, nil, nil},
			{"compat_13_machdep.c: ENOSYS", netbsd.SYS_compat_13_sigreturn13, args{0}, netbsd.ENOSYS, caught(), nil},
			{"compat_16_machdep.c: ENOSYS", netbsd.SYS_compat_16___sigreturn14, args{0}, netbsd.ENOSYS, caught(), nil},
		},
		"masks": {
			{"EINVAL", netbsd.SYS_compat_13_sigprocmask13, args{9, usr2}, netbsd.EINVAL, nil, nil},
			{"SIG_BLOCK", netbsd.SYS_compat_13_sigprocmask13, args{netbsd.SIG_BLOCK, usr2}, 0, 0, nil},
			{"sigblock(2)", netbsd.SYS_compat_43_sigblock, args{usr1}, 0, usr2, nil},
			{"kill(2)", netbsd.SYS_kill, args{self, netbsd.SIGUSR2}, 0, caught(), nil},
			{"sigpending(2)", netbsd.SYS_compat_13_sigpending13, args{}, 0, usr2, nil},
			{"sigsetmask(2)", netbsd.SYS_compat_43_sigsetmask, args{usr2}, 0, usr1 | usr2, nil},
			{"sigaction(2)", netbsd.SYS___sigaction_sigtramp, args{netbsd.SIGUSR2, action(netbsd.Sigaction{Handler: 0x401000}), 0, 0x402000, 2}, 0, nil, nil},
			{"sigsuspend(2): EINTR", netbsd.SYS_compat_13_sigsuspend13, args{0}, netbsd.EINTR, caught(netbsd.SIGUSR2), nil},
		},
		"stacks": {
			{"EFAULT", netbsd.SYS_compat_13_sigaltstack13, args{bad, 0}, netbsd.EFAULT, nil, nil},
			{"ENOMEM", netbsd.SYS_compat_13_sigaltstack13, args{append(longs(0x10000), words(100, 0)...), 0}, netbsd.ENOMEM, nil, nil},
			{"sigaltstack(2)", netbsd.SYS_compat_13_sigaltstack13, args{append(longs(0x10000), words(netbsd.MINSIGSTKSZ, 0)...), 0}, 0, nil, nil},
			{"the old one", netbsd.SYS_compat_13_sigaltstack13, args{0, room(16)}, 0, out{1, append(longs(0x10000), words(netbsd.MINSIGSTKSZ, 0)...)}, nil},
			{"sigstack(2)", netbsd.SYS_compat_43_sigstack, args{longs(0x20000, 0), room(16)}, 0, out{1, longs(0x10000, 0)}, nil},
			{"SIGSTKSZ", netbsd.SYS___sigaltstack14, args{0, room(24)}, 0, out{1, longs(0x20000, netbsd.SIGSTKSZ, 0)}, nil},
		},
	})
}

// Files and directories (vfs_syscalls_43.c, _12.c, _20.c, _30.c, _50.c).
func TestCompatFiles(t *testing.T) {
	const size = 6
	both := func(nr, off int, want uint32, n int) row {
		return row{"stat(2)", nr, args{"f", room(n)}, 0, holds(1, off, want), nil}
	}
	names := func(of func(b []byte) string, want ...string) func(r *result) string {
		return func(r *result) string {
			var got []string
			for b := r.mem(1, int(r.ret[0])); len(b) > 0; b = b[le.Uint16(b[4:]):] {
				got = append(got, of(b))
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				return fmt.Sprintf("%q, want %q", got, want)
			}
			return ""
		}
	}
	dirent12 := func(b []byte) string { return fmt.Sprint(string(b[8:8+b[7]]), " ", b[6]) }
	dirent43 := func(b []byte) string { return string(b[8 : 8+le.Uint16(b[6:])]) }
	r := newRig(t)
	r.asHost = true
	os.WriteFile(filepath.Join(r.dir, "f"), []byte("123456"), 0o640)
	os.Chmod(filepath.Join(r.dir, "f"), 0o640)
	os.Symlink("f", filepath.Join(r.dir, "s"))
	os.Mkdir(filepath.Join(r.dir, "d"), 0o755)
	os.WriteFile(filepath.Join(r.dir, "d/file"), nil, 0o600)
	const file = netbsd.S_IFREG | 0o640
	r.run(func(p *player) {
		p.play([]row{
			{"open(2)", netbsd.SYS_open, args{"f", netbsd.O_RDWR, 0}, 0, 0, nil},
			both(netbsd.SYS_compat_43_stat, 20, size, netbsd.SizeofStat43),
			both(netbsd.SYS_compat_12_stat12, 72, size, netbsd.SizeofStat12),
			both(netbsd.SYS_compat_30___stat13, 80, size, netbsd.SizeofStat13),
			both(netbsd.SYS_compat_50___stat30, 96, size, netbsd.SizeofStat30),
			{"stat(2): EFAULT", netbsd.SYS_compat_30___stat13, args{"f", bad}, netbsd.EFAULT, nil, nil},
			both(netbsd.SYS_compat_30___stat13, 8, file, netbsd.SizeofStat13),
			both(netbsd.SYS_compat_50___stat30, 4, file, netbsd.SizeofStat30),
			{"stat(2): a link is followed", netbsd.SYS_compat_50___stat30, args{"s", room(136)}, 0, holds(1, 4, file), nil},
			{"lstat(2): a link is not", netbsd.SYS_compat_50___lstat30, args{"s", room(136)}, 0, holds(1, 96, 1), nil},
			{"lstat(2)", netbsd.SYS_compat_30___lstat13, args{"s", room(128)}, 0, holds(1, 80, 1), nil},
			{"lstat(2)", netbsd.SYS_compat_12_lstat12, args{"s", room(120)}, 0, holds(1, 72, 1), nil},
			{"compat_43_sys_lstat: a link's size", netbsd.SYS_compat_43_lstat, args{"s", room(88)}, 0, holds(1, 20, 1), nil},
			{"compat_43_sys_lstat: its directory's inode", netbsd.SYS_compat_43_lstat, args{"s", room(88)}, 0, func(r *result) string {
				dir := r.p.do(netbsd.SYS_compat_43_stat, ".", room(88))
				if a, b := r.p.peek(r.args[1], 8), dir.mem(1, 8); !bytes.Equal(a, b) {
					return fmt.Sprintf("%x, its directory %x", a, b)
				}
				return ""
			}, nil},
			{"compat_43_sys_lstat: a file", netbsd.SYS_compat_43_lstat, args{"f", room(88)}, 0, holds(1, 20, size), nil},
			{"fstat(2)", netbsd.SYS_compat_43_fstat, args{0, room(88)}, 0, holds(1, 20, size), nil},
			{"fstat(2)", netbsd.SYS_compat_12_fstat12, args{0, room(120)}, 0, holds(1, 72, size), nil},
			{"fstat(2)", netbsd.SYS_compat_30___fstat13, args{0, room(128)}, 0, holds(1, 80, size), nil},
			{"fstat(2)", netbsd.SYS_compat_50___fstat30, args{0, room(136)}, 0, holds(1, 96, size), nil},
			{"fstat(2): EBADF", netbsd.SYS_compat_50___fstat30, args{9, room(136)}, netbsd.EBADF, nil, nil},
			{"stat(2): ENOENT", netbsd.SYS_compat_12_stat12, args{"x", room(120)}, netbsd.ENOENT, nil, nil},
			{"stat(2): EFAULT", netbsd.SYS_compat_12_stat12, args{"f", bad}, netbsd.EFAULT, nil, nil},

			{"lseek(2): without padding", netbsd.SYS_compat_43_lseek, args{0, 4, netbsd.SEEK_SET}, 0, 4, nil},
			{"ftruncate(2): without padding", netbsd.SYS_compat_43_ftruncate, args{0, 3}, 0, 0, nil},
			{"truncate(2): without padding", netbsd.SYS_compat_43_truncate, args{"f", 2}, 0, 0, nil},
			{"stat(2)", netbsd.SYS_compat_50___stat30, args{"f", room(136)}, 0, holds(1, 96, 2), nil},
			{"utimes(2)", netbsd.SYS_compat_50_utimes, args{"s", longs(7, 0, 8, 0)}, 0, nil, nil},
			{"utimes(2): of the file", netbsd.SYS_compat_50___stat30, args{"f", room(136)}, 0, holds(1, 48, 8), nil},
			{"lutimes(2)", netbsd.SYS_compat_50_lutimes, args{"s", longs(7, 0, 9, 0)}, 0, nil, nil},
			{"lutimes(2): of the link", netbsd.SYS_compat_50___lstat30, args{"s", room(136)}, 0, holds(1, 48, 9), nil},
			{"futimes(2)", netbsd.SYS_compat_50_futimes, args{0, longs(7, 0, 10, 0)}, 0, nil, nil},
			{"futimes(2): of the file", netbsd.SYS_compat_50___stat30, args{"f", room(136)}, 0, holds(1, 48, 10), nil},
			{"futimes(2): EINVAL", netbsd.SYS_compat_50_futimes, args{0, longs(7, 1e6, 10, 0)}, netbsd.EINVAL, nil, nil},
			{"creat(2)", netbsd.SYS_compat_43_creat, args{"new", 0o600}, 0, 1, nil},
			{"creat(2): for writing alone", netbsd.SYS_read, args{1, room(1), 1}, netbsd.EBADF, nil, nil},
			{"mknod(2): a FIFO", netbsd.SYS_compat_50_mknod, args{"fifo", netbsd.S_IFIFO | 0o600, 0}, 0, 0, nil},
			{"mknod(2): EEXIST", netbsd.SYS_compat_50_mknod, args{"fifo", netbsd.S_IFIFO | 0o600, 0}, netbsd.EEXIST, nil, nil},
			{"open(2)", netbsd.SYS_open, args{"d", 0, 0}, 0, 2, nil},
			{"getdents(2)", netbsd.SYS_compat_30_getdents, args{2, room(512), 512}, 0, names(dirent12, ". 4", ".. 4", "file 8"), nil},
			{"getdents(2): the end", netbsd.SYS_compat_30_getdents, args{2, room(512), 512}, 0, 0, nil},
			{"lseek(2)", netbsd.SYS_lseek, args{2, 0, 0, 0}, 0, nil, nil},
			{"getdirentries(2)", netbsd.SYS_compat_12_getdirentries, args{2, room(512), 512, room(8)}, 0, names(dirent12, ". 4", ".. 4", "file 8"), nil},
			{"lseek(2)", netbsd.SYS_lseek, args{2, 0, 0, 0}, 0, nil, nil},
			{"getdirentries(2): where it has begun", netbsd.SYS_compat_43_getdirentries, args{2, room(512), 512, room(8)}, 0, out{3, longs(0)}, nil},
			{"lseek(2)", netbsd.SYS_lseek, args{2, 0, 0, 0}, 0, nil, nil},
			{"getdirentries(2)", netbsd.SYS_compat_43_getdirentries, args{2, room(512), 512, room(8)}, 0, names(dirent43, ".", "..", "file"), nil},
			{"compat_30_sys_getdents: EINVAL for a file", netbsd.SYS_compat_30_getdents, args{0, room(512), 512}, netbsd.EINVAL, nil, nil},
			{"compat_12_sys_getdirentries: ENOTDIR for a file", netbsd.SYS_compat_12_getdirentries, args{0, room(512), 512, room(8)}, netbsd.ENOTDIR, nil, nil},
			{"compat_43_sys_getdirentries: EBADF comes first", netbsd.SYS_compat_43_getdirentries, args{1, room(512), 512, room(8)}, netbsd.EBADF, nil, nil},
			{"getdirentries(2): EBADF", netbsd.SYS_compat_43_getdirentries, args{9, room(512), 512, room(8)}, netbsd.EBADF, nil, nil},

			{"statfs(2): ENOENT", netbsd.SYS_compat_20_statfs, args{"x", room(312)}, netbsd.ENOENT, nil, nil},
			{"statfs(2): EFAULT", netbsd.SYS_compat_20_statfs, args{"f", bad}, netbsd.EFAULT, nil, nil},
			{"statfs(2)", netbsd.SYS_compat_20_statfs, args{"f", room(312)}, 0, func(r *result) string {
				if b := r.mem(1, 312); le.Uint64(b[8:]) == 0 || !bytes.HasPrefix(b[128:], []byte("/")) {
					return fmt.Sprintf("%x", b)
				}
				return ""
			}, nil},
			{"fstatfs(2): EBADF", netbsd.SYS_compat_20_fstatfs, args{9, room(312)}, netbsd.EBADF, nil, nil},
			{"fstatfs(2)", netbsd.SYS_compat_20_fstatfs, args{0, room(312)}, 0, nil, nil},
			{"getfsstat(2): how many", netbsd.SYS_compat_20_getfsstat, args{0, 0, 0}, 0, 2, nil},
			{"getfsstat(2): no more than there is room for", netbsd.SYS_compat_20_getfsstat, args{room(311), 311, 0}, 0, 0, nil},
			{"getfsstat(2)", netbsd.SYS_compat_20_getfsstat, args{room(312), 312, 0}, 0, 1, nil},
			{"getfsstat(2): EFAULT", netbsd.SYS_compat_20_getfsstat, args{bad, 312, 0}, netbsd.EFAULT, nil, nil},
		})
	})
}

// peek returns n bytes at addr.
func (p *player) peek(addr uint64, n int) []byte {
	b := make([]byte, n)
	p.mem.Read(addr, b)
	return b
}

// msghdr43 is a struct omsghdr with a part, an address and rights.
func msghdr43(h netbsd.Msghdr43, part, name any, rightsIn []byte) func(p *player) uint64 {
	return func(p *player) uint64 {
		h := h
		h.Iov, h.Iovlen = iov(part)(p), 1
		if name != nil {
			h.Name = p.arg(name)
		}
		if rightsIn != nil {
			h.Rights = p.mem.put(rightsIn)
		}
		return p.mem.put(encoded(netbsd.SizeofMsghdr43, h.Encode))
	}
}

// Sockets with addresses whose family has 16 bits, and access rights (uipc_syscalls_43.c).
func TestCompatSockets(t *testing.T) {
	old := func(name string) []byte { return append([]byte{netbsd.AF_LOCAL, 0}, name...) }
	fileStages(t, map[string][]row{
		"addresses": {
			{"socket(2)", netbsd.SYS_compat_30_socket, args{netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0}, 0, 0, nil},
			{"bind(2)", netbsd.SYS_bind, args{0, sun("sock\x00"), 7}, 0, 0, nil},
			{"listen(2)", netbsd.SYS_listen, args{0, 1}, 0, 0, nil},
			{"socket(2)", netbsd.SYS_compat_30_socket, args{netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0}, 0, 1, nil},
			{"connect(2)", netbsd.SYS_connect, args{1, sun("sock\x00"), 7}, 0, 0, nil},
			{"accept(2)", netbsd.SYS_compat_43_accept, args{0, room(16), words(16)}, 0, out{1, []byte{netbsd.AF_LOCAL, 0}}, nil},
			{"getpeername(2)", netbsd.SYS_compat_43_getpeername, args{1, room(16), words(16)}, 0, out{1, old("sock")}, nil},
			{"getsockname(2)", netbsd.SYS_compat_43_getsockname, args{2, room(16), words(16)}, 0, out{1, old("sock")}, nil},
			{"getsockname(2): EBADF", netbsd.SYS_compat_43_getsockname, args{9, room(16), words(16)}, netbsd.EBADF, nil, nil},
			{"compat_43_sa_put: EFAULT, as it is not asked whether there is an address", netbsd.SYS_compat_43_getsockname, args{2, 0, words(16)}, netbsd.EFAULT, nil, nil},
			{"send(2)", netbsd.SYS_compat_43_send, args{1, []byte("hello"), 5, 0}, 0, 5, nil},
			{"send(2): EINVAL for less than nothing", netbsd.SYS_compat_43_send, args{1, []byte("hello"), -1, 0}, netbsd.EINVAL, nil, nil},
			{"recv(2)", netbsd.SYS_compat_43_recv, args{2, room(6), 6, 0}, 0, out{1, []byte("hello\xa5")}, nil},
			{"recv(2): EBADF", netbsd.SYS_compat_43_recv, args{9, room(6), 6, 0}, netbsd.EBADF, nil, nil},
		},
		"messages": {
			{"socket(2)", netbsd.SYS_compat_30_socket, args{netbsd.AF_LOCAL, netbsd.SOCK_DGRAM, 0}, 0, 0, nil},
			{"bind(2)", netbsd.SYS_bind, args{0, sun("a\x00"), 4}, 0, 0, nil},
			{"socket(2)", netbsd.SYS_compat_30_socket, args{netbsd.AF_LOCAL, netbsd.SOCK_DGRAM, 0}, 0, 1, nil},
			{"bind(2)", netbsd.SYS_bind, args{1, sun("b\x00"), 4}, 0, 0, nil},
			{"sendmsg(2): to an address", netbsd.SYS_compat_43_sendmsg, args{1, msghdr43(netbsd.Msghdr43{Namelen: 4}, []byte("one"), old("a\x00"), nil), 0}, 0, 3, nil},
			{"recvfrom(2)", netbsd.SYS_compat_43_recvfrom, args{0, room(3), 3, 0, room(8), words(8)}, 0, out{4, old("b")}, nil},
			{"sendmsg(2): EINVAL for an address that is too long", netbsd.SYS_compat_43_sendmsg, args{1, msghdr43(netbsd.Msghdr43{Namelen: 300}, []byte("one"), old("a\x00"), nil), 0}, netbsd.EINVAL, nil, nil},
			{"sendmsg(2): EFAULT", netbsd.SYS_compat_43_sendmsg, args{1, bad, 0}, netbsd.EFAULT, nil, nil},
			{"sendmsg(2): EBADF", netbsd.SYS_compat_43_sendmsg, args{9, bad, 0}, netbsd.EBADF, nil, nil},
			{"sendmsg(2): an open file", netbsd.SYS_compat_43_sendmsg, args{1, msghdr43(netbsd.Msghdr43{Namelen: 4, Rightslen: 4}, []byte("two"), old("a\x00"), words(0)), 0}, 0, 3, nil},
			{"compat_43_sys_recvmsg: the file has a descriptor, and zeros behind it", netbsd.SYS_compat_43_recvmsg, args{0, msghdr43(netbsd.Msghdr43{Namelen: 8, Rightslen: 24}, room(3), room(8), filler(24)), 0}, 0, func(r *result) string {
				h := netbsd.DecodeMsghdr43(r.mem(1, netbsd.SizeofMsghdr43))
				if got := r.p.peek(h.Rights, 24); r.ret[0] != 3 || !bytes.Equal(got, append(append(words(2), make([]byte, 16)...), filler(4)...)) {
					return fmt.Sprintf("%d bytes, rights %x", r.ret[0], got)
				}
				if got := r.p.peek(h.Name, 3); string(got) != string(old("b")) {
					return fmt.Sprintf("from %x", got)
				}
				return ""
			}, nil},
			{"the file is open", netbsd.SYS_fcntl, args{2, netbsd.F_GETFD, 0}, 0, nil, nil},
			{"sendmsg(2): an open file", netbsd.SYS_compat_43_sendmsg, args{1, msghdr43(netbsd.Msghdr43{Namelen: 4, Rightslen: 4}, []byte("two"), old("a\x00"), words(0)), 0}, 0, 3, nil},
			{"compat_43_sys_recvmsg: no room for it", netbsd.SYS_compat_43_recvmsg, args{0, msghdr43(netbsd.Msghdr43{Rightslen: 20}, room(3), nil, filler(20)), 0}, 0, 3, nil},
			{"the file is closed", netbsd.SYS_fcntl, args{3, netbsd.F_GETFD, 0}, netbsd.EBADF, nil, nil},
			{"compat43_set_accrights: EINVAL", netbsd.SYS_compat_43_sendmsg, args{1, msghdr43(netbsd.Msghdr43{Namelen: 4, Rightslen: -1}, []byte("x"), old("a\x00"), words(0)), 0}, netbsd.EINVAL, nil, nil},
			{"compat43_set_accrights: EINVAL for more than MLEN", netbsd.SYS_compat_43_sendmsg, args{1, msghdr43(netbsd.Msghdr43{Namelen: 4, Rightslen: 512}, []byte("x"), old("a\x00"), filler(512)), 0}, netbsd.EINVAL, nil, nil},
			{"compat_43_sys_recvmsg: EINVAL for more than MLEN", netbsd.SYS_compat_43_recvmsg, args{0, msghdr43(netbsd.Msghdr43{Rightslen: 512}, room(3), nil, filler(512)), 0}, netbsd.EINVAL, nil, nil},
		},
	})
}

// What was asked before there was sysctl(3) (kern_info_09.c, kern_info_43.c), memory, limits and children.
func TestCompatInfo(t *testing.T) {
	stages(t, map[string][]row{
		"names": {
			{"gethostname(2)", netbsd.SYS_compat_43_gethostname, args{room(5), 5}, 0, out{0, []byte("rig\x00\xa5")}, nil},
			{"gethostname(2): ENOMEM", netbsd.SYS_compat_43_gethostname, args{room(5), 2}, netbsd.ENOMEM, out{0, []byte("ri\xa5")}, nil},
			{"gethostname(2): EFAULT", netbsd.SYS_compat_43_gethostname, args{bad, 5}, netbsd.EFAULT, nil, nil},
			{"sethostname(2)", netbsd.SYS_compat_43_sethostname, args{"name", 4}, 0, nil, nil},
			{"gethostname(2)", netbsd.SYS_compat_43_gethostname, args{room(5), 5}, 0, out{0, []byte("name\x00")}, nil},
			{"getdomainname(2)", netbsd.SYS_compat_09_getdomainname, args{room(2), 2}, 0, out{0, []byte("\x00\xa5")}, nil},
			{"setdomainname(2)", netbsd.SYS_compat_09_setdomainname, args{"yp", 2}, 0, nil, nil},
			{"getdomainname(2)", netbsd.SYS_compat_09_getdomainname, args{room(4), 4}, 0, out{0, []byte("yp\x00\xa5")}, nil},
			{"kern.domainname", netbsd.SYS___sysctl, args{words(netbsd.CTL_KERN, netbsd.KERN_DOMAINNAME), 2, room(4), longs(4), 0, 0}, 0, out{2, []byte("yp\x00\xa5")}, nil},
			{"uname(2)", netbsd.SYS_compat_09_uname, args{room(160)}, 0, func(r *result) string {
				b := r.mem(0, 160)
				for i, want := range []string{"NetBSD", "name", "11.0", "toaster", "amd64"} {
					if got, _, _ := bytes.Cut(b[32*i:32*i+32], []byte{0}); string(got) != want {
						return fmt.Sprintf("%q, want %q", got, want)
					}
				}
				return ""
			}, nil},
			{"uname(2): EFAULT", netbsd.SYS_compat_09_uname, args{bad}, netbsd.EFAULT, nil, nil},
			{"gethostid(2)", netbsd.SYS_compat_43_gethostid, args{}, 0, 0, nil},
			{"sysctl_lookup: EINVAL, as a long is too long", netbsd.SYS_compat_43_sethostid, args{1}, netbsd.EINVAL, nil, nil},
			{"getdtablesize(2)", netbsd.SYS_compat_43_getdtablesize, args{}, 0, func(p *player) uint64 { return p.c.nofile() }, nil},
			{"getpagesize(2)", netbsd.SYS_compat_43_getpagesize, args{}, 0, 4096, nil},
			{"seteuid(2)", netbsd.SYS_seteuid, args{100}, 0, nil, nil},
			{"sethostname(2): EPERM", netbsd.SYS_compat_43_sethostname, args{"x", 1}, netbsd.EPERM, nil, nil},
			{"setdomainname(2): EPERM", netbsd.SYS_compat_09_setdomainname, args{"x", 1}, netbsd.EPERM, nil, nil},
			{"sethostid(2): EPERM", netbsd.SYS_compat_43_sethostid, args{1}, netbsd.EPERM, nil, nil},
		},
		"getkerninfo": {
			{"EFAULT", netbsd.SYS_compat_43_getkerninfo, args{6 << 8, 0, bad, 0}, netbsd.EFAULT, nil, nil},
			{"EOPNOTSUPP", netbsd.SYS_compat_43_getkerninfo, args{7 << 8, 0, 0, 0}, netbsd.EOPNOTSUPP, nil, nil},
			{"KINFO_CLOCKRATE: hz", netbsd.SYS_compat_43_getkerninfo, args{6 << 8, room(20), longs(20), 0}, 0, holds(1, 0, 100), nil},
			{"KINFO_CLOCKRATE: how long it is", netbsd.SYS_compat_43_getkerninfo, args{6 << 8, 0, longs(0), 0}, 0, out{2, longs(20)}, nil},
			{"KINFO_CLOCKRATE: which is returned, too", netbsd.SYS_compat_43_getkerninfo, args{6 << 8, 0, 0, 0}, 0, 20, nil},
			{"ENOMEM leaves the length", netbsd.SYS_compat_43_getkerninfo, args{6 << 8, room(20), longs(19), 0}, netbsd.ENOMEM, out{2, longs(19)}, nil},
			{"KINFO_LOADAVG", netbsd.SYS_compat_43_getkerninfo, args{5 << 8, 0, 0, 0}, 0, 24, nil},
		},
		"limits": {
			{"EINVAL", netbsd.SYS_compat_43_getrlimit, args{99, room(8)}, netbsd.EINVAL, nil, nil},
			{"EFAULT", netbsd.SYS_compat_43_getrlimit, args{netbsd.RLIMIT_CORE, bad}, netbsd.EFAULT, nil, nil},
			{"RLIM_INFINITY is the largest int", netbsd.SYS_compat_43_getrlimit, args{netbsd.RLIMIT_FSIZE, room(8)}, 0, out{1, words(1<<31-1, 1<<31-1)}, nil},
			{"EFAULT comes first", netbsd.SYS_compat_43_setrlimit, args{99, bad}, netbsd.EFAULT, nil, nil},
			{"setrlimit(2)", netbsd.SYS_compat_43_setrlimit, args{netbsd.RLIMIT_FSIZE, words(5, 6)}, 0, nil, nil},
			{"getrlimit(2)", netbsd.SYS_compat_43_getrlimit, args{netbsd.RLIMIT_FSIZE, room(8)}, 0, out{1, words(5, 6)}, nil},
			{"getrusage(2): EINVAL", netbsd.SYS_compat_50_getrusage, args{9, room(144)}, netbsd.EINVAL, nil, nil},
			{"getrusage(2)", netbsd.SYS_compat_50_getrusage, args{0, room(144)}, 0, nil, nil},
		},
		"memory": {
			{"cvtbsdprot: 4 is to read, 1 to execute; private if not shared", netbsd.SYS_compat_43_mmap, args{0, 4096, 5, 2, -1, 0}, 0, func(r *result) string {
				want := MmapArgs{Len: 4096, Prot: netbsd.PROT_READ | netbsd.PROT_EXEC, Flags: netbsd.MAP_PRIVATE | netbsd.MAP_ANON, FD: -1}
				if r.p.mem.asked != want {
					return fmt.Sprintf("%+v", r.p.mem.asked)
				}
				return ""
			}, nil},
			{"OMAP_SHARED, OMAP_FIXED and OMAP_INHERIT", netbsd.SYS_compat_43_mmap, args{8192, 4096, 2, 0x910, 3, 4096}, 0, func(r *result) string {
				want := MmapArgs{Addr: 8192, Len: 4096, Prot: netbsd.PROT_WRITE, Flags: netbsd.MAP_SHARED | netbsd.MAP_FIXED | netbsd.MAP_INHERIT, FD: 3, Offset: 4096}
				if r.p.mem.asked != want {
					return fmt.Sprintf("%+v", r.p.mem.asked)
				}
				return ""
			}, nil},
			{"msync(2): MS_SYNC and MS_INVALIDATE", netbsd.SYS_compat_12_msync, args{4096, 8192}, 0, func(r *result) string {
				if want := (rangeArgs{4096, 8192, netbsd.MS_SYNC | netbsd.MS_INVALIDATE}); r.p.mem.asked != want {
					return fmt.Sprintf("%+v", r.p.mem.asked)
				}
				return ""
			}, nil},
		},
		"children": {
			{"wait(2): ECHILD", netbsd.SYS_compat_43_wait, args{}, netbsd.ECHILD, nil, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(p *player) { p.do(netbsd.SYS_exit, 3) }},
			{"wait(2): RDX is the status", netbsd.SYS_compat_43_wait, args{}, 0, func(r *result) string {
				if r.ret[1] != 3<<8 || r.ret[0] == 0 {
					return fmt.Sprint(r.ret)
				}
				return ""
			}, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(p *player) { p.do(netbsd.SYS_exit, 4) }},
			{"wait4(2)", netbsd.SYS_compat_50_wait4, args{-1, room(4), 0, room(144)}, 0, out{1, words(4 << 8)}, nil},
			{"wait4(2): ECHILD", netbsd.SYS_compat_50_wait4, args{-1, 0, 0, 0}, netbsd.ECHILD, nil, nil},
		},
	})
}
