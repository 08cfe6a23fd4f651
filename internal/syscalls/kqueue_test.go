package syscalls

import (
	"fmt"
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

// kqueue_scan hands out all that are ready, each once, as far as there is room.
func TestKeventHandsOutAll(t *testing.T) {
	const n = 1000
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_kqueue)
		for i := range uint64(n) {
			add := netbsd.Kevent{Ident: i, Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD}
			trigger := netbsd.Kevent{Ident: i, Filter: netbsd.EVFILT_USER, Fflags: netbsd.NOTE_TRIGGER}
			p.ok(netbsd.SYS___kevent100, 0, append(keventExt(add), keventExt(trigger)...), 2, 0, 0, longs(0, 0))
		}
		kevent := func(name string, most int, want func(*result) string) row {
			return row{name, netbsd.SYS___kevent100, args{0, 0, 0, room(2 * n * netbsd.SizeofKeventExt), most, longs(0, 0)}, 0, want, nil}
		}
		each := func(from, count int) func(*result) string {
			return func(r *result) string {
				if r.ret[0] != uint64(count) {
					return fmt.Sprintf("%d events, want %d", r.ret[0], count)
				}
				for i := range count {
					b := r.mem(3, count*netbsd.SizeofKeventExt)[i*netbsd.SizeofKeventExt:]
					if ev := netbsd.DecodeKeventExt(b); ev.Ident != uint64((from+i)%n) {
						return fmt.Sprintf("event %d is %d's", i, ev.Ident)
					}
				}
				return ""
			}
		}
		p.play([]row{
			kevent("all", 2*n, each(0, n)),
			kevent("what there is room for", 700, each(0, 700)),
			kevent("and the others first", n, each(700, n)),
		})
	})
}
