package platform

import (
	"time"

	"golang.org/x/sys/unix"
)

// This file adds up the processor time of all host processes, the living and the dead. What a
// limit is held by comes from the host, never from a guest's slot.

// CPUTime returns the processor time that the platform's host processes have used.
func (p *Platform) CPUTime() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := p.usedByDead
	for pid := range p.procs {
		sum += cpuTimeOf(pid)
	}
	return sum
}

// cpuTimeOf reads the processor clock of a process (clock_getcpuclockid(3)). It is 0 for
// one that is dead; what it used is added when it is collected, a moment later.
func cpuTimeOf(pid int) time.Duration {
	const processClock = 2 // CPUCLOCK_SCHED of all its threads
	var ts unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|processClock), &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// addUsage adds what a process has used that is no longer one of p.procs. p.mu is held.
func (p *Platform) addUsage(u *unix.Rusage) {
	p.usedByDead += time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// KillGuests kills every host process but the zygote, without waiting: copies that are kept
// ready, too. The platform goes on.
func (p *Platform) KillGuests() {
	for _, q := range p.processes() {
		q.Kill()
	}
}

func (p *Platform) processes() []*Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]*Process, 0, len(p.procs))
	for _, q := range p.procs {
		if q != p.zygote {
			list = append(list, q)
		}
	}
	return list
}
