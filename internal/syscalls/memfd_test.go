package syscalls

import (
	"fmt"
	"strings"
	"testing"

	"toaster/netbsd"
)

// plainMemory implements file.Memory.
type plainMemory struct {
	b      []byte
	mapped *bool
}

func (m *plainMemory) ReadAt(b []byte, off int64) netbsd.Errno  { copy(b, m.b[off:]); return 0 }
func (m *plainMemory) WriteAt(b []byte, off int64) netbsd.Errno { copy(m.b[off:], b); return 0 }
func (m *plainMemory) Free()                                    { m.b = nil }

func (m *plainMemory) Seal() netbsd.Errno {
	if *m.mapped {
		return netbsd.EBUSY
	}
	return 0
}

func (m *plainMemory) Resize(_, size int64) netbsd.Errno {
	if size > 1<<20 {
		return netbsd.ENOMEM
	}
	m.b = append(m.b[:min(int64(len(m.b)), size)], make([]byte, max(size-int64(len(m.b)), 0))...)
	return 0
}

// memfdStat wants a mode and a size.
func memfdStat(mode uint32, size int64) func(r *result) string {
	return func(r *result) string {
		if st := netbsd.DecodeStat(r.mem(1, netbsd.SizeofStat)); st.Mode != mode || st.Size != size || st.Ino != 0 || st.Blksize != 0 {
			return fmt.Sprintf("%+v", st)
		}
		return ""
	}
}

// memfd_create(2), by kern/sys_memfd.c 1.11 and tests/kernel/t_memfd_create.c of NetBSD 11.
func TestMemfd(t *testing.T) {
	const create, fcntl = netbsd.SYS_memfd_create, netbsd.SYS_fcntl
	add := func(name string, seals int, errno netbsd.Errno) row {
		return row{"F_ADD_SEALS: " + name, fcntl, args{0, netbsd.F_ADD_SEALS, seals}, errno, nil, nil}
	}
	truncate := func(name string, size int, errno netbsd.Errno) row {
		return row{"ftruncate(2): " + name, netbsd.SYS_ftruncate, args{0, 0, size}, errno, nil, nil}
	}
	write := func(name string, n, off int, errno netbsd.Errno, want int) row {
		return row{"pwrite(2): " + name, netbsd.SYS_pwrite, args{0, strings.Repeat("x", n), n, 0, off}, errno, want, nil}
	}
	sealing := row{"MFD_ALLOW_SEALING", create, args{"m", netbsd.MFD_ALLOW_SEALING}, 0, 0, nil}
	stages(t, map[string][]row{
		"create": {
			{"EINVAL, before EFAULT", create, args{bad, 8}, netbsd.EINVAL, nil, nil},
			{"EFAULT", create, args{bad, 0}, netbsd.EFAULT, nil, nil},
			{"ENAMETOOLONG: NAME_MAX-6", create, args{strings.Repeat("A", 505), 0}, netbsd.ENAMETOOLONG, nil, nil},
			{"NAME_MAX-7", create, args{strings.Repeat("A", 504), 0}, 0, 0, nil},
			{"MFD_CLOEXEC", create, args{"", netbsd.MFD_CLOEXEC}, 0, 1, nil},
			{"F_GETFD", fcntl, args{1, netbsd.F_GETFD, 0}, 0, netbsd.FD_CLOEXEC, nil},
			{"F_GETPATH", fcntl, args{1, netbsd.F_GETPATH, room(1024)}, 0, out{2, []byte("memfd:\x00\xa5")}, nil},
			{"F_GETFL", fcntl, args{1, netbsd.F_GETFL, 0}, 0, netbsd.O_RDWR, nil},
			{"memfd_fcntl: EINVAL for F_SETFL", fcntl, args{1, netbsd.F_SETFL, netbsd.O_NONBLOCK}, netbsd.EINVAL, nil, nil},
			{"memfd_ioctl: EINVAL", netbsd.SYS_ioctl, args{1, uint64(netbsd.FIONREAD), room(4)}, netbsd.EINVAL, nil, nil},
			{"eopnotsupp of fo_fpathconf", netbsd.SYS_fpathconf, args{1, 4}, netbsd.EOPNOTSUPP, nil, nil},
			{"eopnotsupp of fo_posix_fadvise, as the result", netbsd.SYS___posix_fadvise50, args{1, 0, 0, 0, 0}, 0, int(netbsd.EOPNOTSUPP), nil},
			{"flock(2): EOPNOTSUPP without fo_advlock", netbsd.SYS_flock, args{1, netbsd.LOCK_EX}, netbsd.EOPNOTSUPP, nil, nil},
			{"fnullop_poll: never", netbsd.SYS_poll, args{longs(0x00000005_00000001), 1, 0}, 0, out{0, longs(0x00000005_00000001)}, nil},
			{"kqueue(2)", netbsd.SYS_kqueue, nil, 0, 2, nil},
			{"fnullop_kqfilter: EOPNOTSUPP", netbsd.SYS___kevent50, args{2, watched(1, netbsd.EVFILT_READ), 1, 0, 0, longs(0, 0)}, netbsd.EOPNOTSUPP, nil, nil},
			{"kqueue_fcntl: ENOTTY for seals", fcntl, args{2, netbsd.F_GET_SEALS, 0}, netbsd.ENOTTY, nil, nil},
			{"pipe(2)", netbsd.SYS_pipe, nil, 0, pair{3, 4}, nil},
			{"fnullop_fcntl: EOPNOTSUPP for seals", fcntl, args{3, netbsd.F_ADD_SEALS, 0}, netbsd.EOPNOTSUPP, nil, nil},
		},
		"bytes": {
			{"memfd_create(2)", create, args{"m", 0}, 0, 0, nil},
			{"memfd_stat", netbsd.SYS___fstat50, args{0, room(netbsd.SizeofStat)}, 0, memfdStat(0o600, 0), nil},
			{"write(2)", netbsd.SYS_write, args{0, "hello", 5}, 0, 5, nil},
			{"the position moves", netbsd.SYS_lseek, args{0, 0, 0, netbsd.SEEK_CUR}, 0, 5, nil},
			{"read(2): at the end nothing", netbsd.SYS_read, args{0, room(9), 9}, 0, 0, nil},
			{"SEEK_END", netbsd.SYS_lseek, args{0, 0, -3, netbsd.SEEK_END}, 0, 2, nil},
			{"read(2)", netbsd.SYS_read, args{0, room(9), 9}, 0, out{1, []byte("llo\xa5")}, nil},
			{"pread(2)", netbsd.SYS_pread, args{0, room(9), 9, 0, 1}, 0, out{1, []byte("ello\xa5")}, nil},
			{"memfd_seek: EINVAL for another whence", netbsd.SYS_lseek, args{0, 0, 0, 9}, netbsd.EINVAL, nil, nil},
			{"memfd_seek: before the beginning, too", netbsd.SYS_lseek, args{0, 0, -1, netbsd.SEEK_SET}, 0, -1, nil},
			{"memfd_read: EINVAL there", netbsd.SYS_read, args{0, room(9), 9}, netbsd.EINVAL, nil, nil},
			{"memfd_write: EINVAL there", netbsd.SYS_write, args{0, "x", 1}, netbsd.EINVAL, nil, nil},
			write("beyond the end", 1, 8, 0, 1),
			{"zeroes between", netbsd.SYS_pread, args{0, room(9), 9, 0, 0}, 0, out{1, []byte("hello\x00\x00\x00x")}, nil},
			truncate("EINVAL", -1, netbsd.EINVAL),
			truncate("shorter", 2, 0),
			truncate("longer", 4, 0),
			{"what was cut off is zeroes", netbsd.SYS_pread, args{0, room(9), 9, 0, 0}, 0, out{1, []byte("he\x00\x00\xa5")}, nil},
		},
		"without sealing": {
			{"memfd_create(2)", create, args{"m", 0}, 0, 0, nil},
			{"F_GET_SEALS", fcntl, args{0, netbsd.F_GET_SEALS, 0}, 0, netbsd.F_SEAL_SEAL, nil},
			add("EPERM, before EINVAL", 1<<10, netbsd.EPERM),
			truncate("as without seals", 10, 0),
		},
		"seal": {
			sealing,
			{"F_GET_SEALS", fcntl, args{0, netbsd.F_GET_SEALS, 0}, 0, 0, nil},
			add("EINVAL", 32, netbsd.EINVAL),
			add("two at once", netbsd.F_SEAL_SHRINK|netbsd.F_SEAL_SEAL, 0),
			{"F_GET_SEALS", fcntl, args{0, netbsd.F_GET_SEALS, 0}, 0, netbsd.F_SEAL_SHRINK | netbsd.F_SEAL_SEAL, nil},
			add("EPERM", netbsd.F_SEAL_WRITE, netbsd.EPERM),
		},
		"shrink": {
			sealing, truncate("", 100, 0), add("", netbsd.F_SEAL_SHRINK, 0),
			truncate("EPERM", 50, netbsd.EPERM), truncate("the same", 100, 0), truncate("longer", 200, 0), write("", 10, 0, 0, 10),
		},
		"grow": {
			sealing, truncate("", 100, 0), add("", netbsd.F_SEAL_GROW, 0),
			truncate("EPERM", 200, netbsd.EPERM), write("what fits", 20, 90, 0, 10), write("EPERM at the end", 1, 100, netbsd.EPERM, 0),
			truncate("shorter", 50, 0), write("EPERM now", 1, 60, netbsd.EPERM, 0),
		},
		"write": {
			sealing, truncate("", 100, 0), add("", netbsd.F_SEAL_WRITE, 0),
			write("EPERM, before EINVAL", 1, 0, netbsd.EPERM, 0), truncate("longer", 200, 0),
			{"memfd_stat: nobody may write", netbsd.SYS___fstat50, args{0, room(netbsd.SizeofStat)}, 0, memfdStat(0o400, 200), nil},
		},
		"future write": {
			sealing, truncate("", 100, 0), add("", netbsd.F_SEAL_FUTURE_WRITE, 0), write("EPERM", 1, 0, netbsd.EPERM, 0), truncate("shorter", 50, 0),
		},
	})
}

// memfd_fcntl: EBUSY for F_SEAL_WRITE as long as somebody has it mapped, and not for other seals, nor if it has that seal.
func TestMemfdMapped(t *testing.T) {
	r := newRig(t)
	r.run(func(p *player) {
		add := func(seals int, errno netbsd.Errno) {
			p.play([]row{{fmt.Sprint("F_ADD_SEALS ", seals, " mapped ", r.mapped), netbsd.SYS_fcntl, args{0, netbsd.F_ADD_SEALS, seals}, errno, nil, nil}})
		}
		p.ok(netbsd.SYS_memfd_create, "m", netbsd.MFD_ALLOW_SEALING)
		r.mapped = true
		add(netbsd.F_SEAL_WRITE, netbsd.EBUSY)
		add(netbsd.F_SEAL_FUTURE_WRITE|netbsd.F_SEAL_GROW, 0)
		r.mapped = false
		add(netbsd.F_SEAL_WRITE, 0)
		r.mapped = true
		add(netbsd.F_SEAL_WRITE, 0)
	})
}
