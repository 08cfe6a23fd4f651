package main

import (
	"sync/atomic"
	"unsafe"
)

// Cases about _lwp_ctl: what lwp_ctl_alloc of kern_lwp.c, lwp_exit and mi_switch of
// kern_synch.c write to struct lwpctl.

var lwpCtlCases = []testCase{
	{"lwp_ctl_shows_running_asleep_and_exited", lwpCtl},
	{"lwp_ctl_shows_short_sleeps", lwpCtlNap},
	{"lwp_ctl_errors", lwpCtlErrors},
	{"lwp_ctl_after_fork_and_exec", lwpCtlFork},
}

// lwpctl is struct lwpctl of sys/lwpctl.h.
type lwpctl struct{ curcpu, pctr int32 }

const (
	curcpuFeature = 1
	pctrFeature   = 2

	cpuNone   = -1
	cpuExited = -2
)

func (c *lwpctl) cpu() int { return int(atomic.LoadInt32(&c.curcpu)) }

func newLwpctl() (c *lwpctl) {
	must("_lwp_ctl", sysLwpCtl, curcpuFeature|pctrFeature, ptr(&c))
	return c
}

// others is where LWPs of a case put theirs.
var others [2]*lwpctl

func (c *lwpctl) await(cpu int) {
	for c.cpu() != cpu {
		yield()
	}
}

func lwpCtl() {
	mine := newLwpctl()
	yes("an LWP that looks runs on a processor", mine.cpu() >= 0)
	eq("_lwp_ctl again", int(uintptr(unsafe.Pointer(newLwpctl()))), int(uintptr(unsafe.Pointer(mine))))
	lid := lwpCreate(1, 0, func() {
		others[0] = newLwpctl()
		add(&cells[0])
		for load(&cells[1]) == 0 {
			park()
		}
		add(&cells[2])
		for load(&cells[3]) == 0 {
		}
	})
	for load(&cells[0]) == 0 {
		yield()
	}
	c := others[0]
	yes("each has its own", c != mine)
	c.await(cpuNone)
	before := atomic.LoadInt32(&c.pctr)
	add(&cells[1])
	must("_lwp_unpark", sysLwpUnpark, lid)
	for load(&cells[2]) == 0 {
		yield()
	}
	yes("one that was woken runs on a processor", c.cpu() >= 0)
	yes("and has been given one", atomic.LoadInt32(&c.pctr) > before)
	add(&cells[3])
	must("_lwp_wait", sysLwpWait, lid, 0)
	eq("lc_curcpu of one that has ended", c.cpu(), cpuExited)
	yes("the caller runs on a processor", mine.cpu() >= 0)
}

// A sleep too short for another process to notice is one, too: who spins for a mutex looks.
func lwpCtlNap() {
	lid := lwpCreate(1, 0, func() {
		others[0] = newLwpctl()
		add(&cells[0])
		for load(&cells[1]) == 0 {
			ts := [2]int{0, 2_000_000}
			call(sysNanosleep, ptr(&ts), 0)
			if others[0].cpu() < 0 {
				fail("awake without a processor")
			}
		}
	})
	for load(&cells[0]) == 0 {
		yield()
	}
	others[0].await(cpuNone)
	add(&cells[1])
	must("_lwp_wait", sysLwpWait, lid, 0)
}

func lwpCtlErrors() {
	var c *lwpctl
	errs("_lwp_ctl with an unknown feature", enodev, sysLwpCtl, 4, ptr(&c))
	errs("_lwp_ctl with a bad address", efault, sysLwpCtl, curcpuFeature, 8)
	reapOK(vfork(func() {
		errs("_lwp_ctl of a vfork child", ebusy, sysLwpCtl, curcpuFeature, ptr(&c))
	}))
}

func lwpCtlFork() {
	newLwpctl()
	reapOK(fork(func() {
		yes("in a child", newLwpctl().cpu() >= 0)
		lid := lwpCreate(1, 0, func() { others[1] = newLwpctl() })
		must("_lwp_wait in a child", sysLwpWait, lid, 0)
		eq("of the child's LWP", others[1].cpu(), cpuExited)
		execSelf("sub_lwp_ctl")
	}))
}

// subLwpCtl is a program that was executed by one that had used _lwp_ctl.
func subLwpCtl() {
	c := newLwpctl()
	yes("after exec", c.cpu() >= 0)
	park1ms()
	yes("after a sleep", c.cpu() >= 0)
}

func park1ms() {
	ts := [2]int{0, 1_000_000}
	call(sysLwpPark, 3, 0, ptr(&ts), 0, 0, 0)
}
