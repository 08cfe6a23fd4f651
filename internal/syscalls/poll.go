package syscalls

import (
	"time"

	"toaster/internal/file"
	"toaster/netbsd"
)

// polled is one descriptor that poll(2) or select(2) looks at.
type polled struct {
	d    *file.Description // nil: not open
	want file.Events       // what the file is asked for
	keep file.Events       // and what of its answer counts
	got  file.Events
	w    file.Waiter
}

// unasked is what poll(2) asks of all.
const unasked = file.Err | file.Hup

// await looks at all of them until one has something or the time is up; it returns how
// many have. The descriptors are the caller's to release.
func await(c *Call, ps []polled, deadline time.Time, nowait bool) (int, netbsd.Errno) {
	if n := look(ps); n > 0 || nowait {
		return n, 0
	}
	for i := range ps {
		p := &ps[i]
		p.w = file.Waiter{Mask: p.want | unasked | file.RdHup, L: c.L}
		if p.d != nil {
			p.d.File.Watch(&p.w)
			defer p.d.File.Unwatch(&p.w)
		}
	}
	for {
		if n := look(ps); n > 0 {
			return n, 0
		}
		switch errno := c.L.Sleep(true, deadline); errno {
		case 0:
		case netbsd.EWOULDBLOCK:
			return 0, 0
		case netbsd.ERESTART: // poll(2) and select(2) are never restarted
			return 0, netbsd.EINTR
		default:
			return 0, errno
		}
	}
}

func look(ps []polled) int {
	n := 0
	for i := range ps {
		if p := &ps[i]; p.d == nil {
			p.got = file.Nval
		} else {
			p.got = p.d.File.Poll(p.want) & p.keep
		}
		if ps[i].got != 0 {
			n++
		}
	}
	return n
}

func releaseAll(ps []polled) {
	for i := range ps {
		if ps[i].d != nil {
			ps[i].d.Release()
		}
	}
}

// poll is poll(struct pollfd *fds, unsigned nfds, int timeout). EINVAL: more than there can be
// descriptors, or a negative time that is not INFTIM, -1. EFAULT. EINTR, whatever SA_RESTART says.
func poll(c *Call) netbsd.Errno {
	p := pollWait{nowait: c.Int(2) == 0}
	switch ms := c.Int(2); {
	case ms > 0:
		p.deadline = deadlineIn(time.Duration(ms) * time.Millisecond)
	case ms < -1:
		p.errno = netbsd.EINVAL
	}
	return doPoll(c, p)
}

// pollWait is how long poll(2) and select(2) wait, and with which signals blocked. errno is what is wrong with the time, which is
// said when the descriptors have been fetched, and before the mask is set (sel_do_scan).
type pollWait struct {
	deadline time.Time
	nowait   bool
	errno    netbsd.Errno
	masked   bool
	mask     netbsd.Sigset
}

// pollWaitOf reads a struct timespec and a signal mask, each of which may be null. EFAULT.
func (c *Call) pollWaitOf(timeout, mask uint64) (p pollWait, errno netbsd.Errno) {
	p.deadline, p.nowait, p.errno = c.timeout(timeout)
	if p.errno == netbsd.EFAULT {
		return p, p.errno
	}
	if p.masked = mask != 0; p.masked {
		b, errno := c.in(mask, 16)
		if errno != 0 {
			return p, errno
		}
		p.mask = netbsd.GetSigset(b)
	}
	return p, 0
}

// begin is due before what is waited for is looked at.
func (c *Call) begin(p pollWait) netbsd.Errno {
	if p.errno == 0 && p.masked {
		c.L.Platform().SetTempMask(p.mask)
	}
	return p.errno
}

// pollts is __pollts50(struct pollfd *, unsigned, const struct timespec *, const sigset_t *).
func pollts(c *Call) netbsd.Errno {
	p, errno := c.pollWaitOf(c.Ptr(2), c.Ptr(3))
	if errno != 0 {
		return errno
	}
	return doPoll(c, p)
}

func doPoll(c *Call, p pollWait) netbsd.Errno {
	n := uint64(c.Uint32(1))
	if limit, _ := c.L.Proc().Rlimit(netbsd.RLIMIT_NOFILE); n > limit.Max+1000 || n > 1<<20 {
		return netbsd.EINVAL
	}
	b := make([]byte, n*netbsd.SizeofPollfd)
	if errno := c.Space.Read(c.Ptr(0), b); errno != 0 {
		return errno
	}
	if errno := c.begin(p); errno != 0 {
		return errno
	}
	// Descriptors below 0 are skipped: at holds where each other one came from.
	ps, at := make([]polled, 0, n), make([]int, 0, n)
	for i := range int(n) {
		fd := netbsd.DecodePollfd(b[i*netbsd.SizeofPollfd:])
		putRevents(b, i, 0)
		if fd.Fd < 0 {
			continue
		}
		d, _ := c.files().Get(int(fd.Fd))
		want := file.Events(uint16(fd.Events)) | unasked
		ps, at = append(ps, polled{d: d, want: want, keep: want}), append(at, i)
	}
	defer releaseAll(ps)
	ready, errno := await(c, ps, p.deadline, p.nowait)
	if errno != 0 {
		return errno
	}
	for i := range ps {
		putRevents(b, at[i], ps[i].got)
	}
	c.Ret[0] = uint64(ready)
	return c.copyout(c.Ptr(0), b)
}

func putRevents(b []byte, i int, ev file.Events) {
	b[i*netbsd.SizeofPollfd+6], b[i*netbsd.SizeofPollfd+7] = byte(ev), byte(ev>>8)
}

// sel is __select50(int nd, fd_set *in, fd_set *ou, fd_set *ex, struct timeval *tv). EINVAL: a
// count that is negative or absurd, or a time that is none. EBADF: a bit for what is not open, however far. EFAULT. EINTR.
func sel(c *Call) netbsd.Errno {
	if c.Ptr(4) == 0 {
		return doSelect(c, pollWait{})
	}
	b, errno := c.in(c.Ptr(4), netbsd.SizeofTimeval)
	if errno != 0 {
		return errno
	}
	tv := netbsd.DecodeTimeval(b)
	switch {
	case c.has(netbsd.SYS_memfd_create) && (tv.Usec < 0 || tv.Usec >= 1e6): // since release 11 before the sets are fetched
		return netbsd.EINVAL
	case !tv.Valid():
		return doSelect(c, pollWait{errno: netbsd.EINVAL})
	}
	return doSelect(c, pollWait{deadline: deadlineIn(tv.Duration()), nowait: tv.Sec == 0 && tv.Usec == 0})
}

// pselect is __pselect50(int, fd_set *, fd_set *, fd_set *, const struct timespec *,
// const sigset_t *).
func pselect(c *Call) netbsd.Errno {
	p, errno := c.pollWaitOf(c.Ptr(4), c.Ptr(5))
	if errno != 0 {
		return errno
	}
	return doSelect(c, p)
}

// selected are the events behind the three sets of select(2), as poll(2) names them (sel_flag of sys_select.c).
var selected = [3]struct{ want, set file.Events }{
	{file.In | file.RdNorm | unasked, file.In | file.RdNorm | unasked},
	{file.Out | unasked, file.Out | unasked},
	{file.RdBand, file.RdBand | file.Hup},
}

// looks are the sets that are looked at together. The third is by itself: what a file says of POLLRDBAND alone counts there, and that can be
// POLLHUP.
var looks = [2]struct{ first, end int }{{0, 2}, {2, 3}}

// selectedFD is a descriptor and one of looks.
type selectedFD struct{ fd, look int }

func doSelect(c *Call, p pollWait) netbsd.Errno {
	nd := c.Int(0)
	if nd < 0 || tooManyFiles(c, nd) {
		return netbsd.EINVAL
	}
	sets, errno := selectSets(c, nd)
	if errno != 0 {
		return errno
	}
	if errno := c.begin(p); errno != 0 {
		return errno
	}
	ps, fds, errno := c.selectFiles(sets, nd)
	defer releaseAll(ps)
	if errno != 0 {
		return errno
	}
	// Beyond the highest descriptor no bit is set: nothing is stored there.
	for i := range sets {
		sets[i] = sets[i][:min(len(sets[i]), netbsd.FdSetLen(c.files().Highest()+1))]
	}
	if _, errno := await(c, ps, p.deadline, p.nowait); errno != 0 {
		return errno
	}
	return outSets(c, sets, ps, fds)
}

// selectFiles looks the descriptors up. EBADF. What it returns is the caller's to release, with an error, too.
func (c *Call) selectFiles(sets [3]netbsd.FdSet, nd int) (ps []polled, fds []selectedFD, errno netbsd.Errno) {
	for fd := range nd {
		for i := range looks {
			want := wanted(sets, fd, i)
			if want == 0 {
				continue
			}
			d, errno := c.files().Get(fd)
			if errno != 0 {
				return ps, fds, errno
			}
			ps, fds = append(ps, polled{d: d, want: want, keep: want | file.Hup}), append(fds, selectedFD{fd, i})
		}
	}
	return ps, fds, 0
}

// wanted is what one of looks asks of a descriptor, 0 if it is in none of its sets.
func wanted(sets [3]netbsd.FdSet, fd, look int) (want file.Events) {
	for i := looks[look].first; i < looks[look].end; i++ {
		if sets[i] != nil && sets[i].Has(fd) {
			want |= selected[i].want
		}
	}
	return want
}

// tooManyFiles reports whether sets of select(2) are for more files than there can ever be (selcommon).
func tooManyFiles(c *Call, nd int) bool {
	r, _ := c.L.Proc().Rlimit(netbsd.RLIMIT_NOFILE)
	return nd > c.files().Highest()+1+netbsd.FD_SETSIZE && uint64(nd) > r.Max+netbsd.FD_SETSIZE
}

func selectSets(c *Call, nd int) (sets [3]netbsd.FdSet, errno netbsd.Errno) {
	for i := range sets {
		if c.Ptr(i+1) == 0 {
			continue
		}
		sets[i] = make(netbsd.FdSet, netbsd.FdSetLen(nd))
		if errno := c.Space.Read(c.Ptr(i+1), sets[i]); errno != 0 {
			return sets, errno
		}
	}
	return sets, 0
}

// outSets stores what is ready; the result is the number of bits set.
func outSets(c *Call, sets [3]netbsd.FdSet, ps []polled, fds []selectedFD) netbsd.Errno {
	n := 0
	for i, s := range sets {
		if s == nil {
			continue
		}
		out := make(netbsd.FdSet, len(s))
		for j, f := range fds {
			if f.look == i/2 && s.Has(f.fd) && ps[j].got&selected[i].set != 0 {
				out.Set(f.fd)
				n++
			}
		}
		if errno := c.copyout(c.Ptr(i+1), out); errno != 0 {
			return errno
		}
	}
	return c.ok(uint64(n))
}
