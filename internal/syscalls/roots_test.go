package syscalls

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"toaster/netbsd"
)

// rootsRig has directories to be roots in its own.
func rootsRig(t *testing.T) *rig {
	r := newRig(t)
	for _, name := range []string{"jail/inner", "other"} {
		if err := os.MkdirAll(filepath.Join(r.dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// Out of a root of its own nobody attaches to a process that is not below it, be it the superuser's (ptrace_allowed, proc_isunder).
func TestPtraceOutOfRoot(t *testing.T) {
	attach := func(root string, errno netbsd.Errno) func(*player) {
		return func(c *player) {
			c.play([]row{
				{"chroot(2)", netbsd.SYS_chroot, args{root}, 0, nil, nil},
				{"ESRCH comes first", netbsd.SYS_ptrace, args{netbsd.PT_ATTACH, nobody, 0, 0}, netbsd.ESRCH, nil, nil},
				{"EINVAL for oneself comes first", netbsd.SYS_ptrace, args{netbsd.PT_ATTACH, self, 0, 0}, netbsd.EINVAL, nil, nil},
				{"PT_ATTACH from " + root, netbsd.SYS_ptrace, args{netbsd.PT_ATTACH, c.c.L.Proc().Ppid(), 0, 0}, errno, nil, nil},
				{"PT_READ_D: EPERM comes before EBUSY", netbsd.SYS_ptrace, args{netbsd.PT_READ_D, c.c.L.Proc().Ppid(), ramBase, 0}, netbsd.EPERM, nil, nil},
			})
		}
	}
	rootsRig(t).run(func(p *player) {
		p.play([]row{
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, attach("/jail", netbsd.EPERM)},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, attach("/", netbsd.EPERM)}, // cwdi_rdir is set, its parent's is not
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"all below have the root", netbsd.SYS_chroot, args{"/jail"}, 0, nil, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, attach("/inner", netbsd.EPERM)},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
		})
	})
}

// inJail stops for its parent, in a root of its own.
func inJail(c *player) {
	c.ok(netbsd.SYS_chroot, "/jail")
	c.ok(netbsd.SYS_chdir, "/inner")
	c.ok(netbsd.SYS_ptrace, netbsd.PT_TRACE_ME, 0, 0, 0)
	c.ok(netbsd.SYS_kill, self, netbsd.SIGSTOP)
	c.do(netbsd.SYS_exit, 3)
}

// A tracer that changes its root loses sight of a tracee that is not below the new one, but not the tracee (ptrace_allowed).
func TestPtraceAcrossRoots(t *testing.T) {
	regs, io := room(8*netbsd.NGREG), longs(1, ramBase, ramBase, 4)
	rootsRig(t).run(func(p *player) {
		p.play([]row{
			{"memory of its own, and its child's", netbsd.SYS_getrlimit, args{netbsd.RLIMIT_CORE, room(16)}, 0, nil, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, inJail},
			{"it has stopped", netbsd.SYS___wait450, args{-1, 0, netbsd.WUNTRACED, 0}, 0, nil, nil},
			{"who has no root of his own sees all", netbsd.SYS_ptrace, args{netbsd.PT_READ_D, last, ramBase, 0}, 0, nil, nil},
			{"chroot(2) above it", netbsd.SYS_chroot, args{"/"}, 0, nil, nil},
			{"it is below", netbsd.SYS_ptrace, args{netbsd.PT_READ_D, last, ramBase, 0}, 0, nil, nil},
			{"chroot(2) beside it", netbsd.SYS_chroot, args{"/other"}, 0, nil, nil},
			{"PT_READ_D", netbsd.SYS_ptrace, args{netbsd.PT_READ_D, last, ramBase, 0}, netbsd.EPERM, nil, nil},
			{"PT_WRITE_D", netbsd.SYS_ptrace, args{netbsd.PT_WRITE_D, last, ramBase, 1}, netbsd.EPERM, nil, nil},
			{"PT_IO", netbsd.SYS_ptrace, args{netbsd.PT_IO, last, io, 0}, netbsd.EPERM, nil, nil},
			{"PT_GETREGS", netbsd.SYS_ptrace, args{netbsd.PT_GETREGS, last, regs, 0}, netbsd.EPERM, nil, nil},
			{"PT_SETFPREGS", netbsd.SYS_ptrace, args{netbsd.PT_SETFPREGS, last, filler(netbsd.SizeofFpregs), 0}, netbsd.EPERM, nil, nil},
			{"PT_GET_SIGINFO", netbsd.SYS_ptrace, args{netbsd.PT_GET_SIGINFO, last, room(136), 136}, netbsd.EPERM, nil, nil},
			{"PT_GET_EVENT_MASK shows nothing of it", netbsd.SYS_ptrace, args{netbsd.PT_GET_EVENT_MASK, last, room(4), 4}, 0, nil, nil},
			{"PT_CONTINUE", netbsd.SYS_ptrace, args{netbsd.PT_CONTINUE, last, 1, 0}, 0, nil, nil},
			{"it ends", netbsd.SYS___wait450, args{-1, room(4), 0, 0}, 0, out{1, words(0x300)}, nil},
		})
	})
}

// procfs_open of memory and of registers asks for the root, too: EPERM (proc_isunder).
func TestProcfsMemoryOutOfRoot(t *testing.T) {
	rootsRig(t).run(func(p *player) {
		SetProcArgs(p.c.L.Proc(), &ProcArgs{Path: "/prog", Argv: []string{"prog"}})
		p.play([]row{
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				parent := fmt.Sprintf("/proc/%d/", c.c.L.Proc().Ppid())
				c.ok(netbsd.SYS_chroot, "/")
				c.play([]row{
					{"its own", netbsd.SYS_open, args{"/proc/curproc/mem", 0, 0}, 0, nil, nil},
					{"its parent's", netbsd.SYS_open, args{parent + "mem", 0, 0}, netbsd.EPERM, nil, nil},
					{"its parent's", netbsd.SYS_open, args{parent + "regs", 0, 0}, netbsd.EPERM, nil, nil},
					{"its parent's", netbsd.SYS_open, args{parent + "fpregs", 0, 0}, netbsd.EPERM, nil, nil},
					{"what is no memory", netbsd.SYS_open, args{parent + "status", 0, 0}, 0, nil, nil},
				})
			}},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
		})
	})
}

// Where a process is, and what its root is, has the caller's name (procfs_dir, fill_cwd).
func TestDirectoriesOfOtherRoots(t *testing.T) {
	rootsRig(t).run(func(p *player) {
		link := func(which string) func(*player) uint64 {
			return func(p *player) uint64 { return p.arg(fmt.Sprintf("/proc/%d/%s", last(p), which)) }
		}
		name := func(want string) func(*result) string {
			return func(r *result) string {
				if got := string(r.mem(1, int(r.ret[0]))); got != want {
					return got
				}
				return ""
			}
		}
		p.play([]row{
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, inJail},
			{"it has stopped", netbsd.SYS___wait450, args{-1, 0, netbsd.WUNTRACED, 0}, 0, nil, nil},
			{"readlink(2): cwd", netbsd.SYS_readlink, args{link("cwd"), room(32), 32}, 0, name("/jail/inner"), nil},
			{"readlink(2): root", netbsd.SYS_readlink, args{link("root"), room(32), 32}, 0, name("/jail"), nil},
			{"readlink(2): the root of who has none of his own", netbsd.SYS_readlink, args{"/proc/curproc/root", room(32), 32}, 0, name("/"), nil},
			{"PT_KILL", netbsd.SYS_ptrace, args{netbsd.PT_KILL, last, 0, 0}, 0, nil, nil},
			{"it ends", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
		})
	})
}
