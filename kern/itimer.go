package kern

import (
	"time"

	"toaster/netbsd"
)

// This file has interval timers (setitimer(2)) and timer_create(2)'s timers. Real
// time comes from package time. Process time is measured by the address space; it
// passes no faster than real time on every LWP, so the clock is looked at again when
// the rest could have passed at the earliest.
//
// Every clock is read before mu is taken, as an address space may have to ask the host. So what is read may
// be a little old when it is used, never newer. mu guards the timers themselves. A time.Timer that has
// fired already cannot be stopped: its function waits for mu, and learns there whether it is still meant
// (dead, gen).

// Itimerval is struct itimerval: the time until the signal, 0 for off, and the
// period after it, 0 for once.
type Itimerval struct{ Value, Interval time.Duration }

// timerTick is the kernel's clock tick at HZ 100: no timer of setitimer(2) is shorter.
const timerTick = 10 * time.Millisecond

// TimerTicks is what itimerfix and itimespecfix make of a time that a timer counts down: a tick at least, but for
// 0, which is none.
//
// An interval below a tick would be a timer that never stops firing: a guest could keep a core
// busy with one call.
func TimerTicks(d time.Duration) time.Duration {
	if d > 0 {
		d = max(d, timerTick)
	}
	return d
}

// numItimers is how many timers of setitimer(2) there are (TIMER_MIN of sys/timevar.h).
const numItimers = netbsd.ITIMER_MONOTONIC + 1

// itimer is a timer of setitimer(2) that has ever been set. Each setting makes a new one, so that a fire of the last setting cannot be
// taken for one of this. One that is off has no t, and keeps the interval that it was set to (dosetitimer).
type itimer struct {
	p        *Proc
	which    int
	due      time.Duration // by the machine's clock, or process time
	interval time.Duration
	ahead    time.Duration // what the clock was past its last tick when the timer was set
	t        *time.Timer
	dead     bool
}

// Setitimer is setitimer(2) (and alarm(3)): it returns the old setting. EINVAL: no such
// timer, or a negative time.
//
// A process that has begun to exit gets no timer: freeTimers may have been there already, and nobody would
// stop it any more.
func (l *LWP) Setitimer(which int, v Itimerval) (Itimerval, netbsd.Errno) {
	if which < 0 || which >= numItimers || v.Value < 0 || v.Interval < 0 {
		return Itimerval{}, netbsd.EINVAL
	}
	if errno := l.enter(); errno != 0 {
		return Itimerval{}, errno
	}
	v.Value, v.Interval = TimerTicks(v.Value), TimerTicks(v.Interval)
	p, m := l.p, l.p.m
	now := p.timerClock(which)
	m.lock()
	x := p.extra()
	var old Itimerval
	if it := x.itimers[which]; it != nil {
		old = it.value(now)
		it.stop()
		x.itimers[which] = &itimer{p: p, which: which, interval: v.Interval, dead: true}
	}
	if v.Value > 0 && p.flags&fWExit == 0 {
		it := &itimer{p: p, which: which, due: now + v.Value, interval: v.Interval, ahead: now % timerTick}
		x.itimers[which] = it
		it.t = m.afterFunc(v.Value, it.fire)
	}
	m.unlock()
	return old, l.leave(0)
}

// Getitimer is getitimer(2). EINVAL: no such timer. A timer that was never set, and any of a process that is gone, is
// zero.
func (p *Proc) Getitimer(which int) (Itimerval, netbsd.Errno) {
	if which < 0 || which >= numItimers {
		return Itimerval{}, netbsd.EINVAL
	}
	now := p.timerClock(which)
	p.m.lock()
	defer p.m.unlock()
	if p.ext == nil || p.ext.itimers[which] == nil {
		return Itimerval{}, 0
	}
	return p.ext.itimers[which].value(now), 0
}

// countsTime reports whether a timer goes by the clock. ITIMER_REAL and ITIMER_MONOTONIC are two timers that do: nobody sets the
// machine's clock.
func countsTime(which int) bool {
	return which == netbsd.ITIMER_REAL || which == netbsd.ITIMER_MONOTONIC
}

// timerClock is what the timer counts by: time since boot, the process's user time, or all its
// processor time. mu is not held: the address space is asked. which is one of the four timers, or what clockOf
// has made of a clock.
func (p *Proc) timerClock(which int) time.Duration {
	if countsTime(which) {
		return p.m.uptime()
	}
	return p.cpuTime(which == netbsd.ITIMER_PROF)
}

// A timer that is due but has not fired yet has a microsecond left, as getitimer(2) must not
// say 0, which means off. What is left of real time is told by a clock that goes by ticks, as that is by which
// the timer was set (getnanotime in dosetitimer and timer_gettime). mu is held.
func (it *itimer) value(now time.Duration) Itimerval {
	if it.t == nil {
		return Itimerval{Interval: it.interval}
	}
	if countsTime(it.which) {
		now += it.ahead - now%timerTick
	}
	return Itimerval{max(it.due-now, time.Microsecond), it.interval}
}

// dead is for a fire that has begun and waits for mu: Stop comes too late for it. mu is held.
func (it *itimer) stop() {
	it.dead = true
	if it.t != nil {
		it.t.Stop()
	}
}

// itimerSignals are what the timers send (dosetitimer), by their number.
var itimerSignals = [numItimers]netbsd.Signal{netbsd.SIGALRM, netbsd.SIGVTALRM, netbsd.SIGPROF, netbsd.SIGALRM}

// fire runs when the time may have come.
//
// Process time may have stood still meanwhile: then the timer is set again for the earliest
// moment at which it could run out. Periods that were missed while the machine was busy or
// stopped are skipped, not caught up on: one signal stands for all (setitimer(2)).
func (it *itimer) fire() {
	p, m := it.p, it.p.m
	now := p.timerClock(it.which)
	m.lock()
	defer m.unlock()
	if it.dead {
		return
	}
	if now < it.due {
		it.t.Reset(max(it.due-now, time.Millisecond))
		return
	}
	if sig := itimerSignals[it.which]; !p.pend.set.Has(sig) { // ptimer_intr
		m.psignal(p, &netbsd.Siginfo{Signo: sig, Code: netbsd.SI_TIMER, Value: uint64(it.which)}, nil)
	}
	if it.interval == 0 {
		it.dead, it.t = true, nil
		return
	}
	// Whole periods at a time: a timer that is days late is not counted up in its periods, with mu held.
	for it.due <= now {
		it.due += it.interval * max(1, (now-it.due)/it.interval)
	}
	it.t.Reset(it.due - now)
}

// posixTimer is a timer of timer_create(2). It is there from that call to timer_delete(2), set or not: t is nil
// while it is not, and due means nothing then; every is what it was set to. mu guards it; p, id, clock, info, silent and upcall never
// change.
type posixTimer struct {
	p      *Proc
	id     int32
	clock  int // CLOCK_REALTIME and its like
	info   netbsd.Siginfo
	silent bool
	upcall bool          // SIGEV_SA
	fired  bool          // it is in saState.timers: an upcall is to tell of it (pts_fired)
	due    time.Duration // by clockOf(clock)
	every  time.Duration
	over   int // how often it has run out since it told somebody (it_overruns)
	told   int // and how often it had then (pt_poverruns)
	t      *time.Timer
	gen    int
}

// maxPosixTimers is TIMER_MAX.
const maxPosixTimers = 32

// clockOf returns what a timer of a clock counts by: CLOCK_VIRTUAL and CLOCK_PROF are the interval timers of their names.
func clockOf(clock int) (which int) {
	switch clock {
	case netbsd.CLOCK_VIRTUAL:
		return netbsd.ITIMER_VIRTUAL
	case netbsd.CLOCK_PROF:
		return netbsd.ITIMER_PROF
	}
	return netbsd.ITIMER_REAL
}

// TimerCreate is timer_create(2): the timer sends info, or nothing if Signo is 0 (SIGEV_NONE); with nil the signal of its clock,
// which says the timer's id. EINVAL: no such clock or signal; EAGAIN: too many; ESRCH: p has begun to exit.
//
// Each timer may have a timer of Go's run for it, so their number is bounded for each process. The lowest free
// id is taken, as timer_create1 does; those of setitimer(2)'s timers, which it has in the same array, are left
// out.
func (p *Proc) TimerCreate(clock int, info *netbsd.Siginfo) (int, netbsd.Errno) {
	if clock < netbsd.CLOCK_REALTIME || clock > netbsd.CLOCK_MONOTONIC || info != nil && info.Signo != 0 && !info.Signo.Valid() {
		return 0, netbsd.EINVAL
	}
	return p.newTimer(clock, func(pt *posixTimer) {
		if info == nil {
			pt.info = netbsd.Siginfo{Signo: itimerSignals[clockOf(clock)], Value: uint64(pt.id)}
		} else {
			pt.info = *info
		}
		pt.info.Code = netbsd.SI_TIMER
		pt.silent = pt.info.Signo == 0
	})
}

// TimerCreateUpcall is TimerCreate of a timer that tells by an upcall (SIGEV_SA): info is what that says. In release 10, and where no upcalls are
// on when it runs out, it tells nobody.
func (p *Proc) TimerCreateUpcall(clock int, info netbsd.Siginfo) (int, netbsd.Errno) {
	if clock < netbsd.CLOCK_REALTIME || clock > netbsd.CLOCK_MONOTONIC {
		return 0, netbsd.EINVAL
	}
	info.Code, info.Pid, info.UID = 0, p.pid, p.Cred().RUID
	return p.newTimer(clock, func(pt *posixTimer) { pt.info, pt.silent, pt.upcall = info, true, true })
}

// newTimer makes a timer, which set completes with mu held. EAGAIN, ESRCH: see TimerCreate.
func (p *Proc) newTimer(clock int, set func(*posixTimer)) (int, netbsd.Errno) {
	p.m.lock()
	defer p.m.unlock()
	x := p.extra()
	if p.flags&fWExit != 0 {
		return 0, netbsd.ESRCH
	}
	if x.timers == nil {
		x.timers = make(map[int32]*posixTimer)
	}
	for id := int32(4); id < 4+maxPosixTimers; id++ { // below are the interval timers
		if x.timers[id] == nil {
			pt := &posixTimer{p: p, id: id, clock: clock}
			set(pt)
			x.timers[id] = pt
			return int(id), 0
		}
	}
	return 0, netbsd.EAGAIN
}

// posixTimer returns the timer with that id, nil if there is none. The id is the guest's word, and bounded
// before it is cut to 32 bits: a large number must not become the id of a timer. mu is held.
func (p *Proc) posixTimer(id int) *posixTimer {
	if p.ext == nil || id < 0 || id > 1<<20 {
		return nil
	}
	return p.ext.timers[int32(id)]
}

// clockedTimer returns the timer with that id and what it counts by. The clock is asked without mu, as a process's own time is the
// address space's to tell. Which clock it is may only be seen with mu held, so the first look supposes real
// time, and a second follows where that was wrong: the timer may be gone by then, or its id another's. mu is
// held when it returns, in any case.
func (p *Proc) clockedTimer(id int) (*posixTimer, time.Duration) {
	which := netbsd.ITIMER_REAL
	for {
		now := p.timerClock(which)
		p.m.lock()
		pt := p.posixTimer(id)
		if pt == nil || clockOf(pt.clock) == which {
			return pt, now
		}
		which = clockOf(pt.clock)
		p.m.unlock()
	}
}

// TimerClock returns the clock of a timer, -1 if there is none.
func (p *Proc) TimerClock(id int) int {
	p.m.lock()
	defer p.m.unlock()
	if pt := p.posixTimer(id); pt != nil {
		return pt.clock
	}
	return -1
}

// TimerSettime is timer_settime(2) with a relative time; it returns the old setting.
// EINVAL: no such timer or a negative time.
func (p *Proc) TimerSettime(id int, v Itimerval) (Itimerval, netbsd.Errno) {
	pt, now := p.clockedTimer(id)
	defer p.m.unlock()
	if pt == nil || v.Value < 0 || v.Interval < 0 {
		return Itimerval{}, netbsd.EINVAL
	}
	// The value may be what is left until an absolute time, which has no least one.
	v.Interval = TimerTicks(v.Interval)
	old := pt.value(now)
	pt.disarm()
	pt.every = v.Interval
	if v.Value > 0 {
		gen := pt.gen
		pt.due = now + v.Value
		pt.t = p.m.afterFunc(v.Value, func() { pt.fire(gen) })
	}
	return old, 0
}

// gen tells a fire that is on its way that it is no longer meant. The overruns stay, as dotimer_settime does not touch them. mu is held.
func (pt *posixTimer) disarm() {
	pt.gen++
	if pt.t != nil {
		pt.t.Stop()
		pt.t = nil
	}
	pt.due, pt.every = 0, 0
}

// A timer that is due and has not fired has a microsecond left, as itimer.value has it. mu is held.
func (pt *posixTimer) value(now time.Duration) Itimerval {
	if pt.t == nil {
		return Itimerval{Interval: pt.every}
	}
	return Itimerval{max(pt.due-now, time.Microsecond), pt.every}
}

// While the timer's signal is pending no second one is queued; the overrun count tells of it
// (timer_getoverrun(2)). So a process that blocks the signal of a fast timer collects a number
// and no memory.
//
// Process time may have stood still meanwhile, as in itimer.fire.
func (pt *posixTimer) fire(gen int) {
	p, m := pt.p, pt.p.m
	now := p.timerClock(clockOf(pt.clock))
	m.lock()
	defer m.unlock()
	if pt.gen != gen {
		return
	}
	if now < pt.due && clockOf(pt.clock) != netbsd.ITIMER_REAL {
		pt.t.Reset(max(pt.due-now, time.Millisecond))
		return
	}
	due := pt.due
	for pt.every != 0 && pt.due <= now {
		n := max(1, (now-pt.due)/pt.every)
		pt.due += pt.every * n
	}
	if pt.every != 0 && clockOf(pt.clock) == netbsd.ITIMER_REAL {
		pt.over += int((now - due) / pt.every) // periods that are over already (itimer_callout)
	}
	pt.tell()
	if pt.every == 0 {
		pt.t = nil
		return
	}
	pt.t.Reset(pt.due - now)
}

// tell is ptimer_intr. The process's own set alone is asked: a timer's signal is never sent to one LWP. What is lost to a full queue is
// no overrun. mu is held.
func (pt *posixTimer) tell() {
	p := pt.p
	switch {
	case pt.upcall:
		pt.upcallTimer()
	case pt.silent:
	case p.pend.set.Has(pt.info.Signo):
		pt.over++
	default:
		pt.posted()
		p.m.psignal(p, &pt.info, nil)
	}
}

// posted notes that somebody is told now: until the next time timer_getoverrun(2) says how often the timer had run out since the last. mu is
// held.
func (pt *posixTimer) posted() { pt.told, pt.over = pt.over, 0 }

// TimerGettime is timer_gettime(2): a timer that is not set has no value, but the interval that it was set to. EINVAL: no such timer.
func (p *Proc) TimerGettime(id int) (Itimerval, netbsd.Errno) {
	pt, now := p.clockedTimer(id)
	defer p.m.unlock()
	if pt == nil {
		return Itimerval{}, netbsd.EINVAL
	}
	return pt.value(now), 0
}

// TimerOverrun is timer_getoverrun(2): how often the timer had run out while its signal was pending still, when it sent the
// last one (sys_timer_getoverrun). EINVAL: no such timer.
func (p *Proc) TimerOverrun(id int) (int, netbsd.Errno) {
	p.m.lock()
	defer p.m.unlock()
	pt := p.posixTimer(id)
	if pt == nil {
		return 0, netbsd.EINVAL
	}
	return pt.told, 0
}

// TimerDelete is timer_delete(2). EINVAL: no such timer. A signal that it has sent stays pending.
func (p *Proc) TimerDelete(id int) netbsd.Errno {
	p.m.lock()
	defer p.m.unlock()
	pt := p.posixTimer(id)
	if pt == nil {
		return netbsd.EINVAL
	}
	pt.disarm()
	pt.forgetUpcall()
	delete(p.ext.timers, pt.id)
	return 0
}

// freePosixTimers ends the timers of timer_create(2), which neither an exec nor an exit leaves
// behind. mu is held.
func (p *Proc) freePosixTimers() {
	if p.ext == nil {
		return
	}
	for _, pt := range p.ext.timers {
		pt.disarm()
	}
	p.ext.timers = nil
}

// freeTimers is timers_free(TIMERS_ALL) (item 11).
//
// mu is held. A signal that a timer has sent before stays pending; exit drops it. With fWExit set nobody
// makes a new timer, so none is left behind.
func (p *Proc) freeTimers(l *LWP) {
	p.step(l, StepFreeTimers)
	if p.ext == nil {
		return
	}
	for i, it := range p.ext.itimers {
		if it != nil {
			it.stop()
			p.ext.itimers[i] = nil
		}
	}
	p.freePosixTimers()
}
