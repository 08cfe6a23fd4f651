package syscalls

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// A kevent(2) that the stub has begun waits for the rest of its time, which may be none; without a time, or with none, that is nobody's matter. A
// time that is none is no less so.
func TestKeventGoesOn(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_kqueue)
		trigger := netbsd.Kevent{Ident: 1, Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD, Fflags: netbsd.NOTE_TRIGGER}
		kevent := func(name string, timeout any, errno netbsd.Errno, want any) row {
			return row{name, netbsd.SYS___kevent100, args{0, 0, 0, room(72), 1, timeout}, errno, want, nil}
		}
		for _, waited := range []time.Duration{time.Hour, time.Hour + 1, 100 * 365 * 24 * time.Hour} {
			p.c.Waited = waited
			p.play([]row{
				kevent("an hour has passed", longs(3600, 0), 0, 0),
				kevent("EINVAL", longs(3600, 1_000_000_000), netbsd.EINVAL, nil),
				kevent("EFAULT", bad, netbsd.EFAULT, nil),
				kevent("only to look", longs(0, 0), 0, 0),
			})
		}
		for range 2 { // EV_ADD does not trigger a new one
			p.ok(netbsd.SYS___kevent100, 0, keventExt(trigger), 1, 0, 0, longs(0, 0))
		}
		p.play([]row{
			kevent("what there is is told", longs(3600, 0), 0, 1),
			kevent("without a time", 0, 0, 1),
		})
	})
}
