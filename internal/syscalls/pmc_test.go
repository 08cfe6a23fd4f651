package syscalls

import (
	"fmt"
	"testing"
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// sys_pmc.c: what is asked before, and the errors of each operation; of profiling xscale_start_profiling and its like of xscale_pmc.c.
func TestPmc(t *testing.T) {
	config := func(event byte) []byte {
		b := make([]byte, netbsd.SizeofPmcCounterCfg)
		b[0], b[8] = event, 200
		return b
	}
	newRigOf(t, kern.Release2003).run(func(p *player) {
		p.play([]row{
			{"EINVAL: no such operation", netbsd.SYS_pmc_control, args{0, 9, 0}, netbsd.EINVAL, nil, nil},
			{"ENXIO: not configured", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_START, 0}, netbsd.ENXIO, nil, nil},
			{"ENXIO: not configured", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_STOP, 0}, netbsd.ENXIO, nil, nil},
			{"EFAULT before EINVAL", netbsd.SYS_pmc_control, args{7, netbsd.PMC_OP_CONFIGURE, bad}, netbsd.EFAULT, nil, nil},
			{"EINVAL: no such counter", netbsd.SYS_pmc_control, args{7, netbsd.PMC_OP_CONFIGURE, config(0)}, netbsd.EINVAL, nil, nil},
			{"ENODEV: no such event", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_CONFIGURE, config(1)}, netbsd.ENODEV, nil, nil},
			{"PMC_OP_CONFIGURE", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_CONFIGURE, config(0)}, 0, nil, nil},
			{"the value that it was given", netbsd.SYS_pmc_get_info, args{0, netbsd.PMC_INFO_COUNTER_VALUE, room(8)}, 0, out{2, []byte{200, 0, 0, 0, 0, 0, 0, 0}}, nil},
			{"PMC_OP_START", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_START, 0}, 0, nil, nil},
			{"EINPROGRESS", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_START, 0}, netbsd.EINPROGRESS, nil, nil},
			{"PMC_OP_STOP", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_STOP, 0}, 0, nil, nil},
			{"of one that has stopped", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_STOP, 0}, 0, nil, nil},
			{"PMC_OP_PROFSTART: EFAULT", netbsd.SYS_pmc_control, args{7, netbsd.PMC_OP_PROFSTART, bad}, netbsd.EFAULT, nil, nil},
			{"PMC_OP_PROFSTART: EINVAL", netbsd.SYS_pmc_control, args{7, netbsd.PMC_OP_PROFSTART, config(0)}, netbsd.EINVAL, nil, nil},
			{"PMC_OP_PROFSTART: ENODEV", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_PROFSTART, config(1)}, netbsd.ENODEV, nil, nil},
			{"PMC_OP_PROFSTART", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_PROFSTART, config(0)}, 0, profiledBy(200), nil},
			{"EBUSY before ENODEV", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_PROFSTART, config(1)}, netbsd.EBUSY, profiledBy(200), nil},
			{"PMC_OP_START: EINPROGRESS", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_START, 0}, netbsd.EINPROGRESS, nil, nil},
			{"PMC_OP_STOP", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_STOP, 0}, 0, profiledBy(200), nil},
			{"PMC_OP_CONFIGURE: EINVAL", netbsd.SYS_pmc_control, args{7, netbsd.PMC_OP_CONFIGURE, config(0)}, netbsd.EINVAL, nil, nil},
			{"PMC_OP_CONFIGURE: EBUSY before ENODEV", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_CONFIGURE, config(1)}, netbsd.EBUSY, nil, nil},
			{"PMC_OP_PROFSTOP: EINVAL", netbsd.SYS_pmc_control, args{7, netbsd.PMC_OP_PROFSTOP, 0}, netbsd.EINVAL, nil, nil},
			{"PMC_OP_PROFSTOP", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_PROFSTOP, 0}, 0, profiledBy(0), nil},
			{"of none", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_PROFSTOP, 0}, 0, nil, nil},
			{"PMC_OP_START", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_START, 0}, 0, nil, nil},
			{"PMC_OP_PROFSTART: EBUSY while it counts", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_PROFSTART, config(0)}, netbsd.EBUSY, profiledBy(0), nil},
			{"PMC_OP_STOP", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_STOP, 0}, 0, nil, nil},
			{"an overflow of the whole", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_PROFSTART, make([]byte, netbsd.SizeofPmcCounterCfg)}, 0, profiledBy(1 << 32), nil},
			{"PMC_OP_PROFSTOP", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_PROFSTOP, 0}, 0, nil, nil},
			{"fork(2) of who does not count", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				c.ok(netbsd.SYS_pmc_control, 0, netbsd.PMC_OP_CONFIGURE, config(0))
				c.ok(netbsd.SYS_pmc_control, 0, netbsd.PMC_OP_START, 0)
				c.play([]row{
					{"fork(2) of who counts", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
						c.ok(netbsd.SYS_pmc_control, 0, netbsd.PMC_OP_STOP, 0)
						c.play([]row{{"EBUSY: another process counts", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_PROFSTART, config(0)}, netbsd.EBUSY, nil, nil}})
					}},
					{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
				})
			}},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"PMC_OP_PROFSTART when all have ended who counted", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_PROFSTART, config(0)}, 0, profiledBy(200), nil},
			{"PMC_OP_PROFSTOP", netbsd.SYS_pmc_control, args{0, netbsd.PMC_OP_PROFSTOP, 0}, 0, profiledBy(0), nil},
			{"PMC_INFO_NCOUNTERS", netbsd.SYS_pmc_get_info, args{0, netbsd.PMC_INFO_NCOUNTERS, room(4)}, 0, out{2, []byte{1, 0, 0, 0}}, nil},
			{"the class", netbsd.SYS_pmc_get_info, args{-1, netbsd.PMC_INFO_CPUCTR_TYPE, room(4)}, 0, out{2, []byte{0, 0, 3, 0}}, nil},
			{"the type", netbsd.SYS_pmc_get_info, args{0, netbsd.PMC_INFO_CPUCTR_TYPE, room(4)}, 0, out{2, []byte{1, 0, 3, 0}}, nil},
			{"EINVAL: no such counter", netbsd.SYS_pmc_get_info, args{1, netbsd.PMC_INFO_COUNTER_VALUE, room(8)}, netbsd.EINVAL, nil, nil},
			{"EINVAL: no such request", netbsd.SYS_pmc_get_info, args{0, 5, room(8)}, netbsd.EINVAL, nil, nil},
			{"EFAULT", netbsd.SYS_pmc_get_info, args{0, netbsd.PMC_INFO_NCOUNTERS, bad}, netbsd.EFAULT, nil, nil},
		})
	})
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_compat_13_sigaction13, int(netbsd.SIGSYS), ignoring(), 0)
		p.play([]row{{"ENOSYS and SIGSYS: obsolete since NetBSD 9", netbsd.SYS_pmc_control, args{0, 1, 0}, netbsd.ENOSYS, nil, nil}})
	})
}

// profiledBy demands that n nanoseconds of processor time are a profile's tick; 0: the clock makes them.
func profiledBy(n time.Duration) func(r *result) string {
	return func(r *result) string {
		if got := r.p.c.K.M.ProfileSource(); got != n {
			return fmt.Sprintf("a tick is %v", got)
		}
		return ""
	}
}

// ignoring is a struct sigaction of NetBSD 1.3 whose handler is SIG_IGN.
func ignoring() []byte { return append([]byte{1}, make([]byte, 15)...) }
