package machine

import (
	"slices"
	"strconv"
	"strings"
	"syscall"

	"toaster/internal/core"
	"toaster/internal/file"
	"toaster/internal/loader"
	"toaster/internal/syscalls"
	"toaster/kern"
	"toaster/netbsd"
)

// This file dumps core: what a process was when a signal killed it, in a file of the name that it or the superuser has chosen, in its own
// current directory unless that name says otherwise, by its own rights (kern_core.c).
//
// All of it is a guest's choice: what it has mapped, how much of that there is, the file's name and what lies under it.
// The size is bounded by RLIMIT_CORE before a byte is written, the last part of the name is no link, and memory is read as
// any other of a guest's, so that a hole in it is a hole in the file.

// dumpCore implements kern.Config.Core. The other LWPs of the process stand still, but for those
// that did not listen; of these there are no registers in the file. It is on the dying LWP's
// goroutine, which may wait for the disk: whoever wants it to end sooner kills the host
// process, of which nothing can be read then.
//
// kern has looked before whether there may be a file at all: of a set-id process, and under an RLIMIT_CORE of
// 0, there is none. True puts WCOREFLAG into the exit status; of what has gone wrong otherwise the process's
// parent is not told. A size that is just the limit is too much, as in coredump.
func (s *System) dumpCore(l *kern.LWP, sig netbsd.Signal, info *netbsd.Siginfo) bool {
	mc, ok := l.Platform().Machdep().(*Context)
	if !ok {
		return false // a program of the host, which Linux has dumped if anybody
	}
	segments := mc.space.segments()
	limit, errno := l.Proc().Rlimit(netbsd.RLIMIT_CORE)
	if errno != 0 || core.Size(segments) >= limit.Cur {
		return false
	}
	name, errno := coreName(l.Proc(), s.Kernel.CoreName(l.Proc()))
	if errno != 0 {
		return false
	}
	f, errno := openCore(l, l.Proc(), name)
	if errno != 0 {
		return false
	}
	defer f.Release()
	told := *info
	told.Code = netbsd.SI_NOINFO // sigexit
	return mc.writeCore(f, l, segments, sig, &told) == 0
}

// dumpTracee implements syscalls.Kernel.DumpCore. l stands still for its tracer all the while, so its registers and those of its siblings
// may be looked at.
//
// It runs in kern's Look, so nobody may be kept waiting by what lies under the name: a FIFO is opened without waiting, no lock
// is taken, and nothing but a regular file is written to. If l's process is killed meanwhile the host process is gone, and
// what there was to be written with it.
//
// The name is looked up from the tracer's directory, and the file made by its rights, as coredump has vn_open do it for who calls; it is
// to be the tracee's own nevertheless (openCore). In coredump's order: EFBIG: RLIMIT_CORE of the tracee, not of the tracer. EPERM: the process
// has had set-id rights, or no machine context, as a Go function and a program of the host. The
// others are those of coreName, openCore and writeCore.
func (s *System) dumpTracee(by, l *kern.LWP, path *string, info *netbsd.Siginfo) netbsd.Errno {
	mc, ok := l.Platform().Machdep().(*Context)
	if !ok {
		return netbsd.EPERM
	}
	segments := mc.space.segments()
	limit, errno := l.Proc().Rlimit(netbsd.RLIMIT_CORE)
	switch {
	case errno != 0:
		return errno
	case core.Size(segments) >= limit.Cur:
		return netbsd.EFBIG
	case l.Proc().Issetugid():
		return netbsd.EPERM
	}
	pattern := s.Kernel.CoreName(l.Proc())
	if path != nil {
		pattern = *path
	}
	name, errno := coreName(l.Proc(), pattern)
	if errno != 0 {
		return errno
	}
	f, errno := openCore(by, l.Proc(), name)
	if errno != 0 {
		return errno
	}
	defer f.Release()
	return mc.writeCore(f, by, segments, info.Signo, info)
}

// writeCore writes memory and notes of mc's process into f; by waits for the disk. What has been written before
// an error stays in the file, as coredump removes none. EIO: not all could be written, or there is no auxiliary vector; EFAULT; those of write(2).
func (mc *Context) writeCore(f *file.Description, by *kern.LWP, segments []core.Segment, sig netbsd.Signal, info *netbsd.Siginfo) netbsd.Errno {
	notes, errno := mc.notes(sig, info)
	if errno != 0 {
		return errno
	}
	d := core.Dump{
		Read: func(addr uint64, b []byte) error {
			if errno := mc.space.Read(addr, b); errno != 0 {
				return errno
			}
			return nil
		},
		Write: func(b []byte, off int64) error {
			// A write that comes to its end early, at the quota of --max-output or on a full disk, must not
			// pass for a whole one.
			switch n, errno := f.Pwrite(by, b, off); {
			case errno != 0:
				return errno
			case n < len(b):
				return netbsd.EIO
			}
			return nil
		},
	}
	switch err := d.Run(notes, segments); err := err.(type) {
	case nil:
		return 0
	case netbsd.Errno:
		return err
	}
	return netbsd.EFBIG // core.ErrTooLarge
}

// openCore makes the file as by would, in whose directory it is; it is to be owned by p's user. EACCES: there is something of that name which is not a
// file of p's own, or has another name. The mode is for the owner alone: what is in the memory may be secret. The
// caller releases the file.
func openCore(by *kern.LWP, p *kern.Proc, name string) (*file.Description, netbsd.Errno) {
	const flags = netbsd.O_CREAT | netbsd.O_NOFOLLOW | netbsd.O_WRONLY | netbsd.O_NONBLOCK // not to wait for a FIFO's reader
	f, errno := syscalls.View(by).Open(netbsd.AT_FDCWD, name, flags, 0o600)
	if errno != 0 {
		return nil, errno
	}
	st, errno := f.File.Stat()
	// Looked at once it is open, as a name could be made to lead elsewhere in between. A second name could be somebody's
	// who may not write there, and another owner's file is not the process's to cut.
	if errno == 0 && (st.Mode&netbsd.S_IFMT != netbsd.S_IFREG || st.Nlink != 1 || st.UID != p.Cred().EUID) {
		errno = netbsd.EACCES
	}
	if errno == 0 {
		p.DumpsCore()
		// Last: what is not the process's to overwrite must not have lost its contents by now.
		errno = f.File.Truncate(0)
	}
	if errno != 0 {
		f.Release()
		return nil, errno
	}
	return f, 0
}

// coreName is coredump_buildname: what p's file is called by a pattern, which is p's, the machine's, or a tracer's. ENAMETOOLONG.
func coreName(p *kern.Proc, pattern string) (string, netbsd.Errno) {
	var name strings.Builder
	for pattern != "" {
		n := 1
		switch part := pattern[:min(len(pattern), 2)]; part {
		case "%n", "%p", "%u", "%t":
			n = 2
			name.WriteString(coreNamePart(p, part[1]))
		default:
			name.WriteByte(pattern[0])
		}
		if name.Len() >= netbsd.PATH_MAX {
			return "", netbsd.ENAMETOOLONG
		}
		pattern = pattern[n:]
	}
	return name.String(), 0
}

// coreNamePart is what a letter behind a % stands for.
func coreNamePart(p *kern.Proc, letter byte) string {
	switch letter {
	case 'n':
		return p.Comm()
	case 'p':
		return strconv.Itoa(p.Pid())
	case 'u':
		return p.Getlogin()
	}
	return strconv.FormatInt(p.StartTime().Unix(), 10)
}

// segments lists the memory. What nobody can have written, or could read, is not in the file
// (uvm_coredump_walkmap). A list of its own is returned: writing takes as long as a disk does, and mu is not held for that.
//
// A file's pages that nobody could write to are in the file: a debugger reads them there.
func (s *Space) segments() (list []core.Segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.m.All() {
		data := r.Prot&netbsd.PROT_READ != 0 && (r.Own || r.Obj == nil)
		list = append(list, core.Segment{Start: r.Start, End: r.End, Prot: r.Prot, Data: data})
	}
	return list
}

// Mappings implements syscalls.Mapper, for who looks on from outside (vm.proc, /proc). The list is of one moment: by the time that it is
// read the process may have changed all of it.
func (s *Space) Mappings() (list []syscalls.Mapping) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.m.All() {
		m := syscalls.Mapping{Start: r.Start, End: r.End, Prot: r.Prot, MaxProt: r.MaxProt, Shared: r.Shared,
			Inherit: r.Inherit, Wired: r.Wired, Off: r.Off}
		if id, ok := r.Obj.(file.Inode); ok {
			m.Ino = id.Ino
		}
		list = append(list, m)
	}
	return list
}

// notes describes the process, and the registers of each of its LWPs, the dying one first: the order is that of
// coredump_notes (core_elf32.c). The caller is mc's LWP, which is about to die, or its tracer.
func (mc *Context) notes(sig netbsd.Signal, info *netbsd.Siginfo) (*core.Notes, netbsd.Errno) {
	n := &core.Notes{}
	p := mc.l.Proc()
	b := make([]byte, netbsd.SizeofCoreProcinfo)
	mc.procinfo(p, sig, info).Encode(b)
	n.Add(netbsd.CoreNoteName, netbsd.CORE_NOTE_PROCINFO, b)
	aux, errno := mc.auxv()
	if errno != 0 {
		return nil, errno
	}
	n.Add(netbsd.CoreNoteName, netbsd.CORE_NOTE_AUXV, aux)
	list := p.LWPInfos()
	if i := slices.IndexFunc(list, func(i kern.LWPInfo) bool { return i.LWP == mc.l }); i >= 0 {
		mc.registers(n, &list[i])
	}
	for _, o := range list {
		// Only what stands still is looked at: registers of an LWP that did not listen are in use by its goroutine.
		if oc, ok := o.LWP.Platform().Machdep().(*Context); ok && oc != mc && o.LWP.Still() {
			oc.registers(n, &o)
		}
	}
	return n, 0
}

// Sizes implements syscalls.Sizer: the text is what of the program can be executed, the data what of it and up to its break can be written
// to.
func (s *Space) Sizes(p *kern.Proc) (z syscalls.VMSizes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, end := s.m.Break()
	stack := uint64(0)
	for r := range s.m.All() {
		switch n := int64((r.End - r.Start) / netbsd.PageSize); {
		case r.Start >= netbsd.StackTop-netbsd.MAXSSIZ:
			stack += r.End - r.Start
		case r.Start >= end:
		case r.Prot&netbsd.PROT_EXEC != 0:
			z.Text += n
		case r.Prot&netbsd.PROT_WRITE != 0:
			z.Data += n
		}
	}
	z.All = int64(s.m.Size() / netbsd.PageSize)
	if stack > 0 {
		z.Stack = int64(s.stackUsed(stackLimit(p), netbsd.StackTop) / netbsd.PageSize)
	}
	z.Mapped = z.All - int64(stack/netbsd.PageSize) + z.Stack
	return z
}

// procinfo is the process's note of coredump_notes: the signal and whom it was for, who the process was, and what it did with signals. What is pending for an LWP, and
// what that blocks, is in its own note; the mask here is empty. What is ignored is ps_sigignore, which has what is ignored by default, too. The parent is p_pptr, a tracer if there is one.
func (mc *Context) procinfo(p *kern.Proc, sig netbsd.Signal, info *netbsd.Siginfo) *netbsd.CoreProcinfo {
	i, _ := p.Info() // it has not been reaped: its LWP, or its tracer, is here
	cred := p.Cred()
	parent := 0
	if pp := p.Parent(); pp != nil {
		parent = pp.Pid()
	}
	return &netbsd.CoreProcinfo{
		Signo: sig, Sigcode: info.Code, Pend: i.Shared, Ign: i.Ignored, Catch: i.Caught,
		Pid: i.Pid, Ppid: parent, Pgrp: i.Pgid, Sid: i.Sid,
		RUID: cred.RUID, EUID: cred.EUID, SUID: cred.SUID, RGID: cred.RGID, EGID: cred.EGID, SGID: cred.SGID,
		Nlwps: i.NLWPs, Name: i.Comm, Siglwp: int(info.LWP),
	}
}

// auxv reads the auxiliary vector from where struct ps_strings says that it is, and what lies behind it, as much as there is room for one of NetBSD's
// (proc_getauxv); where the stack ends before, zeroes. EIO: the program has no environment there. EFAULT: it has made nonsense of that.
//
// All of that is the guest's word. A sum that wraps, or leads to nothing, reads no bytes.
func (mc *Context) auxv() ([]byte, netbsd.Errno) {
	var ps [loader.PSStringsSize]byte
	if errno := mc.space.Read(netbsd.StackTop-loader.PSStringsSize, ps[:]); errno != 0 {
		return nil, errno
	}
	envp := le.Uint64(ps[16:])
	if envp == 0 {
		return nil, netbsd.EIO
	}
	// ps_envstr and ps_nenvstr: the vector begins behind the pointers to the environment and the null that ends these.
	at := envp + 8*(uint64(le.Uint32(ps[24:]))+1)
	b := make([]byte, netbsd.AuxvRoom)
	n := uint64(len(b))
	if at < netbsd.StackTop {
		n = min(n, netbsd.StackTop-at)
	}
	return b, mc.space.Read(at, b[:n])
}

// registers adds the notes of an LWP that stands still (coredump_note). Their name ends with the LWP's id, by
// which a debugger tells those of one LWP from those of another.
func (mc *Context) registers(n *core.Notes, i *kern.LWPInfo) {
	name := netbsd.CoreNoteName + "@" + strconv.Itoa(mc.l.ID())
	st := make([]byte, netbsd.SizeofPtraceStatus)
	(&netbsd.PtraceLwpstatus{Lwpid: int32(mc.l.ID()), Pending: i.Pending, Mask: i.Mask, Name: i.Name, Private: mc.TLSBase()}).Encode(st)
	n.Add(name, netbsd.CORE_NOTE_LWPSTATUS, st)
	var g [netbsd.NGREG]uint64
	mc.Gregs(&g)
	b := make([]byte, 0, 8*len(g))
	for _, v := range g {
		b = le.AppendUint64(b, v)
	}
	n.Add(name, netbsd.CORE_NOTE_REGS, b)
	fp := mc.fpu.FP()
	n.Add(name, netbsd.CORE_NOTE_FPREGS, fp[:])
	var x netbsd.Xstate
	mc.XState(&x)
	n.Add(name, netbsd.CORE_NOTE_XSTATE, x[:])
}

// limitsOf returns what the first process starts with. Its limit of core files is that of whoever
// runs toaster, who may raise it as on NetBSD: most hosts have 0, so that no program which
// crashes leaves a file that its user has not asked for.
func limitsOf(l *kern.Limits) *kern.Limits {
	if l != nil {
		return l
	}
	l = kern.DefaultLimits()
	var host syscall.Rlimit
	// An infinite limit of the host's is a larger number than RLIM_INFINITY: the default stays, which is
	// infinite.
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &host) == nil && host.Cur < netbsd.RLIM_INFINITY {
		l[netbsd.RLIMIT_CORE].Cur = host.Cur
	}
	return l
}
