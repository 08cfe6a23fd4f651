package machine

import (
	"os"
	"path"
	"slices"
	"syscall"

	"toaster/internal/loader"
	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/kern"
	"toaster/netbsd"
)

// This file replaces a program (execve(2)): a pristine host process gets the new image
// before the old one is touched, so that whatever can fail fails while there is
// somebody to tell. NetBSD discards the old memory first, and kills the process (SIGABRT)
// if the new image then cannot be mapped.
//
//	load      which file, interpreter and linker (program.go)
//	build     a host process with the image mapped and a stack, or a warm copy of one
//	kern.Exec the process side: other LWPs end, ids, signals, close-on-exec
//	become    the LWP goes on in the new host process; the old one is let go

// exec implements syscalls.Kernel.Exec. On success the registers are those of the program's
// entry, so the call just returns.
func (s *System) exec(c *syscalls.Call, a syscalls.ExecArgs) netbsd.Errno {
	mc := c.CPU.(*Context)
	p, errno := s.loadArgs(s.opener(c.L), &a, dataLimit(c.L.Proc()))
	if errno != 0 {
		return errno
	}
	defer p.close()
	// kern.Exec sets what the program catches to the default; the stub must not answer from its
	// copy of the actions meanwhile. If the exec fails they are lent again at the next
	// sigaction(2).
	// Its files stay behind with the old host process.
	mc.revoke(platform.LentActions | platform.LentDescriptors)
	if p.host {
		return s.execHost(c, p)
	}
	p.user = shelfUser(c.L, p)
	// Until Exec calls Replace nothing of the caller's has changed, and next is this function's
	// to release. Afterwards it belongs to the LWP.
	next, errno := s.build(p, p.idsOf(c.L), stackLimit(c.L.Proc()))
	if errno != 0 {
		return errno
	}
	if c.L.Proc().Traced() && s.Pax.Ptrace() {
		next.space.pax.Store(false)
		next.space.m.Lift() // a debugger's breakpoints come by ptrace(2), and from within (pax_set_flags)
	}
	changes := p.changes(c.L)
	errno = c.L.Exec(kern.ExecArgs{
		Comm:    p.comm,
		Path:    p.path,
		SetUID:  p.setID.user(),
		SetGID:  p.setID.group(),
		Replace: func() netbsd.Errno { mc.become(next); return 0 },
	})
	if errno != 0 {
		next.space.release()
		return errno
	}
	s.setArgs(c.L.Proc(), p)
	if changes {
		p.mustBeSafe(c.L)
	}
	return netbsd.EJUSTRETURN
}

// loadArgs loads what an execve(2) names, or what a fexecve(2) has open. ENOMEM: its data exceed a limit of so many bytes
// (check_exec). What is wrong with the arguments comes behind what is with the file.
func (s *System) loadArgs(o Opener, a *syscalls.ExecArgs, data uint64) (*program, netbsd.Errno) {
	name := a.Path
	if a.File != nil {
		// exec_resolvename has a script called so, too.
		o, name = &fileOpener{o, a.File, a.Path}, path.Base(a.Path)
	}
	p, err := s.load(o, name, a.Argv, a.Envp)
	if err != nil {
		return nil, err.Errno
	}
	if p.image != nil && p.image.DataLen > data {
		p.close()
		return nil, netbsd.ENOMEM
	}
	if a.Traced != nil {
		a.Traced(p.argv, p.envp)
	}
	if a.Bad != 0 {
		p.close()
		return nil, a.Bad
	}
	return p, 0
}

// fileOpener opens first a program that is open already, and then everything else by its name.
type fileOpener struct {
	Opener
	file *os.File // nil when it has been handed out; until then it is the fileOpener's
	full string
}

// OpenExec implements Opener.
func (o *fileOpener) OpenExec(name string) (*os.File, string, netbsd.Errno) {
	f := o.file
	if f == nil {
		return o.Opener.OpenExec(name)
	}
	o.file = nil
	return f, o.full, 0
}

// become makes mc carry on in next's address space. The LWP is its process's only one, but
// a vfork parent may still use the old space: what it has used counts then for the parent,
// and only this LWP's thread ends.
//
// A kick that was meant for the old thread is not lost: its reason stands in the LWP, and
// UserRet looks there before the new thread runs. bind comes before the old thread ends, so
// nobody can reach that one through kern any more. SetVM comes before drop, for the same
// reason.
//
// kern calls it as Replace, when no other LWP of the process exists, and it cannot fail.
func (mc *Context) become(next *Context) {
	old, oldThread, sole := mc.space, mc.thread, mc.space.sole()
	mc.keepUsage()
	mc.hideCPU()
	mc.l.Platform().EndRobust()
	mc.begin(next)
	mc.alone, mc.stale = true, lentAlone
	mc.bind()
	mc.l.Proc().SetVM(mc.space)
	if !sole { // while the host process cannot be given up by those who stay in it
		oldThread.Exit()
	}
	if old.drop() {
		old.release()
	}
}

// begin makes mc the machine context of a new program, which next is ready to run: nothing is left of what the LWP had of its own before (setregs).
func (mc *Context) begin(next *Context) {
	mc.thread, mc.space, mc.link, mc.frames = next.thread, next.space, 0, nil
	mc.private, mc.trapped = private{}, trappedAST
}

// keepUsage adds to the process's usage what the host knows of the space that it is about to leave, as that goes with the host process.
// In a space that others stay in nothing ends.
func (mc *Context) keepUsage() {
	if mc.space.sole() {
		u := mc.space.Usage(mc.l.Proc(), mc.l)
		u.Ixrss, u.Idrss, u.Isrss = 0, 0, 0 // those of a process are of its program now (ruspace)
		mc.l.Proc().AddUsage(&u)
	}
}

// stackLimit is RLIMIT_STACK of the process whose program's first stack it bounds. One that is not to be found is a
// process's that ends.
func stackLimit(p *kern.Proc) uint64 {
	r, _ := p.Rlimit(netbsd.RLIMIT_STACK)
	return r.Cur
}

// dataLimit is RLIMIT_DATA of the process that executes a program, or has it executed.
func dataLimit(p *kern.Proc) uint64 {
	r, _ := p.Rlimit(netbsd.RLIMIT_DATA)
	return r.Cur
}

// build makes an address space with the program in it and a thread at its entry: RBX holds
// the address of struct ps_strings there (setregs of sys/arch/amd64/amd64/machdep.c). The caller
// passes the space on to a process, or calls its release. ENOMEM: the space would exceed the
// machine's memory limit (Config.Memory), or what is on the stack the limit of that (execve1).
//
// cred is for the auxiliary vector, and so the one that the program will have. A space that exceeds the limit is released before a
// guest sees it. All registers but these are 0, as setregs leaves them, the base of FS among
// them: a program learns nothing of the one before.
func (s *System) build(p *program, cred *kern.Cred, stack uint64) (*Context, netbsd.Errno) {
	st, errno := p.stack(cred)
	if errno != 0 {
		return nil, errno
	}
	if uint64(len(st.Bytes)) > stack {
		return nil, netbsd.ENOMEM
	}
	mc, errno := s.images.take(s, p), netbsd.Errno(0)
	if mc == nil {
		if mc, errno = s.fresh(p); errno != 0 {
			return nil, errno
		}
		s.images.learn(s, p, mc)
	}
	mc.space.running, p.running = p.running, nil
	if errno = mc.limitStack(stack); errno == 0 {
		errno = mc.space.chargeAll()
	}
	if errno == 0 {
		errno = mc.space.Write(st.SP, st.Bytes)
	}
	if errno != 0 {
		mc.space.release()
		return nil, errno
	}
	mc.alone, mc.stale = true, lentAlone
	r := mc.thread.Regs() // a warm copy's are those of its template
	*r = platform.Regs{RIP: p.entry(), RSP: st.SP, RBX: st.PSStrings, RFLAGS: flagsFixed | flagsIntOn}
	return mc, 0
}

// fresh makes an address space with the program in it, its call sites rewritten if they
// can be.
//
// Whatever the first attempt fails of, the second one decides: it costs one more process, and a program must not fail for the sake of
// speed. Where that fails, too, as at a limit that a guest has reached, the rewriting was not at fault, and others go on with it.
func (s *System) fresh(p *program) (*Context, netbsd.Errno) {
	rw := rewritten{s.rewriteOf(p), s.rewriteOf(p.interp)}
	mc, errno := s.fill(p, rw)
	if errno != 0 && rw != (rewritten{}) {
		if mc, errno = s.fill(p, rewritten{}); errno == 0 {
			s.rewrites.off.Store(true) // a host can forbid that changed code is executed (SELinux's execmod)
		}
	}
	return mc, errno
}

// mprotects says whether PaX MPROTECT holds for p, as things are set now.
func (s *System) mprotects(p *program) bool {
	return s.Pax.Mprotect(p.image.PaX&loader.PaXMprotect != 0, p.image.PaX&loader.PaXNoMprotect != 0)
}

// rewritten is what is written into a program, and into its dynamic linker.
type rewritten struct{ program, interp *platform.Rewrite }

// fill maps p into a pristine host process.
//
// On success the host process belongs to the Context's space, and the space's release ends it.
// On failure fill itself ends the host process; nothing has been charged for it by then.
func (s *System) fill(p *program, rw rewritten) (*Context, netbsd.Errno) {
	hp, t, err := s.Platform.NewProcess()
	if err != nil {
		return nil, hostErrno(err)
	}
	mc := &Context{sys: s, thread: t, space: newSpace(s, hp), trapped: trappedAST}
	mc.space.m.Mprotect(s.mprotects(p))
	mc.space.pax.Store(s.mprotects(p))
	if errno := mc.populate(p, rw); errno != 0 {
		hp.Release()
		return nil, errno
	}
	return mc, 0
}

// populate maps the program, then its dynamic linker, then the stack. The break begins behind
// the program (vm_daddr and what follows).
//
// The space is nobody else's yet, and its only thread is stopped, so no lock is taken.
func (mc *Context) populate(p *program, rw rewritten) netbsd.Errno {
	seal, errno := mc.mapImage(p.file, p.image, rw.program)
	if errno != 0 {
		return errno
	}
	mc.space.m.SetText(p.image.TextLen)
	mc.space.m.SetBreak(p.image.Data, p.image.End)
	if p.interp != nil {
		more, errno := mc.mapImage(p.interp.file, p.interp.image, rw.interp)
		if errno != 0 {
			return errno
		}
		seal = append(seal, more...)
	}
	return mc.mapStack(seal)
}

// usualStack is the limit of the stack that a program is prepared for: init's, which most have. For another
// one limitStack protects the stack anew.
var usualStack = kern.DefaultLimits()[netbsd.RLIMIT_STACK].Cur

// mapStack maps the stack, and protects what must not be written any more, in one hand-over.
// The mapping reserves addresses, not memory: Linux allocates a page when the guest first
// touches it.
//
// seal is due now: when this returns no
// code that was read-only in the file can be written any more, and no guest code has run
// meanwhile.
func (mc *Context) mapStack(seal []platform.Mapping) netbsd.Errno {
	ops, errno := mc.space.m.Stack(usualStack)
	if errno != 0 {
		return errno
	}
	for _, op := range ops {
		r := op.Region
		seal = append(seal, platform.Mapping{Addr: r.Start, Size: r.Len(), Prot: netbsd.ProtToLinux(r.Prot), Flags: syscall.MAP_PRIVATE | syscall.MAP_NORESERVE, Anonymous: true})
	}
	return mc.mapAll(-1, seal)
}

// limitStack bounds the stack of a program that has not run.
func (mc *Context) limitStack(limit uint64) netbsd.Errno {
	return mc.space.do(mc.thread, mc.space.m.LimitStack(usualStack, limit), -1)
}

// mapAll maps what list says, MaxMappings in a hand-over.
func (mc *Context) mapAll(fd int, list []platform.Mapping) netbsd.Errno {
	for part := range slices.Chunk(list, platform.MaxMappings) {
		if err := mc.space.proc.MapAll(mc.thread, fd, part...); err != nil {
			return hostErrno(err)
		}
	}
	return 0
}

// mapImage maps the segments of one file, and writes rw. If there is something to rewrite, code
// can be written until mapStack, which gets what is returned. The map of the space says from the
// beginning what the guest is to see.
//
// The loader has seen to it that segments are in order and in user space, and
// that FileLen is whole pages: the sums here cannot wrap. What the file holds is the guest's
// affair. It may be cut while it is mapped: then the guest gets SIGBUS, and the kernel's Write
// fails with EFAULT. The mappings outlive the descriptor, which the caller keeps.
func (mc *Context) mapImage(f *os.File, m *loader.Image, rw *platform.Rewrite) (seal []platform.Mapping, errno netbsd.Errno) {
	var list []platform.Mapping
	if rw != nil {
		list = append(list, islands(rw, protRX))
	}
	for _, seg := range m.Segments {
		if seg.FileLen > 0 {
			list = append(list, platform.Mapping{Addr: seg.Addr, Size: seg.FileLen, Prot: netbsd.ProtToLinux(seg.Prot), Flags: syscall.MAP_PRIVATE, Offset: seg.FileOff})
		}
		if seg.Len > seg.FileLen {
			list = append(list, platform.Mapping{Addr: seg.Addr + seg.FileLen, Size: seg.Len - seg.FileLen, Prot: netbsd.ProtToLinux(seg.Prot), Flags: syscall.MAP_PRIVATE, Anonymous: true})
		}
	}
	for _, l := range list {
		var obj any
		if !l.Anonymous {
			obj = m
		}
		if errno := mc.space.record(l.Addr, l.Size, l.Prot, obj, l.Offset, ""); errno != 0 {
			return nil, errno
		}
	}
	for i := range list {
		if rw != nil && list[i].Prot&netbsd.PROT_EXEC != 0 {
			list[i].Prot = netbsd.ProtToLinux(protRW)
		}
	}
	if errno := mc.mapAll(int(f.Fd()), list); errno != 0 {
		return nil, errno
	}
	if errno := mc.clearTails(m); errno != 0 {
		return nil, errno
	}
	return mc.rewrite(m, rw)
}

// clearTails zeroes what of a segment's last file page is not the segment's, as where its bss
// begins. The host's mapping shows the bytes of the file there.
//
// The file's bytes there are no secret, as who executes the file could read them from a mapping
// of it anyway; but the program takes its bss for 0.
func (mc *Context) clearTails(m *loader.Image) netbsd.Errno {
	for _, seg := range m.Segments {
		if seg.ZeroLen == 0 {
			continue
		}
		if seg.Prot&netbsd.PROT_WRITE == 0 {
			// A read-only segment keeps the file's bytes, which the
			// program cannot mistake for its own data.
			continue
		}
		if errno := mc.space.Write(seg.ZeroAt, make([]byte, seg.ZeroLen)); errno != 0 {
			return errno
		}
	}
	return 0
}

// setIDOf is what the set-id bits that count ask for (Opener.SetIDs).
func setIDOf(mode, uid, gid uint32) setID {
	return setID{uid: uid, gid: gid, setuid: mode&netbsd.S_ISUID != 0, setgid: mode&netbsd.S_ISGID != 0}
}

// user and group return the id that the program runs with, nil for the caller's own.
func (id setID) user() *uint32 {
	if !id.setuid {
		return nil
	}
	return &id.uid
}

func (id setID) group() *uint32 {
	if !id.setgid {
		return nil
	}
	return &id.gid
}

// idsOf returns the ids that p is told of when l executes it: elf_copyargs tells a program those of its set-id bits, by which a
// dynamic linker knows that it must trust no environment. It does so where the process changes none for them, too, as one that is traced.
func (p *program) idsOf(l *kern.LWP) *kern.Cred { return p.setID.after(l.Proc().Cred()) }

// changes reports whether the ids of l's process become others when it executes p (credexec).
func (p *program) changes(l *kern.LWP) bool {
	c := l.Proc().Cred()
	return !l.Proc().Traced() && (p.setID.setuid && p.setID.uid != c.EUID || p.setID.setgid && p.setID.gid != c.EGID)
}

// safe sees to it that p, for which l's process has changed its ids, is not led astray by whoever executed it. EINVAL: it has no arguments, where it
// could take its environment for them (credexec, but for release 2003). The others are those of fillStd.
func (p *program) safe(l *kern.LWP) netbsd.Errno {
	if len(p.argv) == 0 && l.Proc().Machine().Release() != kern.Release2003 {
		return netbsd.EINVAL
	}
	return p.fillStd(l)
}

// fillStd is fd_checkstd: a set-id program finds its first three descriptors open, as the next file that
// it opens would be its standard output otherwise. RLIMIT_NOFILE is the caller's to set and so not asked.
func (p *program) fillStd(l *kern.LWP) netbsd.Errno {
	v := syscalls.View(l)
	for fd := range 3 {
		if d, errno := v.Files.Get(fd); errno == 0 {
			d.Release()
			continue
		}
		d, errno := v.Open(netbsd.AT_FDCWD, "/dev/null", netbsd.O_RDWR, 0)
		if errno != 0 {
			return errno
		}
		if _, errno = v.Files.Install(d, fd, 3, 0); errno != 0 {
			d.Release()
			return errno
		}
	}
	return 0
}

// mustBeSafe is safe where the old program is gone: a failure ends the process, as behind execve_runproc's point of no return.
func (p *program) mustBeSafe(l *kern.LWP) {
	if p.safe(l) != 0 {
		l.Platform().ExitAs(netbsd.ExitStatus(0, netbsd.SIGABRT))
	}
}
