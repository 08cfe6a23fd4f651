package syscalls

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

// exits has a child exit with a status.
func exits(status int) func(p *player) { return func(p *player) { p.do(netbsd.SYS_exit, status) } }

// last is the pid of the newest child.
func last(p *player) uint64 {
	pid := 0
	for _, q := range p.m.Procs() {
		if q.Ppid() == p.c.L.Proc().Pid() {
			pid = max(pid, q.Pid())
		}
	}
	return uint64(pid)
}

// lastAnd is the newest child's first LWP and n zeroes: in release 10 the LWP's id is the pid.
func lastAnd(n int) func(*player) uint64 {
	return func(p *player) uint64 {
		return p.arg(words(append([]uint32{uint32(last(p))}, make([]uint32, n)...)...))
	}
}

// lwpIs wants that LWP, and then v.
func lwpIs(v ...uint32) func(*result) string {
	return func(r *result) string {
		want := words(append([]uint32{uint32(last(r.p))}, v...)...)
		if got := r.mem(2, len(want)); string(got) != string(want) {
			return fmt.Sprintf("%x, want %x", got, want)
		}
		return ""
	}
}

func words(v ...uint32) (b []byte) {
	for _, w := range v {
		b = le.AppendUint32(b, w)
	}
	return b
}

func longs(v ...uint64) (b []byte) {
	for _, w := range v {
		b = le.AppendUint64(b, w)
	}
	return b
}

const nobody = 29999 // no process has this id

func TestProcess(t *testing.T) {
	stages(t, map[string][]row{
		"ids": {
			{"getpid(2)", netbsd.SYS_getpid, nil, 0, self, nil},
			{"sys_getpid_with_ppid: the parent in RDX", netbsd.SYS_getpid, nil, 0, func(r *result) string {
				if r.ret[1] != 1 {
					return fmt.Sprint("the parent is ", r.ret[1])
				}
				return ""
			}, nil},
			{"getppid(2)", netbsd.SYS_getppid, nil, 0, 1, nil},
			{"getpgrp(2)", netbsd.SYS_getpgrp, nil, 0, self, nil},
			{"getpgid(2): 0 is the caller", netbsd.SYS_getpgid, args{0}, 0, self, nil},
			{"getpgid(2): ESRCH", netbsd.SYS_getpgid, args{nobody}, netbsd.ESRCH, nil, nil},
			{"getsid(2): 0 is the caller", netbsd.SYS_getsid, args{0}, 0, self, nil},
			{"getsid(2): ESRCH", netbsd.SYS_getsid, args{nobody}, netbsd.ESRCH, nil, nil},
			{"setsid(2): EPERM for a group leader", netbsd.SYS_setsid, nil, netbsd.EPERM, nil, nil},
			{"setpgid(2): EINVAL for a negative group", netbsd.SYS_setpgid, args{0, -1}, netbsd.EINVAL, nil, nil},
			{"setpgid(2): ESRCH for no child", netbsd.SYS_setpgid, args{nobody, 0}, netbsd.ESRCH, nil, nil},
			{"proc_enterpgrp: ESRCH for a negative process", netbsd.SYS_setpgid, args{-1, 0}, netbsd.ESRCH, nil, nil},
			{"sys_setpgid: EINVAL comes first", netbsd.SYS_setpgid, args{-1, -1}, netbsd.EINVAL, nil, nil},
			{"fork(2): the child's id", netbsd.SYS_fork, nil, 0, last, func(p *player) {
				p.play([]row{
					{"setpgid(2): EPERM for a group of nobody", netbsd.SYS_setpgid, args{0, nobody}, netbsd.EPERM, nil, nil},
					{"setpgid(2): a group of its own", netbsd.SYS_setpgid, args{0, 0}, 0, nil, nil},
					{"getpgrp(2) of the new group", netbsd.SYS_getpgrp, nil, 0, self, nil},
				})
			}},
			{"__wait450 of it", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(p *player) {
				p.play([]row{
					{"setsid(2): the new session", netbsd.SYS_setsid, nil, 0, self, nil},
					{"setpgid(2) of init: ESRCH, as it is no child", netbsd.SYS_setpgid, args{1, 0}, netbsd.ESRCH, nil, nil},
				})
			}},
			{"__wait450 of it", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
		},
		"wait": {
			{"wait(2): ECHILD without a child", netbsd.SYS___wait450, args{-1, 0, 0, 0}, netbsd.ECHILD, nil, nil},
			{"do_sys_waitid: EINVAL for unknown options", netbsd.SYS___wait450, args{-1, 0, 1 << 30, 0}, netbsd.EINVAL, nil, nil},
			{"vfork(2) waits for the child's exit", netbsd.SYS___vfork14, nil, 0, last, exits(5)},
			{"the vfork of before NetBSD 1.4 does the same", netbsd.SYS_vfork, nil, 0, last, exits(6)},
			{"W_EXITCODE(6, 0)", netbsd.SYS___wait450, args{last, room(4), 0, 0}, 0, out{1, words(0x600)}, nil},
			{"wait(2): EFAULT for the status", netbsd.SYS___wait450, args{last, bad, netbsd.WNOWAIT, 0}, netbsd.EFAULT, nil, nil},
			{"W_EXITCODE(5, 0)", netbsd.SYS___wait450, args{last, room(4), netbsd.WNOWAIT, 0}, 0, out{1, words(0x500)}, nil},
			{"match_process: P_PPID matches nobody", netbsd.SYS_wait6, args{netbsd.P_PPID, self, room(4), netbsd.WEXITED, 0, 0}, netbsd.ECHILD, nil, nil},
			{"wait6(2): EINVAL without what to wait for", netbsd.SYS_wait6, args{netbsd.P_ALL, 0, room(4), 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"wait6(2): si_signo, si_code and si_status", netbsd.SYS_wait6, args{netbsd.P_PID, last, room(4), netbsd.WEXITED | netbsd.WNOWAIT, room(netbsd.SizeofWrusage), room(netbsd.SizeofSiginfo)}, 0, func(r *result) string {
				info := netbsd.DecodeSiginfo(r.mem(5, netbsd.SizeofSiginfo))
				if info.Signo != netbsd.SIGCHLD || info.Code != netbsd.CLD_EXITED {
					return fmt.Sprintf("%+v", info)
				}
				return ""
			}, nil},
			{"wait(2): rusage of the child", netbsd.SYS___wait450, args{last, 0, 0, bad}, netbsd.EFAULT, nil, nil},
			{"wait(2): once only", netbsd.SYS___wait450, args{-1, 0, 0, 0}, netbsd.ECHILD, nil, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(p *player) {
				var set [16]byte
				netbsd.PutSigset(set[:], 0)
				p.do(netbsd.SYS___sigsuspend14, set[:])
			}},
			{"wait(2): 0 if nothing has happened, with WNOHANG", netbsd.SYS___wait450, args{-1, 0, netbsd.WNOHANG, 0}, 0, 0, nil},
			{"kill(2)", netbsd.SYS_kill, args{last, netbsd.SIGTERM}, 0, 0, nil},
			{"W_EXITCODE(0, SIGTERM)", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(15)}, nil},
		},
		"clone": {
			{"__clone(2): EINVAL for shared handlers without shared memory", netbsd.SYS___clone, args{netbsd.CLONE_SIGHAND, 0}, netbsd.EINVAL, nil, nil},
			{"__clone(2): EINVAL for a signal that there is not", netbsd.SYS___clone, args{netbsd.NSIG, 0}, netbsd.EINVAL, nil, nil},
			{"sys___clone: EINVAL for CLONE_PTRACE", netbsd.SYS___clone, args{0x2000 | int(netbsd.SIGCHLD), 0}, netbsd.EINVAL, nil, nil},
			{"sys___clone: flags that there are not are nothing", netbsd.SYS___clone, args{0x7fff9000 | int(netbsd.SIGCHLD), 0}, 0, last, exits(4)},
			{"W_EXITCODE(4, 0)", netbsd.SYS___wait450, args{last, room(4), 0, 0}, 0, out{1, words(0x400)}, nil},
			{"__clone(2): the stack", netbsd.SYS___clone, args{int(netbsd.SIGCHLD), 0x5000}, 0, last, func(p *player) {
				if sp := p.cpu.gregs[netbsd.REG_RSP]; sp != 0x5000 {
					p.t.Errorf("the child's stack pointer is %#x", sp)
				}
			}},
			{"__wait450 of it", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"__clone(2): no SIGCHLD, found by __WALL alone", netbsd.SYS___clone, args{netbsd.CLONE_VM | netbsd.CLONE_FILES | netbsd.CLONE_FS, 0}, 0, last, exits(0)},
			{"wait(2): not without WALTSIG", netbsd.SYS___wait450, args{-1, 0, 0, 0}, netbsd.ECHILD, nil, nil},
			{"wait(2): WALTSIG", netbsd.SYS___wait450, args{-1, 0, netbsd.WALTSIG, 0}, 0, nil, nil},
		},
		"limits": {
			{"setrlimit(2): EFAULT", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NOFILE, bad}, netbsd.EFAULT, nil, nil},
			{"setrlimit(2): EINVAL for a resource", netbsd.SYS_setrlimit, args{12, longs(1, 1)}, netbsd.EINVAL, nil, nil},
			{"dosetrlimit: EINVAL for a soft limit above the hard one", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NOFILE, longs(9, 8)}, netbsd.EINVAL, nil, nil},
			{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NOFILE, longs(7, 8)}, 0, nil, nil},
			{"getrlimit(2)", netbsd.SYS_getrlimit, args{netbsd.RLIMIT_NOFILE, room(16)}, 0, out{1, longs(7, 8)}, nil},
			{"getrlimit(2): EINVAL for a resource", netbsd.SYS_getrlimit, args{-1, room(16)}, netbsd.EINVAL, nil, nil},
			{"getrlimit(2): EFAULT", netbsd.SYS_getrlimit, args{netbsd.RLIMIT_CORE, bad}, netbsd.EFAULT, nil, nil},
			{"getrusage(2): EINVAL for whom", netbsd.SYS___getrusage50, args{1, room(netbsd.SizeofRusage)}, netbsd.EINVAL, nil, nil},
			{"getrusage(2): EFAULT", netbsd.SYS___getrusage50, args{0, bad}, netbsd.EFAULT, nil, nil},
			{"getrusage(2) of children that there were not", netbsd.SYS___getrusage50, args{-1, room(16)}, 0, out{1, longs(0, 0)}, nil},
		},
		"priority": {
			{"getpriority(2): EINVAL for a kind", netbsd.SYS_getpriority, args{3, 0}, netbsd.EINVAL, nil, nil},
			{"getpriority(2): ESRCH", netbsd.SYS_getpriority, args{netbsd.PRIO_PROCESS, nobody}, netbsd.ESRCH, nil, nil},
			{"getpriority(2)", netbsd.SYS_getpriority, args{netbsd.PRIO_PROCESS, 0}, 0, 0, nil},
			{"setpriority(2)", netbsd.SYS_setpriority, args{netbsd.PRIO_PGRP, 0, 7}, 0, nil, nil},
			{"getpriority(2): the new one", netbsd.SYS_getpriority, args{netbsd.PRIO_PROCESS, self}, 0, 7, nil},
			{"setpriority(2): at most PRIO_MAX", netbsd.SYS_setpriority, args{netbsd.PRIO_USER, 0, 99}, 0, nil, nil},
			{"getpriority(2): PRIO_MAX", netbsd.SYS_getpriority, args{netbsd.PRIO_USER, 0}, 0, netbsd.PRIO_MAX, nil},
			{"fork(2) of another user's", netbsd.SYS_fork, nil, 0, nil, func(p *player) {
				p.ok(netbsd.SYS_setuid, 200)
				p.ok(netbsd.SYS_kill, self, netbsd.SIGSTOP)
			}},
			{"which has stopped", netbsd.SYS___wait450, args{-1, room(4), netbsd.WUNTRACED, 0}, 0, out{1, words(0x117f)}, nil},
			{"seteuid(2)", netbsd.SYS_seteuid, args{100}, 0, nil, nil},
			{"donice: EACCES for another's, and not EPERM, if the real user is 0", netbsd.SYS_setpriority, args{netbsd.PRIO_PROCESS, last, 20}, netbsd.EACCES, nil, nil},
			{"seteuid(2)", netbsd.SYS_seteuid, args{0}, 0, nil, nil},
			{"kill(2)", netbsd.SYS_kill, args{last, netbsd.SIGKILL}, 0, nil, nil},
			{"wait(2)", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(uint32(netbsd.SIGKILL))}, nil},
			{"setuid(2)", netbsd.SYS_setuid, args{100}, 0, nil, nil},
			{"setpriority(2): EACCES to lower it", netbsd.SYS_setpriority, args{netbsd.PRIO_PROCESS, 0, 3}, netbsd.EACCES, nil, nil},
			{"sys_setpriority: 0 as a user is the superuser, whoever asks", netbsd.SYS_setpriority, args{netbsd.PRIO_USER, 0, 20}, netbsd.EPERM, nil, nil},
			{"sys_getpriority: but the caller there", netbsd.SYS_getpriority, args{netbsd.PRIO_USER, 0}, 0, netbsd.PRIO_MAX, nil},
			{"setpriority(2): EPERM for another's", netbsd.SYS_setpriority, args{netbsd.PRIO_PROCESS, 1, 20}, netbsd.EPERM, nil, nil},
		},
		"indirect": {
			{"sys_profil: EINVAL", netbsd.SYS_profil, args{bad, 2, 0, 1<<16 + 1}, netbsd.EINVAL, nil, nil},
			{"sys_profil: addresses are not looked at", netbsd.SYS_profil, args{bad, 2, 0, 1 << 16}, 0, 0, nil},
			{"sys_profil: off", netbsd.SYS_profil, args{0, 0, 0, 0}, 0, 0, nil},
			{"sys_syscall: ENOSYS for an indirect call", netbsd.SYS_syscall, args{netbsd.SYS___syscall}, netbsd.ENOSYS, nil, nil},
			{"sys___syscall: ENOSYS for an indirect call", netbsd.SYS___syscall, args{netbsd.SYS_syscall}, netbsd.ENOSYS, nil, nil},
			{"utrace(2) of a process that nobody traces (ktruser)", netbsd.SYS_utrace, args{bad, bad, 1 << 20}, 0, nil, nil},
			{"acct(2): off, if it is on", netbsd.SYS_acct, args{0}, 0, 0, nil},
		},
		"exec of who changed users": {
			{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NPROC, longs(0, 9)}, 0, nil, nil},
			{"execve_loadvm: the superuser may", netbsd.SYS_execve, args{bad, bad, bad}, netbsd.EFAULT, nil, nil},
			{"setuid(2)", netbsd.SYS_setuid, args{7}, 0, nil, nil},
			{"execve_loadvm: EAGAIN comes first", netbsd.SYS_execve, args{bad, bad, bad}, netbsd.EAGAIN, nil, nil},
			{"execve_loadvm: fexecve(2), too", netbsd.SYS_fexecve, args{99, bad, bad}, netbsd.EAGAIN, nil, nil},
			{"check_posix_spawn: EAGAIN comes first", netbsd.SYS_posix_spawn, args{0, bad, bad, bad, bad, bad}, 0, int(netbsd.EAGAIN), nil},
		},
		"exec": {
			{"a program", netbsd.SYS_open, args{"/x", netbsd.O_CREAT, 0o755}, 0, 0, nil},
			{"what is none", netbsd.SYS_open, args{"/plain", netbsd.O_CREAT, 0o644}, 0, 1, nil},
			{"execve_loadvm: ENOENT before EFAULT", netbsd.SYS_execve, args{"/none", bad, strv{}}, netbsd.ENOENT, nil, nil},
			{"execve_loadvm: EACCES before E2BIG", netbsd.SYS_execve, args{"/plain", strv{strings.Repeat("x", 300<<10)}, strv{}}, netbsd.EACCES, nil, nil},
			{"execve_loadvm: posix_spawn(3), ENOENT before EINVAL", netbsd.SYS_posix_spawn, args{0, "/none", 0, 0, 0, strv{}}, 0, int(netbsd.ENOENT), nil},
			{"execve(2): EFAULT for the path", netbsd.SYS_execve, args{bad, strv{"a"}, strv{}}, netbsd.EFAULT, nil, nil},
			{"execve(2): EFAULT for the arguments", netbsd.SYS_execve, args{"/x", bad, strv{}}, netbsd.EFAULT, nil, nil},
			{"copyinargs: EINVAL without arguments", netbsd.SYS_execve, args{"/x", 0, strv{}}, netbsd.EINVAL, nil, nil},
			{"execve(2): EFAULT for the environment", netbsd.SYS_execve, args{"/x", strv{"a"}, bad}, netbsd.EFAULT, nil, nil},
			{"copyinargs: no environment is an empty one", netbsd.SYS_execve, args{"/x", strv{"a"}, 0}, netbsd.EJUSTRETURN, executed(ExecArgs{Path: "/x", Argv: []string{"a"}}), nil},
			{"execve(2): ENAMETOOLONG", netbsd.SYS_execve, args{strings.Repeat("x", 1024), strv{"a"}, strv{}}, netbsd.ENAMETOOLONG, nil, nil},
			{"execve(2): E2BIG", netbsd.SYS_execve, args{"/x", strv{strings.Repeat("x", 300<<10)}, strv{}}, netbsd.E2BIG, nil, nil},
			{"copyinargstrs: pointers do not count", netbsd.SYS_execve, args{"/x", strv(slices.Repeat([]string{"argument"}, 20000)), 0}, netbsd.EJUSTRETURN, nil, nil},
			{"copyinargstrs: strings do, with the bytes that end them", netbsd.SYS_execve, args{"/x", strv{strings.Repeat("x", 200<<10)}, strv{strings.Repeat("y", 56<<10-2)}}, netbsd.EJUSTRETURN, nil, nil},
			{"copyinargstrs: E2BIG for one more", netbsd.SYS_execve, args{"/x", strv{strings.Repeat("x", 200<<10)}, strv{strings.Repeat("y", 56<<10-1)}}, netbsd.E2BIG, nil, nil},
			{"execve(2)", netbsd.SYS_execve, args{"/x", strv{"a", "b"}, strv{"C=d"}}, netbsd.EJUSTRETURN, executed(ExecArgs{Path: "/x", Argv: []string{"a", "b"}, Envp: []string{"C=d"}}), nil},
			{"posix_spawn(3): its result is the errno", netbsd.SYS_posix_spawn, args{0, bad, 0, 0, strv{}, strv{}}, 0, int(netbsd.EFAULT), nil},
			{"copyinargs: posix_spawn(3) without arguments", netbsd.SYS_posix_spawn, args{0, "/x", 0, 0, 0, strv{}}, 0, int(netbsd.EINVAL), nil},
			{"copyinargs: posix_spawn(3) without an environment", netbsd.SYS_posix_spawn, args{0, "/x", 0, 0, strv{"x"}, 0}, 0, 0, func(p *player) {}},
			{"wait4(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"sys_posix_spawn: EFAULT for the actions before ENOENT", netbsd.SYS_posix_spawn, args{0, "/none", bad, 0, strv{"x"}, 0}, 0, int(netbsd.EFAULT), nil},
			{"sys_posix_spawn: EFAULT for the attributes before ENOENT", netbsd.SYS_posix_spawn, args{0, "/none", 0, bad, strv{"x"}, 0}, 0, int(netbsd.EFAULT), nil},
			{"sys_posix_spawn: EINVAL for more than twice as many actions as descriptors", netbsd.SYS_posix_spawn, args{0, "/none", words(2049, 2049, 0, 0), 0, strv{"x"}, 0}, 0, int(netbsd.EINVAL), nil},
			{"sys_posix_spawn: there may be twice as many", netbsd.SYS_posix_spawn, args{0, "/none", words(2048, 2048, 0, 0), 0, strv{"x"}, 0}, 0, int(netbsd.EFAULT), nil},
			{"posix_spawn(3): EINVAL for too many actions", netbsd.SYS_posix_spawn, args{0, "/x", words(9999, 9999, 0, 0), 0, strv{}, strv{}}, 0, int(netbsd.EINVAL), nil},
			{"sys_posix_spawn: actions before the attributes", netbsd.SYS_posix_spawn, args{0, "/x", words(9999, 9999, 0, 0), bad, strv{}, strv{}}, 0, int(netbsd.EINVAL), nil},
			{"sys_posix_spawn: actions before the path", netbsd.SYS_posix_spawn, args{0, bad, words(9999, 9999, 0, 0), 0, strv{}, strv{}}, 0, int(netbsd.EINVAL), nil},
			{"sys_posix_spawn: attributes before the path", netbsd.SYS_posix_spawn, args{0, "/none", 0, bad, strv{}, strv{}}, 0, int(netbsd.EFAULT), nil},
			{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NOFILE, longs(3, 64)}, 0, nil, nil},
			{"sys_posix_spawn: two actions a descriptor", netbsd.SYS_posix_spawn, args{0, "/x", words(6, 6, 0, 0), 0, strv{}, strv{}}, 0, int(netbsd.EFAULT), nil},
			{"sys_posix_spawn: no more", netbsd.SYS_posix_spawn, args{0, "/x", words(7, 7, 0, 0), 0, strv{}, strv{}}, 0, int(netbsd.EINVAL), nil},
			{"setrlimit(2)", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NOFILE, longs(64, 64)}, 0, nil, nil},
			{"posix_spawn(3)", netbsd.SYS_posix_spawn, args{room(4), "/y", 0, 0, strv{"y"}, strv{}}, 0, func(r *result) string {
				if pid := last(r.p); uint64(le.Uint32(r.mem(0, 4))) != pid || r.ret[0] != 0 {
					return fmt.Sprintf("pid %d, want %d", le.Uint32(r.mem(0, 4)), pid)
				}
				return ""
			}, exits(3)},
			{"__wait450 of it", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, func(r *result) string {
				if status := le.Uint32(r.mem(1, 4)); status != 0x300 {
					return fmt.Sprintf("status %#x", status)
				}
				return executed(ExecArgs{Path: "/y", Argv: []string{"y"}})(r)
			}, nil},
		},
	})
}

// executed wants that the last program is x.
func executed(x ExecArgs) func(r *result) string {
	return func(r *result) string {
		r.p.mu.Lock()
		defer r.p.mu.Unlock()
		if n := len(r.p.execs); n == 0 || !reflect.DeepEqual(r.p.execs[n-1], x) {
			return fmt.Sprintf("executed %v", r.p.execs)
		}
		return ""
	}
}

// A debugger sees and changes registers and memory of a child that stopped (ptrace(2)).
func TestPtrace(t *testing.T) {
	stopped := func(p *player) {
		p.cpu.gregs[netbsd.REG_RIP] = 0x401000
		p.ok(netbsd.SYS_ptrace, netbsd.PT_TRACE_ME, 0, 0, 0)
		p.ok(netbsd.SYS_kill, self, netbsd.SIGSTOP)
		p.do(netbsd.SYS_exit, p.cpu.gregs[netbsd.REG_RIP]&0xff)
	}
	const addr = ramBase
	stages(t, map[string][]row{"debugger": {
		{"ptrace(2): ESRCH", netbsd.SYS_ptrace, args{netbsd.PT_ATTACH, nobody, 0, 0}, netbsd.ESRCH, nil, nil},
		{"ptrace(2): ESRCH comes before an unknown request", netbsd.SYS_ptrace, args{9999, nobody, 0, 0}, netbsd.ESRCH, nil, nil},
		{"ptrace_allowed: 0 is a system process", netbsd.SYS_ptrace, args{netbsd.PT_ATTACH, 0, 0, 0}, netbsd.EPERM, nil, nil},
		{"ptrace_allowed: EPERM comes before the arguments", netbsd.SYS_ptrace, args{netbsd.PT_IO, self, bad, 3}, netbsd.EPERM, nil, nil},
		{"ptrace(2): EINVAL for oneself", netbsd.SYS_ptrace, args{netbsd.PT_ATTACH, self, 0, 0}, netbsd.EINVAL, nil, nil},
		{"the child's memory will be there", netbsd.SYS_getrlimit, args{netbsd.RLIMIT_CORE, room(16)}, 0, nil, nil},
		{"the child stops", netbsd.SYS_fork, nil, 0, nil, stopped},
		{"W_STOPCODE(SIGSTOP)", netbsd.SYS___wait450, args{-1, room(4), netbsd.WUNTRACED, 0}, 0, out{1, words(0x117f)}, nil},
		{"PT_GETREGS", netbsd.SYS_ptrace, args{netbsd.PT_GETREGS, last, room(8 * netbsd.NGREG), 0}, 0, func(r *result) string {
			if b := r.mem(2, 8*netbsd.NGREG); le.Uint64(b[8*netbsd.REG_RIP:]) != 0x401000 {
				return fmt.Sprintf("RIP is %#x", le.Uint64(b[8*netbsd.REG_RIP:]))
			}
			return ""
		}, nil},
		{"PT_GETREGS: EFAULT", netbsd.SYS_ptrace, args{netbsd.PT_GETREGS, last, bad, 0}, netbsd.EFAULT, nil, nil},
		{"ptrace_update_lwp: a single LWP is meant by any number", netbsd.SYS_ptrace, args{netbsd.PT_GETREGS, last, room(8 * netbsd.NGREG), 77}, 0, nil, nil},
		{"uvm_io: EINVAL for a hole", netbsd.SYS_ptrace, args{netbsd.PT_READ_D, last, 0, 0}, netbsd.EINVAL, nil, nil},
		{"uvm_io: EINVAL for a hole", netbsd.SYS_ptrace, args{netbsd.PT_WRITE_D, last, 0, 1}, netbsd.EINVAL, nil, nil},
		{"uvm_io: nothing is moved beyond user space", netbsd.SYS_ptrace, args{netbsd.PT_READ_D, last, uint64(netbsd.VM_MAXUSER_ADDRESS), 0}, 0, 0, nil},
		{"uvm_io: nor is that an error", netbsd.SYS_ptrace, args{netbsd.PT_WRITE_D, last, uint64(netbsd.VM_MAXUSER_ADDRESS), 1}, 0, nil, nil},
		{"uvm_io: EIO beyond the last address", netbsd.SYS_ptrace, args{netbsd.PT_READ_D, last, ^uint64(1), 0}, netbsd.EIO, nil, nil},
		{"ptrace_copyin_piod: EINVAL for a size", netbsd.SYS_ptrace, args{netbsd.PT_IO, last, longs(1, addr, addr, 4), 31}, netbsd.EINVAL, nil, nil},
		{"do_ptrace: EINVAL for no length", netbsd.SYS_ptrace, args{netbsd.PT_IO, last, longs(1, addr, addr, 0), 32}, netbsd.EINVAL, nil, nil},
		{"ptrace_doio: EINVAL for an operation", netbsd.SYS_ptrace, args{netbsd.PT_IO, last, longs(6, addr, addr, 4), 32}, netbsd.EINVAL, nil, nil},
		{"PIOD_READ_AUXV: EIO beyond es_arglen", netbsd.SYS_ptrace, args{netbsd.PT_IO, last, longs(5, 1273, addr, 4), 32}, netbsd.EIO, nil, nil},
		{"PT_WRITE_D", netbsd.SYS_ptrace, args{netbsd.PT_WRITE_D, last, addr, 0x12345678}, 0, nil, nil},
		{"PT_READ_D", netbsd.SYS_ptrace, args{netbsd.PT_READ_D, last, addr, 0}, 0, 0x12345678, nil},
		{"PT_IO", netbsd.SYS_ptrace, args{netbsd.PT_IO, last, func(p *player) uint64 {
			return p.mem.put(longs(1, addr, p.arg(room(4)), 4))
		}, 0}, 0, func(r *result) string {
			pio := r.mem(2, 32)
			b := make([]byte, 4)
			r.p.mem.Read(le.Uint64(pio[16:]), b)
			if le.Uint64(pio[24:]) != 4 || le.Uint32(b) != 0x12345678 {
				return fmt.Sprintf("%x: %x", pio, b)
			}
			return ""
		}, nil},
		{"PT_SETREGS: EFAULT", netbsd.SYS_ptrace, args{netbsd.PT_SETREGS, last, bad, 0}, netbsd.EFAULT, nil, nil},
		{"PT_SETREGS: EINVAL for an address that is not the user's", netbsd.SYS_ptrace, args{netbsd.PT_SETREGS, last, registers(1 << 63), 0}, netbsd.EINVAL, nil, nil},
		{"PT_SETREGS", netbsd.SYS_ptrace, args{netbsd.PT_SETREGS, last, registers(0x403000), 0}, 0, nil, nil},
		{"PT_SETFPREGS", netbsd.SYS_ptrace, args{netbsd.PT_SETFPREGS, last, filler(netbsd.SizeofFpregs), 0}, 0, nil, nil},
		{"PT_GETFPREGS", netbsd.SYS_ptrace, args{netbsd.PT_GETFPREGS, last, make([]byte, netbsd.SizeofFpregs), 0}, 0, out{2, filler(netbsd.SizeofFpregs)}, nil},
		{"ptrace_machdep_dorequest: EFAULT for the iovec", netbsd.SYS_ptrace, args{netbsd.PT_GETXSTATE, last, bad, 0}, netbsd.EFAULT, nil, nil},
		{"process_machdep_doxstate: EFAULT", netbsd.SYS_ptrace, args{netbsd.PT_GETXSTATE, last, longs(bad, 8), 0}, netbsd.EFAULT, nil, nil},
		{"process_machdep_doxstate: EFAULT", netbsd.SYS_ptrace, args{netbsd.PT_SETXSTATE, last, longs(bad, 8), 0}, netbsd.EFAULT, nil, nil},
		{"process_verify_xstate: EINVAL", netbsd.SYS_ptrace, args{netbsd.PT_SETXSTATE, last, vectorOf(longs(1<<63), 8), 0}, netbsd.EINVAL, nil, nil},
		{"PT_SETXSTATE: no more than struct xstate", netbsd.SYS_ptrace, args{netbsd.PT_SETXSTATE, last, vectorOf(xstate(3, 1), 1<<40), 0}, 0, nil, nil},
		{"PT_SETXSTATE: a part of it", netbsd.SYS_ptrace, args{netbsd.PT_SETXSTATE, last, vectorOf(longs(7), 8), 77}, 0, nil, nil},
		{"PT_GETXSTATE", netbsd.SYS_ptrace, args{netbsd.PT_GETXSTATE, last, vectorOf(make([]byte, netbsd.SizeofXstate+1), 1<<40), 77}, 0, func(r *result) string {
			at, got := le.Uint64(r.mem(2, 8)), make([]byte, netbsd.SizeofXstate+1)
			r.p.mem.Read(at, got)
			if want := append(xstate(7, 1), 0); string(got) != string(want) {
				return fmt.Sprintf("%x", got[:32])
			}
			return ""
		}, nil},
		{"PT_LWPINFO: EINVAL for a size", netbsd.SYS_ptrace, args{netbsd.PT_LWPINFO, last, words(0, 0), 1}, netbsd.EINVAL, nil, nil},
		{"PT_LWPINFO: the first LWP, which has a signal", netbsd.SYS_ptrace, args{netbsd.PT_LWPINFO, last, words(0, 0), netbsd.SizeofPtraceLwpinfo}, 0, lwpIs(netbsd.PL_EVENT_SIGNAL), nil},
		{"PT_LWPINFO: 0 behind the last one", netbsd.SYS_ptrace, args{netbsd.PT_LWPINFO, last, lastAnd(1), netbsd.SizeofPtraceLwpinfo}, 0, out{2, words(0)}, nil},
		{"PT_LWPSTATUS", netbsd.SYS_ptrace, args{netbsd.PT_LWPSTATUS, last, lastAnd(15), netbsd.SizeofPtraceStatus}, 0, lwpIs(), nil},
		{"PT_LWPSTATUS: a single LWP is meant by any number", netbsd.SYS_ptrace, args{netbsd.PT_LWPSTATUS, last, words(append([]uint32{77}, make([]uint32, 15)...)...), netbsd.SizeofPtraceStatus}, 0, lwpIs(), nil},
		{"PT_LWPNEXT: ESRCH", netbsd.SYS_ptrace, args{netbsd.PT_LWPNEXT, last, words(append([]uint32{77}, make([]uint32, 15)...)...), netbsd.SizeofPtraceStatus}, netbsd.ESRCH, nil, nil},
		{"PT_SET_EVENT_MASK: EINVAL for a size", netbsd.SYS_ptrace, args{netbsd.PT_SET_EVENT_MASK, last, words(1), 8}, netbsd.EINVAL, nil, nil},
		{"PT_SET_EVENT_MASK: others are not looked at", netbsd.SYS_ptrace, args{netbsd.PT_SET_EVENT_MASK, last, words(netbsd.PTRACE_FORK | 0x100), 4}, 0, nil, nil},
		{"PT_GET_EVENT_MASK", netbsd.SYS_ptrace, args{netbsd.PT_GET_EVENT_MASK, last, room(4), 4}, 0, out{2, words(netbsd.PTRACE_FORK)}, nil},
		{"PT_GET_EVENT_MASK: EFAULT", netbsd.SYS_ptrace, args{netbsd.PT_GET_EVENT_MASK, last, bad, 4}, netbsd.EFAULT, nil, nil},
		{"PT_GET_PROCESS_STATE: no event", netbsd.SYS_ptrace, args{netbsd.PT_GET_PROCESS_STATE, last, room(8), 8}, 0, out{2, words(0, 0)}, nil},
		{"PT_GET_SIGINFO: EINVAL for a size", netbsd.SYS_ptrace, args{netbsd.PT_GET_SIGINFO, last, room(136), 132}, netbsd.EINVAL, nil, nil},
		{"PT_GET_SIGINFO: struct ptrace_siginfo has 136 bytes in C", netbsd.SYS_ptrace, args{netbsd.PT_GET_SIGINFO, last, room(136), 136}, 0, out{2, words(uint32(netbsd.SIGSTOP))}, nil},
		{"PT_GET_SIGPASS: none", netbsd.SYS_ptrace, args{netbsd.PT_GET_SIGPASS, last, room(16), 16}, 0, out{2, sigset()}, nil},
		{"PT_SET_SIGPASS: EINVAL for a size", netbsd.SYS_ptrace, args{netbsd.PT_SET_SIGPASS, last, sigset(), 17}, netbsd.EINVAL, nil, nil},
		{"PT_SET_SIGPASS: EINVAL for nothing", netbsd.SYS_ptrace, args{netbsd.PT_SET_SIGPASS, last, sigset(), 0}, netbsd.EINVAL, nil, nil},
		{"PT_SET_SIGPASS: EFAULT", netbsd.SYS_ptrace, args{netbsd.PT_SET_SIGPASS, last, bad, 16}, netbsd.EFAULT, nil, nil},
		{"PT_SET_SIGPASS", netbsd.SYS_ptrace, args{netbsd.PT_SET_SIGPASS, last, sigset(netbsd.SIGUSR1, netbsd.SIGKILL, netbsd.SIGSTOP), 16}, 0, nil, nil},
		{"PT_GET_SIGPASS: all but sigcantmask", netbsd.SYS_ptrace, args{netbsd.PT_GET_SIGPASS, last, room(16), 16}, 0, out{2, sigset(netbsd.SIGUSR1)}, nil},
		{"PT_SUSPEND: a single LWP is meant by any number", netbsd.SYS_ptrace, args{netbsd.PT_SUSPEND, last, 0, 77}, 0, nil, nil},
		{"PT_LWPINFO: what a debugger holds is not suspended", netbsd.SYS_ptrace, args{netbsd.PT_LWPINFO, last, words(0, 0), netbsd.SizeofPtraceLwpinfo}, 0, lwpIs(netbsd.PL_EVENT_SIGNAL), nil},
		{"PT_CONTINUE: EINVAL for a signal comes first", netbsd.SYS_ptrace, args{netbsd.PT_CONTINUE, last, 0, netbsd.NSIG}, netbsd.EINVAL, nil, nil},
		{"PT_CONTINUE: EDEADLK", netbsd.SYS_ptrace, args{netbsd.PT_CONTINUE, last, 0, 0}, netbsd.EDEADLK, nil, nil},
		{"PT_RESUME", netbsd.SYS_ptrace, args{netbsd.PT_RESUME, last, 0, 77}, 0, nil, nil},
		{"PT_CONTINUE: ESRCH for INT_MIN", netbsd.SYS_ptrace, args{netbsd.PT_CONTINUE, last, 1, 1 << 31}, netbsd.ESRCH, nil, nil},
		{"PT_CONTINUE: ESRCH for an LWP", netbsd.SYS_ptrace, args{netbsd.PT_CONTINUE, last, 1, -77}, netbsd.ESRCH, nil, nil},
		{"PT_DETACH: EINVAL for an LWP alone", netbsd.SYS_ptrace, args{netbsd.PT_DETACH, last, 1, -77}, netbsd.EINVAL, nil, nil},
		{"PT_CONTINUE: EINVAL at 0, user_va0_disable", netbsd.SYS_ptrace, args{netbsd.PT_CONTINUE, last, 0, 0}, netbsd.EINVAL, nil, nil},
		{"PT_SETSTEP", netbsd.SYS_ptrace, args{netbsd.PT_SETSTEP, last, 0, 0}, 0, nil, nil},
		{"PT_CLEARSTEP", netbsd.SYS_ptrace, args{netbsd.PT_CLEARSTEP, last, 0, 0}, 0, nil, nil},
		{"PT_STOP", netbsd.SYS_ptrace, args{netbsd.PT_STOP, last, 0, 0}, 0, nil, nil},
		{"which is to be waited for", netbsd.SYS_ptrace, args{netbsd.PT_SUSPEND, last, 0, 0}, netbsd.EBUSY, nil, nil},
		{"W_STOPCODE(SIGSTOP) again", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(0x117f)}, nil},
		{"PT_SYSCALLEMU: EINVAL for who does not stop at calls", netbsd.SYS_ptrace, args{netbsd.PT_SYSCALLEMU, last, 0, 0}, netbsd.EINVAL, nil, nil},
		{"PT_SYSCALLEMU: ESRCH", netbsd.SYS_ptrace, args{netbsd.PT_SYSCALLEMU, nobody, 0, 0}, netbsd.ESRCH, nil, nil},
		{"PT_DUMPCORE: ESRCH comes first", netbsd.SYS_ptrace, args{netbsd.PT_DUMPCORE, nobody, bad, -1}, netbsd.ESRCH, nil, nil},
		{"ptrace_dumpcore: EINVAL", netbsd.SYS_ptrace, args{netbsd.PT_DUMPCORE, last, bad, -1}, netbsd.EINVAL, nil, nil},
		{"ptrace_dumpcore: EFAULT", netbsd.SYS_ptrace, args{netbsd.PT_DUMPCORE, last, bad, 5}, netbsd.EFAULT, nil, nil},
		{"PT_DUMPCORE", netbsd.SYS_ptrace, args{netbsd.PT_DUMPCORE, last, "name", 4}, 0, nil, nil},
		{"ptrace(2): EINVAL for a request", netbsd.SYS_ptrace, args{9999, last, 0, 0}, netbsd.EINVAL, nil, nil},
		{"PT_CONTINUE at an address", netbsd.SYS_ptrace, args{netbsd.PT_CONTINUE, last, 0x402033, 0}, 0, nil, nil},
		{"the child went on there", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(0x3300)}, nil},
		{"ptrace(2): ESRCH once it is gone", netbsd.SYS_ptrace, args{netbsd.PT_KILL, nobody, 0, 0}, netbsd.ESRCH, nil, nil},
	}})
}

// proc_regio: the registers of an LWP that stands still by _lwp_suspend(2) can be read, and not set, which is told once the new ones are there. ptrace_lwpinfo
// reads all of its structure first.
func TestPtraceOfASuspendedLWP(t *testing.T) {
	suspends := func(p *player) {
		p.ok(netbsd.SYS_ptrace, netbsd.PT_TRACE_ME, 0, 0, 0)
		p.ok(netbsd.SYS__lwp_create, context(at(0x5000)), netbsd.LWP_SUSPENDED, room(4))
		p.ok(netbsd.SYS_kill, self, netbsd.SIGSTOP)
	}
	other := func(p *player) uint64 {
		for _, l := range p.c.K.M.Find(int(last(p))).LWPs() {
			if l.ID() != int(last(p)) {
				return uint64(l.ID())
			}
		}
		return 0
	}
	atTheEnd := func(p *player) uint64 { // a number of no LWP, and no memory behind it
		end := (p.mem.put(make([]byte, 2*pageSize)) + pageSize) &^ (pageSize - 1)
		p.mem.Write(end-4, words(77))
		delete(p.mem.pages, end)
		return end - 4
	}
	stages(t, map[string][]row{"debugger": {
		{"the child stops", netbsd.SYS_fork, nil, 0, nil, suspends},
		{"W_STOPCODE(SIGSTOP)", netbsd.SYS___wait450, args{-1, room(4), netbsd.WUNTRACED, 0}, 0, out{1, words(0x117f)}, nil},
		{"PT_GETREGS", netbsd.SYS_ptrace, args{netbsd.PT_GETREGS, last, room(8 * netbsd.NGREG), other}, 0, nil, nil},
		{"PT_SETREGS: EFAULT", netbsd.SYS_ptrace, args{netbsd.PT_SETREGS, last, bad, other}, netbsd.EFAULT, nil, nil},
		{"PT_SETREGS: EBUSY", netbsd.SYS_ptrace, args{netbsd.PT_SETREGS, last, registers(1 << 63), other}, netbsd.EBUSY, nil, nil},
		{"PT_SETFPREGS: EBUSY", netbsd.SYS_ptrace, args{netbsd.PT_SETFPREGS, last, filler(netbsd.SizeofFpregs), other}, netbsd.EBUSY, nil, nil},
		{"PT_SETDBREGS: EBUSY", netbsd.SYS_ptrace, args{netbsd.PT_SETDBREGS, last, filler(netbsd.SizeofDbregs), other}, netbsd.EBUSY, nil, nil},
		{"PT_SETREGS of one that has stopped", netbsd.SYS_ptrace, args{netbsd.PT_SETREGS, last, registers(0x403000), last}, 0, nil, nil},
		{"PT_LWPINFO: EFAULT for half of it comes before ESRCH", netbsd.SYS_ptrace, args{netbsd.PT_LWPINFO, last, atTheEnd, netbsd.SizeofPtraceLwpinfo}, netbsd.EFAULT, nil, nil},
		{"PT_KILL", netbsd.SYS_ptrace, args{netbsd.PT_KILL, last, 0, 0}, 0, nil, nil},
		{"its end", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(9)}, nil},
	}})
}

// What is not NetBSD's has no registers that could be set, as a program of the host. It goes on like others (do_ptrace).
func TestPtraceOfWhatHasNoRegisters(t *testing.T) {
	stops := func(p *player) {
		p.c.L.Platform().SetMachdep(nil)
		p.ok(netbsd.SYS_ptrace, netbsd.PT_TRACE_ME, 0, 0, 0)
		for range 3 {
			p.ok(netbsd.SYS_kill, self, netbsd.SIGSTOP)
		}
		p.do(netbsd.SYS_exit, 3)
	}
	wait := func(status uint32) row {
		return row{"wait(2)", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(status)}, nil}
	}
	stages(t, map[string][]row{"debugger": {
		{"the child stops", netbsd.SYS_fork, nil, 0, nil, stops},
		wait(0x117f),
		{"PT_STEP", netbsd.SYS_ptrace, args{netbsd.PT_STEP, last, 1, 0}, netbsd.EINVAL, nil, nil},
		{"PT_CONTINUE at an address", netbsd.SYS_ptrace, args{netbsd.PT_CONTINUE, last, 0x402033, 0}, netbsd.EINVAL, nil, nil},
		{"PT_CONTINUE", netbsd.SYS_ptrace, args{netbsd.PT_CONTINUE, last, 1, 0}, 0, nil, nil},
		wait(0x117f),
		{"PT_SYSCALL", netbsd.SYS_ptrace, args{netbsd.PT_SYSCALL, last, 1, 0}, 0, nil, nil},
		wait(0x117f),
		{"PT_DETACH", netbsd.SYS_ptrace, args{netbsd.PT_DETACH, last, 1, 0}, 0, nil, nil},
		wait(0x300),
	}})
}

// vectorOf is a struct iovec for bytes in memory.
func vectorOf(b []byte, n uint64) func(p *player) uint64 {
	return func(p *player) uint64 { return p.mem.put(longs(p.mem.put(b), n)) }
}

// xstate is struct xstate with these bitmaps.
func xstate(rfbm, has uint64) []byte {
	var x netbsd.Xstate
	copy(x[:], filler(len(x)))
	x.SetBitmaps(rfbm, has)
	return x[:]
}

// registers is struct reg with this program counter.
func registers(rip uint64) []byte {
	b := make([]byte, netbsd.SizeofPtraceRegs)
	le.PutUint64(b[8*netbsd.REG_RIP:], rip)
	return b
}

// posix_spawn(3) carries file actions and attributes out in the child, and tells the
// parent what went wrong if the attributes ask for it.
func TestPosixSpawn(t *testing.T) {
	list := func(actions ...netbsd.SpawnFileAction) func(p *player) uint64 {
		return func(p *player) uint64 {
			var b []byte
			for i := range actions {
				a := actions[i]
				if name := map[uint64]string{1: "f", 2: "d", 3: "none", 4: "mine", 5: strings.Repeat("x", 1024)}[a.Path]; name != "" {
					a.Path = p.arg(name)
				}
				b = append(b, encoded(netbsd.SizeofSpawnFileAction, a.Encode)...)
			}
			fa := netbsd.SpawnFileActions{Size: uint32(len(actions)), Len: uint32(len(actions)), Addr: p.mem.put(b)}
			return p.mem.put(encoded(netbsd.SizeofSpawnFileActions, fa.Encode))
		}
	}
	endless := func(list func(p *player) uint64) func(p *player) uint64 { // of which most is not there
		return func(p *player) uint64 {
			at := list(p)
			p.mem.Write(at+4, words(1500))
			return at
		}
	}
	attr := func(a netbsd.SpawnAttr) []byte { return encoded(netbsd.SizeofSpawnAttr, a.Encode) }
	strict := attr(netbsd.SpawnAttr{Flags: netbsd.POSIX_SPAWN_RETURNERROR})
	fileStages(t, map[string][]row{"actions": {
		{"mkdir(2)", netbsd.SYS_mkdir, args{"d", 0o755}, 0, nil, nil},
		{"open, dup2, close, chdir", netbsd.SYS_posix_spawn, args{0, "/x", list(
			netbsd.SpawnFileAction{Action: netbsd.FAE_OPEN, Fd: 5, Path: 1, Oflag: netbsd.O_RDWR | netbsd.O_CREAT, Mode: 0o600},
			netbsd.SpawnFileAction{Action: netbsd.FAE_DUP2, Fd: 5, NewFd: 6},
			netbsd.SpawnFileAction{Action: netbsd.FAE_CLOSE, Fd: 5},
			netbsd.SpawnFileAction{Action: netbsd.FAE_CHDIR, Path: 2},
		), 0, strv{}, strv{}}, 0, 0, func(p *player) {
			p.play([]row{
				{"closed", netbsd.SYS_write, args{5, "x", 1}, netbsd.EBADF, nil, nil},
				{"duplicated", netbsd.SYS_write, args{6, "x", 1}, 0, 1, nil},
				{"changed", netbsd.SYS___getcwd, args{room(9), 9}, 0, out{0, []byte("/d\x00")}, nil},
			})
		}},
		{"wait(2)", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(0)}, nil},
		{"what fails is the child's alone: 127", netbsd.SYS_posix_spawn, args{0, "/x", list(netbsd.SpawnFileAction{Action: netbsd.FAE_DUP2, Fd: 99, NewFd: 5}), 0, strv{}, strv{}}, 0, 0, nil},
		{"wait(2)", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(127 << 8)}, nil},
		{"handle_posix_spawn_file_actions: what is closed can be closed", netbsd.SYS_posix_spawn, args{0, "/x", list(netbsd.SpawnFileAction{Action: netbsd.FAE_CLOSE, Fd: 99}), strict, strv{}, strv{}}, 0, 0, nil},
		{"wait(2)", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(0)}, nil},
		{"handle_posix_spawn_file_actions: what is no descriptor is closed", netbsd.SYS_posix_spawn, args{0, "/x", list(netbsd.SpawnFileAction{Action: netbsd.FAE_CLOSE, Fd: -1}), strict, strv{}, strv{}}, 0, 0, nil},
		{"wait(2)", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(0)}, nil},
		{"posix_spawn_fa_alloc: the list before its paths", netbsd.SYS_posix_spawn, args{0, "/x", endless(list(netbsd.SpawnFileAction{Action: netbsd.FAE_CHDIR, Path: 5})), strict, strv{}, strv{}}, 0, int(netbsd.EFAULT), nil},
		{"posix_spawn_fa_alloc: ENAMETOOLONG", netbsd.SYS_posix_spawn, args{0, "/x", list(netbsd.SpawnFileAction{Action: netbsd.FAE_CHDIR, Path: 5}), strict, strv{}, strv{}}, 0, int(netbsd.ENAMETOOLONG), nil},
		{"POSIX_SPAWN_RETURNERROR", netbsd.SYS_posix_spawn, args{0, "/x", list(netbsd.SpawnFileAction{Action: netbsd.FAE_OPEN, Fd: 5, Path: 3}), strict, strv{}, strv{}}, 0, int(netbsd.ENOENT), nil},
		{"spawn_return: the child that failed has ended with 127", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(127 << 8)}, nil},
		{"posix_spawn(3): EFAULT for the actions", netbsd.SYS_posix_spawn, args{0, "/x", bad, 0, strv{}, strv{}}, 0, int(netbsd.EFAULT), nil},
		{"posix_spawn(3): EFAULT for the attributes", netbsd.SYS_posix_spawn, args{0, "/x", 0, bad, strv{}, strv{}}, 0, int(netbsd.EFAULT), nil},
		{"POSIX_SPAWN_SETPGROUP and SETSIGMASK", netbsd.SYS_posix_spawn, args{0, "/x", 0, attr(netbsd.SpawnAttr{
			Flags: netbsd.POSIX_SPAWN_SETPGROUP | netbsd.POSIX_SPAWN_SETSIGMASK, Mask: 1 << (netbsd.SIGHUP - 1),
		}), strv{}, strv{}}, 0, 0, func(p *player) {
			p.play([]row{
				{"a group of its own", netbsd.SYS_getpgrp, nil, 0, self, nil},
				{"the mask", netbsd.SYS___sigprocmask14, args{0, 0, room(16)}, 0, out{2, sigset(netbsd.SIGHUP)}, nil},
			})
		}},
	}})
}

// handle_posix_spawn_attrs: with POSIX_SPAWN_SETSCHEDULER the kernel sets the policy and the priority of the child, with POSIX_SPAWN_SETSCHEDPARAM the parent's
// priority, by the rules of _sched_setparam(2).
func TestSpawnSched(t *testing.T) {
	attr := func(flags int16, policy, priority int32) []byte {
		a := netbsd.SpawnAttr{Flags: flags | netbsd.POSIX_SPAWN_RETURNERROR, Policy: policy, Priority: priority}
		return encoded(netbsd.SizeofSpawnAttr, a.Encode)
	}
	has := func(policy, priority uint32) func(*player) {
		return func(p *player) {
			p.play([]row{
				{"the policy", netbsd.SYS__sched_getparam, args{0, 0, room(4), room(4)}, 0, out{2, words(policy)}, nil},
				{"the priority", netbsd.SYS__sched_getparam, args{0, 0, room(4), room(4)}, 0, out{3, words(priority)}, nil},
			})
		}
	}
	spawn := func(attr []byte) args { return args{0, "/x", 0, attr, strv{}, strv{}} }
	stages(t, map[string][]row{"scheduling": {
		{"SETSCHEDULER", netbsd.SYS_posix_spawn, spawn(attr(netbsd.POSIX_SPAWN_SETSCHEDULER, netbsd.SCHED_FIFO, 10)), 0, 0, has(netbsd.SCHED_FIFO, 10)},
		{"wait(2)", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(0)}, nil},
		{"EINVAL for the priority", netbsd.SYS_posix_spawn, spawn(attr(netbsd.POSIX_SPAWN_SETSCHEDULER, netbsd.SCHED_FIFO, 64)), 0, int(netbsd.EINVAL), nil},
		{"EINVAL: SCHED_OTHER has no priorities", netbsd.SYS_posix_spawn, spawn(attr(netbsd.POSIX_SPAWN_SETSCHEDPARAM, 0, 10)), 0, int(netbsd.EINVAL), nil},
		{"the parent's stays", netbsd.SYS__sched_getparam, args{0, 0, room(4), room(4)}, 0, out{2, words(netbsd.SCHED_OTHER)}, nil},
		{"_sched_setparam(2)", netbsd.SYS__sched_setparam, args{0, 0, netbsd.SCHED_RR, words(5)}, 0, nil, nil},
		{"SETSCHEDPARAM", netbsd.SYS_posix_spawn, spawn(attr(netbsd.POSIX_SPAWN_SETSCHEDPARAM, 0, 9)), 0, 0, has(netbsd.SCHED_RR, 5)},
		{"the parent's priority", netbsd.SYS__sched_getparam, args{0, 0, room(4), room(4)}, 0, out{3, words(9)}, nil},
	}})
}

var _ kern.AddressSpace = (*ram)(nil)

// fexecve(2): execve(2) of an open file, as check_exec has it of a descriptor; what is wrong with the file comes before what is wrong with
// arguments (execve_loadvm).
func TestFexecve(t *testing.T) {
	const create = netbsd.O_RDWR | netbsd.O_CREAT
	file := func(path, text string) func(*result) string {
		return func(r *result) string {
			if r.p.image != text {
				return fmt.Sprintf("executed the file of %q", r.p.image)
			}
			return executed(ExecArgs{Path: path, Argv: []string{"a", "b"}, Envp: []string{"C=d"}})(r)
		}
	}
	fexecve := func(fd int) args { return args{fd, strv{"a", "b"}, strv{"C=d"}} }
	fileStages(t, map[string][]row{"an open file": {
		{"EBADF", netbsd.SYS_fexecve, args{0, bad, strv{}}, netbsd.EBADF, nil, nil},
		{"open(2)", netbsd.SYS_open, args{"f", create, 0o755}, 0, 0, nil},
		{"write(2)", netbsd.SYS_write, args{0, "one", 3}, 0, 3, nil},
		{"copyinargs: EINVAL without arguments", netbsd.SYS_fexecve, args{0, 0, strv{}}, netbsd.EINVAL, nil, nil},
		{"copyinargs: EFAULT", netbsd.SYS_fexecve, args{0, bad, strv{}}, netbsd.EFAULT, nil, nil},
		{"copyinargs: no environment is an empty one", netbsd.SYS_fexecve, args{0, strv{}, 0}, netbsd.EJUSTRETURN, executed(ExecArgs{Path: "/f"}), nil},
		{"the file", netbsd.SYS_fexecve, fexecve(0), netbsd.EJUSTRETURN, file("/f", "one"), nil},
		{"rename(2)", netbsd.SYS_rename, args{"f", "g"}, 0, nil, nil},
		{"by the name that it has", netbsd.SYS_fexecve, fexecve(0), netbsd.EJUSTRETURN, file("/g", "one"), nil},
		{"open(2) of another", netbsd.SYS_open, args{"f", create, 0o755}, 0, 1, nil},
		{"to read", netbsd.SYS_open, args{"f", netbsd.O_RDONLY, 0}, 0, 2, nil},
		{"the other", netbsd.SYS_fexecve, fexecve(2), netbsd.EJUSTRETURN, file("/f", ""), nil},
		{"rename(2) in its place", netbsd.SYS_rename, args{"f", "g"}, 0, nil, nil},
		{"exec_resolvename: ENOENT for what was replaced", netbsd.SYS_fexecve, args{0, bad, strv{}}, netbsd.ENOENT, nil, nil},
		{"and not for what replaces it", netbsd.SYS_fexecve, fexecve(2), netbsd.EJUSTRETURN, file("/g", ""), nil},
		{"unlink(2)", netbsd.SYS_unlink, args{"g"}, 0, nil, nil},
		{"exec_resolvename: ENOENT without a name", netbsd.SYS_fexecve, fexecve(2), netbsd.ENOENT, nil, nil},
	}, "what cannot be executed": {
		{"pipe2(2)", netbsd.SYS_pipe2, args{room(8), 0}, 0, nil, nil},
		{"fd_getvnode: EINVAL for a pipe", netbsd.SYS_fexecve, args{1, bad, strv{}}, netbsd.EINVAL, nil, nil},
		{"memfd_create(2)", netbsd.SYS_memfd_create, args{"m", 0}, 0, 2, nil},
		{"fd_getvnode: EINVAL for a memfd", netbsd.SYS_fexecve, args{2, bad, strv{}}, netbsd.EINVAL, nil, nil},
		{"open(2)", netbsd.SYS_open, args{"f", create, 0o644}, 0, 3, nil},
		{"VOP_ACCESS: EACCES for what nobody may execute", netbsd.SYS_fexecve, args{3, bad, strv{}}, netbsd.EACCES, nil, nil},
		{"open(2) of the root", netbsd.SYS_open, args{".", netbsd.O_RDONLY, 0}, 0, 4, nil},
		{"exec_resolvename: ENOENT", netbsd.SYS_fexecve, args{4, bad, strv{}}, netbsd.ENOENT, nil, nil},
		{"mkdir(2)", netbsd.SYS_mkdir, args{"d", 0o755}, 0, nil, nil},
		{"open(2) of a directory", netbsd.SYS_open, args{"d", netbsd.O_RDONLY, 0}, 0, 5, nil},
		{"check_exec: EACCES for a directory", netbsd.SYS_fexecve, args{5, bad, strv{}}, netbsd.EACCES, nil, nil},
	}})
}

// donice: who is the superuser by his real id alone may try another's process, and is refused like one who lowers his own: EACCES.
func TestSetpriorityByRealID(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.sleeper(func(c *player) {
			c.ok(netbsd.SYS_setuid, 7)
			c.do(netbsd.SYS___nanosleep50, timespec(1<<40, 0), 0)
		}, func(pid uint64) {
			nice := args{netbsd.PRIO_PROCESS, pid, 20}
			p.play([]row{
				{"setreuid(2)", netbsd.SYS_setreuid, args{0, 100}, 0, nil, nil},
				{"EACCES", netbsd.SYS_setpriority, nice, netbsd.EACCES, nil, nil},
				{"seteuid(2)", netbsd.SYS_seteuid, args{0}, 0, nil, nil},
				{"the superuser may", netbsd.SYS_setpriority, nice, 0, nil, nil},
				{"kill(2)", netbsd.SYS_kill, args{pid, netbsd.SIGKILL}, 0, nil, nil},
			})
		})
	})
}
