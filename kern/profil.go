package kern

import (
	"math/bits"
	"sync/atomic"
	"time"

	"toaster/netbsd"
)

// This file has profil(2)'s clock. Every tick of processor time that a process has used is to be counted where its program
// was; how much a tick is, the machine's performance counter may say (profsrc). The clock runs in real time and looks at what was used since; an LWP that runs is kicked then, and its loop takes the
// ticks when it comes by (Platform.ProfileTicks). A fork copies the profile, an exec and an exit stop its clock.

// Profile is what profil(2) was given: Size bytes of counters of 16 bits at Base, of which Scale says how many
// addresses from Offset on share one, 1<<16 for a counter for each two bytes.
type Profile struct {
	Base, Size, Offset uint64
	Scale              uint32
}

// Slot returns which byte of the counters is for pc; false: none is (PC_TO_INDEX, addupc_intr).
//
// The index is cut to an int, as the macro does, and is even. A negative one becomes a large number here, as in
// addupc_intr's u_int, and is out of bounds.
func (f *Profile) Slot(pc uint64) (uint64, bool) {
	if pc < f.Offset {
		return 0, false
	}
	hi, lo := bits.Mul64(pc-f.Offset, uint64(f.Scale))
	i := hi<<48 | lo>>16
	i = uint64(int64(int32(i))) &^ 1
	return i, i < f.Size
}

// profile is a process's profile while its clock runs. mu guards it. tick reads the processor time before it takes
// mu, and learns from dead that the profile has ended meanwhile.
type profile struct {
	Profile
	p      *Proc
	seen   time.Duration // processor time that has been counted
	period time.Duration // by ticks of how much
	ticks  atomic.Int32  // that nobody has taken yet
	t      *time.Timer
	dead   bool
}

// SetProfileSource has a performance counter make the ticks of all profiles (profsrc), one for each d of processor time that a process
// uses; with 0 the clock makes them again.
func (m *Machine) SetProfileSource(d time.Duration) { m.profSource.Store(int64(d)) }

// ProfileSource returns what SetProfileSource was told last.
func (m *Machine) ProfileSource() time.Duration { return time.Duration(m.profSource.Load()) }

// profilePeriod is how much processor time a tick is.
func (m *Machine) profilePeriod() time.Duration {
	if d := m.ProfileSource(); d > 0 {
		return d
	}
	return timerTick
}

// Profil is profil(2): the caller's process is profiled as f says; a scale of 0 stops that. EINVAL: a scale above 1<<16.
func (p *Proc) Profil(f Profile) netbsd.Errno {
	if f.Scale > 1<<16 {
		return netbsd.EINVAL
	}
	used := p.timerClock(netbsd.ITIMER_PROF)
	p.m.lock()
	defer p.m.unlock()
	p.stopProfil()
	if f.Scale != 0 && p.flags&fWExit == 0 {
		p.startProfil(f, used)
	}
	return 0
}

// startProfil is startprofclock: used is the processor time that the profile is not to count. profiling stays set
// for the machine's life, as it only spares those who never profile the lock in ProfileTicks. mu is held.
func (p *Proc) startProfil(f Profile, used time.Duration) {
	r := &profile{Profile: f, p: p, seen: used, period: p.m.profilePeriod()}
	p.extra().prof = r
	p.flags |= fProfil
	p.m.profiling.Store(true)
	r.t = p.m.afterFunc(timerTick, r.tick)
}

// stopProfil is stopprofclock. A tick that has fired already finds dead set; ticks that nobody has taken are lost.
// mu is held.
func (p *Proc) stopProfil() {
	p.flags &^= fProfil
	if p.ext != nil && p.ext.prof != nil {
		p.ext.prof.dead = true
		p.ext.prof.t.Stop()
		p.ext.prof = nil
	}
}

// maxTicks are as many as a counter of a profile can tell. A source that makes more of them in a look makes so many.
const maxTicks = 1 << 16

// tick counts what was used since the last one, and kicks LWPs that run. Which of them has used the time is not
// known: the first to come by counts all ticks where it is. What is less than a tick is left for the next look, but
// none of another source's.
func (r *profile) tick() {
	used := r.p.timerClock(netbsd.ITIMER_PROF)
	m := r.p.m
	m.lock()
	defer m.unlock()
	if r.dead {
		return
	}
	if period := m.profilePeriod(); period != r.period {
		r.period, r.seen = period, used
	}
	if n := (used - r.seen) / r.period; n > 0 {
		r.seen += n * r.period
		if r.ticks.Load() < 1<<30 { // else nobody has come by for long
			r.ticks.Add(int32(min(n, maxTicks)))
		}
		for l := r.p.lwps; l != nil; l = l.next {
			if l.stat == LWPRunning && l.kicker != nil {
				m.after(l.kicker)
			}
		}
	}
	r.t.Reset(timerTick)
}

// ProfileTicks takes the ticks that are to be counted where l's program is, and returns how they are; 0 for none.
func (pl *Platform) ProfileTicks() (int, Profile) {
	proc := pl.p
	if !proc.m.profiling.Load() {
		return 0, Profile{}
	}
	proc.m.lock()
	defer proc.m.unlock()
	if proc.ext == nil || proc.ext.prof == nil {
		return 0, Profile{}
	}
	return int(proc.ext.prof.ticks.Swap(0)), proc.ext.prof.Profile
}
