package syscalls

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

// text reads a file to its end.
func (p *player) text(name string) (string, netbsd.Errno) {
	r := p.do(netbsd.SYS_open, name, netbsd.O_RDONLY, 0)
	if r.errno != 0 {
		return "", r.errno
	}
	fd := int(r.ret[0])
	defer p.ok(netbsd.SYS_close, fd)
	var b []byte
	for {
		r := p.do(netbsd.SYS_read, fd, room(100), 100)
		if r.errno != 0 || r.ret[0] == 0 {
			return string(b), r.errno
		}
		b = append(b, r.mem(1, int(r.ret[0]))...)
	}
}

// What procfs says of a process: the form of each file is that of the function of NetBSD's that is named.
func TestProcfs(t *testing.T) {
	r := newRig(t)
	os.WriteFile(filepath.Join(r.dir, "prog"), []byte("text"), 0o755)
	r.run(func(p *player) {
		me := p.c.L.Proc()
		SetProcArgs(me, &ProcArgs{Path: "/prog", Argv: []string{"prog", "an arg"}, Envp: []string{"A=b"}})
		i, _ := me.Info()
		pid := me.Pid()
		for name, want := range map[string]string{
			"cmdline": "prog\x00an arg\x00", // procfs_docmdline
			"environ": "A=b\x00",
			"emul":    "netbsd\n", // procfs_doemul
			"file":    "text",     // the program itself
			"exe":     "text",
		} {
			if got, errno := p.text("/proc/curproc/" + name); errno != 0 || got != want {
				t.Errorf("%s: %q, %s", name, got, errnoName(errno))
			}
		}
		// procfs_status_netbsd: comm pid ppid pgid sid maj,min flags start ut st wmsg uid gid,groups
		status, _ := p.text("/proc/self/status")
		want := fmt.Sprintf("%s %d 1 %d %d -1,-1 sldr %d,%d ", i.Comm, pid, pid, pid, i.Start.Unix(), i.Start.Nanosecond()/1000)
		if !strings.HasPrefix(status, want) || !strings.HasSuffix(status, " nochan 0 0\n") {
			t.Errorf("status is %q, want %q and more", status, want)
		}
		// procfs_do_pid_stat: 39 fields
		if stat, _ := p.text("/proc/" + strconv.Itoa(pid) + "/stat"); len(strings.Fields(stat)) != 39 || !strings.HasPrefix(stat, fmt.Sprintf("%d (%s) R 1 %d %d 0 -1 ", pid, i.Comm, pid, pid)) {
			t.Errorf("stat is %q", stat)
		}
		// procfs_dolimit
		limit, _ := p.text("/proc/curproc/limit")
		if line, _, _ := strings.Cut(limit, "\n"); line != "                 cpu   0x7fffffffffffffff   0x7fffffffffffffff" || strings.Count(limit, "\n") != netbsd.RLIM_NLIMITS {
			t.Errorf("limit is %q", limit)
		}
		if mounts, _ := p.text("/proc/mounts"); !strings.HasSuffix(mounts, "procfs /proc proc rw 0 0\n") {
			t.Errorf("mounts are %q", mounts) // procfs_domounts
		}
		for _, name := range []string{"meminfo", "cpuinfo", "uptime", "devices", "stat", "loadavg", "version"} {
			if text, errno := p.text("/proc/" + name); errno != 0 || text == "" {
				t.Errorf("%s: %q, %s", name, text, errnoName(errno))
			}
		}
	})
}

// procfs_lookup and procfs_rw: which names there are, and what is done with them.
func TestProcfsNames(t *testing.T) {
	r := newRig(t)
	r.run(func(p *player) {
		SetProcArgs(p.c.L.Proc(), &ProcArgs{Path: "/prog", Argv: []string{"prog"}})
		at := p.mem.put([]byte("in memory"))
		p.play([]row{
			{"nobody", netbsd.SYS_open, args{fmt.Sprintf("/proc/%d", nobody), 0, 0}, netbsd.ENOENT, nil, nil},
			{"not a number", netbsd.SYS_open, args{"/proc/01", 0, 0}, netbsd.ENOENT, nil, nil},
			{"no such file", netbsd.SYS_open, args{"/proc/1/nothing", 0, 0}, netbsd.ENOENT, nil, nil},
			{"procfs_validfile: init has no program", netbsd.SYS_open, args{"/proc/1/file", 0, 0}, netbsd.ENOENT, nil, nil},
			{"readlink(2): curproc", netbsd.SYS_readlink, args{"/proc/curproc", room(16), 16}, 0, func(r *result) string {
				if got := string(r.mem(1, int(r.ret[0]))); got != strconv.Itoa(p.c.L.Proc().Pid()) {
					return got
				}
				return ""
			}, nil},
			{"readlink(2): cwd", netbsd.SYS_readlink, args{"/proc/curproc/cwd", room(16), 16}, 0, out{1, []byte("/\xa5")}, nil},
			{"mem: open", netbsd.SYS_open, args{"/proc/curproc/mem", 0, 0}, 0, 0, nil},
			{"mem: an address is a position", netbsd.SYS_pread, args{0, room(9), 9, 0, at}, 0, out{1, []byte("in memory")}, nil},
			{"mem: EFAULT", netbsd.SYS_pread, args{0, room(9), 9, 0, bad}, netbsd.EFAULT, nil, nil},
			{"procfs_dostatus: EOPNOTSUPP to write", netbsd.SYS_open, args{"/proc/curproc/status", netbsd.O_RDWR | netbsd.O_TRUNC, 0}, 0, 1, nil},
			{"EOPNOTSUPP", netbsd.SYS_write, args{1, "x", 1}, netbsd.EOPNOTSUPP, nil, nil},
			{"its own descriptors", netbsd.SYS_open, args{"/proc/curproc/fd/1", 0, 0}, 0, 2, nil},
			{"closed ones are not there", netbsd.SYS_open, args{"/proc/curproc/fd/7", 0, 0}, netbsd.ENOENT, nil, nil},
			{"chmod(2) does nothing (procfs_setattr)", netbsd.SYS_fchmod, args{1, 0}, 0, nil, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, otherUsersProc},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
		})
	})
}

// otherUsersProc is what a process of another user meets at its parent's: the memory is not its business, nor what
// can be learnt of it, with a descriptor that it has inherited as little as by the name
// (KAUTH_PROCESS_PROCFS, asked for at each transfer: EPERM, as kauth_authorize_action has it, where the name's mode is EACCES).
func otherUsersProc(c *player) {
	parent := fmt.Sprintf("/proc/%d/", c.c.L.Proc().Ppid())
	c.ok(netbsd.SYS_setuid, 100)
	c.play([]row{
		{"EACCES", netbsd.SYS_open, args{parent + "mem", 0, 0}, netbsd.EACCES, nil, nil},
		{"EACCES", netbsd.SYS_open, args{parent + "map", 0, 0}, netbsd.EACCES, nil, nil},
		{"EACCES", netbsd.SYS_open, args{parent + "environ", 0, 0}, netbsd.EACCES, nil, nil},
		{"EACCES", netbsd.SYS_open, args{parent + "regs", 0, 0}, netbsd.EACCES, nil, nil},
		{"EACCES", netbsd.SYS_open, args{parent + "fpregs", netbsd.O_WRONLY, 0}, netbsd.EACCES, nil, nil},
		{"what is inherited", netbsd.SYS_pread, args{0, room(9), 9, 0, ramBase}, netbsd.EPERM, nil, nil},
		{"its descriptors", netbsd.SYS_open, args{parent + "fd/1", 0, 0}, netbsd.ENOENT, nil, nil},
		{"its status is everybody's", netbsd.SYS_open, args{parent + "status", 0, 0}, 0, 3, nil},
	})
}

// Registers are read and written by who may look into the process, and need no tracer, but a process that has stopped (proc_regio of
// sys_process_lwpstatus.c). A part of them can be moved; a position counts what was (vn_read).
func TestProcfsRegisters(t *testing.T) {
	of := func(name string) func(p *player) uint64 {
		return func(p *player) uint64 { return p.arg(fmt.Sprintf("/proc/%d/%s", last(p), name)) }
	}
	const size = netbsd.SizeofPtraceRegs
	newRig(t).run(func(p *player) {
		SetProcArgs(p.c.L.Proc(), &ProcArgs{Path: "/prog", Argv: []string{"prog"}})
		p.play([]row{
			{"its own: EBUSY", netbsd.SYS_open, args{"/proc/curproc/regs", netbsd.O_RDWR, 0}, 0, 0, nil},
			{"EBUSY to read", netbsd.SYS_read, args{0, room(8), 8}, netbsd.EBUSY, nil, nil},
			{"EBUSY to write", netbsd.SYS_write, args{0, room(8), 8}, netbsd.EBUSY, nil, nil},
			{"EINVAL behind them comes first", netbsd.SYS_pread, args{0, room(8), 8, 0, size + 1}, netbsd.EINVAL, nil, nil},
			{"EINVAL to write there, too", netbsd.SYS_pwrite, args{0, room(8), 8, 0, size + 1}, netbsd.EINVAL, nil, nil},
			{"procfs_validregs: not a system process's", netbsd.SYS_open, args{"/proc/1/regs", 0, 0}, netbsd.ENOENT, nil, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				c.cpu.gregs[netbsd.REG_RIP] = 0x401000
				SetProcArgs(c.c.L.Proc(), &ProcArgs{Path: "/prog", Argv: []string{"prog"}})
				c.ok(netbsd.SYS_kill, self, netbsd.SIGSTOP)
				c.do(netbsd.SYS_exit, c.cpu.gregs[netbsd.REG_RIP]&0xff)
			}},
			{"it stops, and nobody traces it", netbsd.SYS___wait450, args{-1, 0, netbsd.WUNTRACED, 0}, 0, nil, nil},
			{"procfs_getattr: size and mode", netbsd.SYS___stat50, args{of("regs"), room(netbsd.SizeofStat)}, 0, func(r *result) string {
				if st := netbsd.DecodeStat(r.mem(1, netbsd.SizeofStat)); st.Size != size || st.Mode != netbsd.S_IFREG|0o600 {
					return fmt.Sprintf("size %d, mode %o", st.Size, st.Mode)
				}
				return ""
			}, nil},
			{"regs", netbsd.SYS_open, args{of("regs"), netbsd.O_RDWR, 0}, 0, 1, nil},
			{"struct reg, and no more", netbsd.SYS_read, args{1, room(size + 8), size + 8}, 0, out{1, registers(0x401000)}, nil},
			{"the end", netbsd.SYS_read, args{1, room(8), 8}, 0, 0, nil},
			{"a part", netbsd.SYS_pread, args{1, room(8), 8, 0, 8 * netbsd.REG_RIP}, 0, out{1, longs(0x401000)}, nil},
			{"EINVAL behind them", netbsd.SYS_pread, args{1, room(8), 8, 0, size + 1}, netbsd.EINVAL, nil, nil},
			{"what is no program's: EINVAL", netbsd.SYS_pwrite, args{1, longs(1 << 63), 8, 0, 8 * netbsd.REG_RIP}, netbsd.EINVAL, nil, nil},
			{"a part is written", netbsd.SYS_pwrite, args{1, longs(0x403007), 8, 0, 8 * netbsd.REG_RIP}, 0, 8, nil},
			{"of more than there is, what there is", netbsd.SYS_pwrite, args{1, longs(0, 0), 16, 0, size - 8}, 0, 8, nil},
			{"the others are as they were", netbsd.SYS_pread, args{1, room(size), size, 0, 0}, 0, out{1, registers(0x403007)}, nil},
			{"fpregs", netbsd.SYS_open, args{of("fpregs"), netbsd.O_RDWR, 0}, 0, 2, nil},
			{"struct fpreg is written", netbsd.SYS_write, args{2, filler(512), 512}, 0, 512, nil},
			{"and read", netbsd.SYS_pread, args{2, room(513), 513, 0, 0}, 0, out{1, filler(512)}, nil},
			{"it goes on", netbsd.SYS_kill, args{last, netbsd.SIGCONT}, 0, nil, nil},
			{"and ends where it was told", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(0x700)}, nil},
			{"ESRCH", netbsd.SYS_pread, args{1, room(8), 8, 0, 0}, netbsd.ESRCH, nil, nil},
		})
	})
}

// /proc/PID/ctl (procfs_ctl.c) is there in 2003 alone; the order of its errors is that of procfs_control.
func TestProcfsControl(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.play([]row{{"ENOENT in NetBSD 11", netbsd.SYS_open, args{"/proc/curproc/ctl", netbsd.O_WRONLY, 0}, netbsd.ENOENT, nil, nil}})
	})
	newRigOf(t, kern.Release2003).run(func(p *player) {
		word := func(s string, fd int, errno netbsd.Errno) row {
			return row{s, netbsd.SYS_write, args{fd, s, len(s)}, errno, nil, nil}
		}
		p.play([]row{
			{"init's", netbsd.SYS_open, args{"/proc/1/ctl", netbsd.O_RDWR, 0}, 0, 0, nil},

			{"procfs_doctl: EOPNOTSUPP to read", netbsd.SYS_read, args{0, room(8), 8}, netbsd.EOPNOTSUPP, nil, nil},
			{"vfs_getuserstr: EINVAL elsewhere", netbsd.SYS_pwrite, args{0, "run", 3, 0, 1}, netbsd.EINVAL, nil, nil},
			{"vfs_getuserstr: EMSGSIZE", netbsd.SYS_write, args{0, "123456789", 9}, netbsd.EMSGSIZE, nil, nil},
			word("attach", 0, netbsd.EPERM), // securelevel
			word("attack", 0, netbsd.EOPNOTSUPP),
			word("run", 0, netbsd.EPERM),
			word("detach\n", 0, netbsd.EPERM),
			{"my own", netbsd.SYS_open, args{"/proc/curproc/ctl", netbsd.O_WRONLY, 0}, 0, 1, nil},
			word("attach", 1, netbsd.EINVAL),
			word("chld", 1, 0), // ignored
		})
	})
}

// What Linux's programs look for: limits in its table (procfs_dolimits), the variables of kern.mqueue (PFS_print_uint), and what there is
// of System V's (procfs_dosysvipc_msg and its like), each in the form of NetBSD's function.
func TestProcfsOfLinux(t *testing.T) {
	newRig(t).run(func(p *player) {
		SetProcArgs(p.c.L.Proc(), &ProcArgs{Path: "/prog", Argv: []string{"prog"}})
		p.ok(netbsd.SYS_setrlimit, netbsd.RLIMIT_NOFILE, longs(20, 30))
		limits, _ := p.text("/proc/curproc/limits")
		lines := strings.Split(limits, "\n")
		for i, want := range map[int]string{
			0:  "Limit                     Soft Limit           Hard Limit           Units                ",
			1:  "Max cpu time              unlimited            unlimited            seconds   ",
			8:  "Max open files            20                   30                   files     ",
			13: "Max msgqueue size         2048                 2048                 bytes     ",
			14: "Max nice priority         0                    0                              ",
			16: "Max realtime timeout      unlimited            unlimited            us        ",
		} {
			if len(lines) != 18 || lines[i] != want {
				t.Errorf("line %d of %d is %q, want %q", i, len(lines), lines[i], want)
			}
		}
		for name, want := range map[string]string{
			"msg_default": "32\n", "msg_max": "512\n", "msgsize_default": "1024\n", "msgsize_max": "16384\n", "queues_max": "512\n",
		} {
			if got, errno := p.text("/proc/sys/fs/mqueue/" + name); got != want || errno != 0 {
				t.Errorf("%s: %q, %s", name, got, errnoName(errno))
			}
		}
		p.ok(netbsd.SYS_msgget, 5, netbsd.IPC_CREAT|0o640)
		p.ok(netbsd.SYS_semget, 6, 3, netbsd.IPC_CREAT|0o604)
		p.ok(netbsd.SYS_shmget, -7, 100, netbsd.IPC_CREAT|0o642)
		pid := p.c.L.Proc().Pid()
		for name, want := range map[string]string{
			"msg": fmt.Sprintf("%10d %10d  %4o  %10d %10d %5d %5d %5d %5d %5d %5d %10d %10d ", 5, 0x10000, 0o640, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
			"sem": fmt.Sprintf("%10d %10d  %4o %10d %5d %5d %5d %5d %10d ", 6, 0x10000, netbsd.SEM_ALLOC|0o604, 3, 0, 0, 0, 0, 0),
			"shm": fmt.Sprintf("%10d %10d  %4o %21d %5d %5d  %5d %5d %5d %5d %5d %10d %10d ", -7, 0x10000, netbsd.SHMSEG_ALLOCATED|0o642, 100, pid, 0, 0, 0, 0, 0, 0, 0, 0),
		} {
			got, _ := p.text("/proc/sysvipc/" + name)
			if lines := strings.Split(got, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], "       key ") || !strings.HasPrefix(lines[1], want) {
				t.Errorf("%s is %q, want a line %q", name, got, want)
			}
		}
	})
}

// procfs_donote: nobody hears a note, and none is longer than PROCFS_NOTELEN.
func TestProcfsNotes(t *testing.T) {
	newRig(t).run(func(p *player) {
		for i, name := range []string{"note", "notepg"} {
			p.play([]row{
				{"open", netbsd.SYS_open, args{"/proc/curproc/" + name, netbsd.O_RDWR, 0}, 0, i, nil},
				{"EINVAL to read", netbsd.SYS_read, args{i, room(8), 8}, netbsd.EINVAL, nil, nil},
				{"EOPNOTSUPP", netbsd.SYS_write, args{i, "hello", 5}, netbsd.EOPNOTSUPP, nil, nil},
				{"vfs_getuserstr: EMSGSIZE", netbsd.SYS_write, args{i, strings.Repeat("x", 65), 65}, netbsd.EMSGSIZE, nil, nil},
				{"vfs_getuserstr: EINVAL elsewhere", netbsd.SYS_pwrite, args{i, "hello", 5, 0, 1}, netbsd.EINVAL, nil, nil},
			})
		}
	})
}
