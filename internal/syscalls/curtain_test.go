package syscalls

import (
	"fmt"
	"testing"

	"toaster/netbsd"
)

// security.curtain, which has three names (secmodel_extensions.c): once the superuser has drawn it, others do not see each other's processes: they
// are in no table and no procfs, ptrace(2) finds them not (ptrace_find), and who asks for one is refused (proc_find_locked).
func TestCurtain(t *testing.T) {
	const base = ctlCreateBase
	curtain := words(netbsd.CTL_SECURITY, base)
	table := func(what uint32, rest ...uint32) []byte {
		return words(append([]uint32{netbsd.CTL_KERN, what}, rest...)...)
	}
	procs := func(size uint64) func(*player) uint64 { return func(p *player) uint64 { return p.arg(longs(size)) } }
	left := func(n uint64) func(*result) string {
		return func(r *result) string {
			if got := le.Uint64(r.mem(3, 8)) / netbsd.SizeofKinfoProc2; got != n {
				return fmt.Sprintf("%d processes, want %d", got, n)
			}
			return ""
		}
	}
	all := table(netbsd.KERN_PROC2, netbsd.KERN_PROC_ALL, 0, netbsd.SizeofKinfoProc2, 9)
	const room9 = room(9 * netbsd.SizeofKinfoProc2)
	size := procs(9 * netbsd.SizeofKinfoProc2)
	rows := func(open bool, n uint64) []row {
		noEnv := netbsd.EPERM
		if n == 2 { // it is the superuser
			noEnv = 0
		}
		if open {
			return []row{
				{"it sees all", netbsd.SYS___sysctl, args{all, 6, room9, size, 0, 0}, 0, left(n), nil},
				{"fill_cwd: where somebody is", netbsd.SYS___sysctl, args{table(netbsd.KERN_PROC_ARGS, 1, netbsd.KERN_PROC_CWD), 4, room(9), longs(9), 0, 0}, 0, out{2, []byte("/\x00\xa5")}, nil},
				{"but not its environment", netbsd.SYS___sysctl, args{table(netbsd.KERN_PROC_ARGS, 1, netbsd.KERN_PROC_ENV), 4, room(9), longs(9), 0, 0}, noEnv, nil, nil},
				{"procfs", netbsd.SYS_open, args{"/proc/1/status", 0, 0}, 0, nil, nil},
				{"LWPs", netbsd.SYS___sysctl, args{table(netbsd.KERN_LWP, 1, netbsd.SizeofKinfoLWP, 9), 5, room(9 * netbsd.SizeofKinfoLWP), procs(9 * netbsd.SizeofKinfoLWP), 0, 0}, 0, nil, nil},
				{"EPERM", netbsd.SYS_ptrace, args{netbsd.PT_ATTACH, 1, 0, 0}, netbsd.EPERM, nil, nil},
			}
		}
		return []row{
			{"it sees its own", netbsd.SYS___sysctl, args{all, 6, room9, size, 0, 0}, 0, left(n), nil},
			{"no procfs", netbsd.SYS_open, args{"/proc/1/status", 0, 0}, netbsd.ENOENT, nil, nil},
			{"no LWPs", netbsd.SYS___sysctl, args{table(netbsd.KERN_LWP, 1, netbsd.SizeofKinfoLWP, 9), 5, room(9 * netbsd.SizeofKinfoLWP), procs(9 * netbsd.SizeofKinfoLWP), 0, 0}, netbsd.EPERM, nil, nil},
			{"no arguments", netbsd.SYS___sysctl, args{table(netbsd.KERN_PROC_ARGS, 1, netbsd.KERN_PROC_ARGV), 4, room(9), longs(9), 0, 0}, netbsd.EPERM, nil, nil},
			{"not where somebody is", netbsd.SYS___sysctl, args{table(netbsd.KERN_PROC_ARGS, 1, netbsd.KERN_PROC_CWD), 4, room(9), longs(9), 0, 0}, netbsd.EPERM, nil, nil},
			{"its own arguments", netbsd.SYS___sysctl, args{table(netbsd.KERN_PROC_ARGS, ^uint32(0), netbsd.KERN_PROC_ARGV), 4, room(9), longs(9), 0, 0}, 0, nil, nil},
			{"ESRCH", netbsd.SYS_ptrace, args{netbsd.PT_ATTACH, 1, 0, 0}, netbsd.ESRCH, nil, nil},
			{"it cannot be opened", netbsd.SYS___sysctl, args{curtain, 2, 0, 0, words(0), 4}, netbsd.EPERM, nil, nil},
		}
	}
	user := func(open bool, n uint64) func(*player) {
		return func(c *player) {
			c.ok(netbsd.SYS_setuid, 7)
			c.play(rows(open, n))
		}
	}
	newRig(t).run(func(p *player) {
		p.play([]row{
			{"it is open", netbsd.SYS___sysctl, args{curtain, 2, room(4), longs(4), 0, 0}, 0, out{2, words(0)}, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, user(true, 3)},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"EINVAL", netbsd.SYS___sysctl, args{curtain, 2, 0, 0, words(1, 1), 8}, netbsd.EINVAL, nil, nil},
			{"security.models.bsd44.curtain", netbsd.SYS___sysctl, args{words(netbsd.CTL_SECURITY, base+1, base+1, base), 4, 0, 0, words(1), 4}, 0, nil, nil},
			{"security.models.extensions.curtain", netbsd.SYS___sysctl, args{words(netbsd.CTL_SECURITY, base+1, base, base), 4, room(4), longs(4), 0, 0}, 0, out{2, words(1)}, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, user(false, 1)},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
		})
		p.play(rows(true, 2))
	})
}
