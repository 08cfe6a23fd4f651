package kqueue

import (
	"math"
	"sync/atomic"
	"time"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/netbsd"
)

const notified = file.In | file.RdNorm

// maxTimers bounds the timers of all queues of a machine (kern.kq_calloutmax is 4096):
// each is a timer of the Go runtime, which guests must not have without end.
const maxTimers = 4096

// tick is one of the clock that callouts go by (hz is 100).
const tick = 10 * time.Millisecond

// timerSource is EVFILT_TIMER: periodic unless EV_ONESHOT or NOTE_ABSTIME; data
// counts how often it went off. EV_CLEAR is implied, but for NOTE_ABSTIME.
type timerSource struct {
	kn     *knote
	count  *atomic.Int32 // of the machine's timers
	timer  *time.Timer
	next   time.Time
	period time.Duration
	gen    int // guarded by Queue.mu: a touch outdates callbacks on their way
}

func attachTimer(c Caller, kn *knote) (source, netbsd.Errno) {
	s := &timerSource{kn: kn, count: &c.Files.Machine().Kqueues().Timers}
	first, period, errno := timerOf(kn.sfflags, kn.sdata, kn.flags&netbsd.EV_ONESHOT != 0)
	if errno != 0 {
		return nil, errno
	}
	if s.count.Add(1) >= maxTimers {
		s.count.Add(-1)
		return nil, netbsd.ENOMEM
	}
	guard.Locked(&kn.q.mu, func() {
		kn.flags |= impliedClear(kn.sfflags)
		s.startLocked(first, period)
	})
	return s, 0
}

// impliedClear is EV_CLEAR for a timer that is no absolute one (filt_timercompute).
func impliedClear(fflags uint32) uint32 {
	if fflags&netbsd.NOTE_ABSTIME != 0 {
		return 0
	}
	return netbsd.EV_CLEAR
}

// timerOf reads fflags and data (filt_timercompute): EINVAL for an unknown unit, or no time at all.
func timerOf(fflags uint32, data int64, oneshot bool) (first, period time.Duration, errno netbsd.Errno) {
	unit, ok := map[uint32]time.Duration{
		netbsd.NOTE_MSECONDS: time.Millisecond, netbsd.NOTE_SECONDS: time.Second,
		netbsd.NOTE_USECONDS: time.Microsecond, netbsd.NOTE_NSECONDS: time.Nanosecond,
	}[fflags&^netbsd.NOTE_ABSTIME]
	if !ok {
		return 0, 0, netbsd.EINVAL
	}
	d := time.Duration(math.MaxInt64)
	if data < math.MaxInt64/int64(unit) {
		d = time.Duration(max(data, math.MinInt64/int64(unit))) * unit
	}
	if fflags&netbsd.NOTE_ABSTIME != 0 {
		return max(0, max(0, d)-time.Duration(time.Now().UnixNano())), 0, 0
	}
	if d == 0 {
		return 0, 0, netbsd.EINVAL
	}
	if d < 0 {
		d = negative(d)
	}
	if oneshot {
		return d, 0, 0
	}
	// A period of next to no length would go off without end.
	d = max(d, time.Millisecond)
	return d, d, 0
}

// negative is how long a time below 0 is (tvtohz): a tick, but for a fraction of a second of a tick and more. The
// microseconds of that count without a sign, and make the longest time that there is.
func negative(d time.Duration) time.Duration {
	if d <= -time.Second || d > -tick {
		return tick
	}
	return math.MaxInt32 * tick
}

// startLocked sets the timer. A callback that is on its way already, as Stop does not wait
// for it, finds another generation and does nothing.
func (s *timerSource) startLocked(first, period time.Duration) {
	s.gen++
	gen := s.gen
	s.period, s.next = period, time.Now().Add(first)
	s.stopLocked()
	if first <= 0 { // an absolute time that has been has gone off
		s.kn.data = 1
		return
	}
	s.timer = after(first, func() { s.fire(gen) })
}

func (s *timerSource) stopLocked() {
	if s.timer != nil {
		s.timer.Stop()
	}
}

func after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() { guard.Report(guard.Catch("an event's timer fired", f)) })
}

func (s *timerSource) fire(gen int) {
	kn := s.kn
	kn.happen(func() bool {
		if s.gen != gen {
			return false
		}
		kn.data++
		if s.period > 0 {
			// What was missed is counted, not made up for one by one.
			late := time.Since(s.next) / s.period
			kn.data += int64(late)
			s.next = s.next.Add(s.period * (late + 1))
			s.timer = after(time.Until(s.next), func() { s.fire(gen) })
		}
		return true
	})
}

func (s *timerSource) poll(kn *knote) (state, bool) { return state{}, kn.happened() }

// touch is filt_timertouch: EV_ADD sets the timer anew, forgetting what it counted; other changes leave it. One that cannot be
// set stands still. Who is deleted meanwhile has let go of the timer, which nobody would stop.
func (s *timerSource) touch(kn *knote, ev *netbsd.Kevent) netbsd.Errno {
	if ev.Flags&netbsd.EV_ADD == 0 {
		return 0
	}
	kn.q.mu.Lock()
	defer kn.q.mu.Unlock()
	if kn.dead {
		return 0
	}
	s.gen++
	s.stopLocked()
	kn.data, kn.active = 0, false
	kn.q.ready.remove(kn)
	first, period, errno := timerOf(ev.Fflags, ev.Data, ev.Flags&netbsd.EV_ONESHOT != 0)
	if errno != 0 {
		return errno
	}
	kn.flags, kn.sfflags, kn.sdata = ev.Flags|impliedClear(ev.Fflags), ev.Fflags, ev.Data
	s.startLocked(first, period)
	return 0
}

func (s *timerSource) detach(kn *knote) {
	kn.q.mu.Lock()
	defer kn.q.mu.Unlock()
	s.gen++
	s.stopLocked()
	s.count.Add(-1)
}
