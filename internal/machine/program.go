package machine

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"

	"toaster/internal/file"
	"toaster/internal/loader"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// This file finds out what an execve is to run: the executable or a script's
// interpreter, the dynamic linker if it wants one, and the stack.

// Opener opens executables by name in the view of one process. OpenExec returns the file, which
// the caller closes, and the full name that the guest would use. It fails as execve(2) does: ENOENT,
// EACCES, ELOOP and the like.
//
// It may block on the host, and is called without locks.
type Opener interface {
	OpenExec(name string) (*os.File, string, netbsd.Errno)
	Stat(at int, name string, follow bool) (file.Stat, netbsd.Errno)
	// SetIDs returns those of the set-id bits of the file that count, and whose they are. st
	// is the host's word on it.
	SetIDs(f *os.File, st os.FileInfo) (mode, uid, gid uint32)
	// LastName returns the last part of the name that led to the file behind all links, "" if it has none any more.
	LastName(f *os.File) string
	// RunText counts the file as one that a process runs. ETXTBSY: somebody has it open for writing.
	RunText(f *os.File) (vfs.Text, netbsd.Errno)
}

// program is an executable ready to be mapped. Close it afterwards.
//
// It belongs to one execve at a time. The open file is the program: it is looked at, mapped and
// asked for its set-id bits by this descriptor, so a name that is made to lead elsewhere in
// between, the old trick against set-id scripts and programs, changes nothing.
type program struct {
	path   string // full name of what is mapped
	comm   string // p_comm, see commOf
	argv   []string
	envp   []string
	file   *os.File
	stat   os.FileInfo
	image  *loader.Image // nil for a program of the host
	interp *program      // the dynamic linker
	host   bool          // a program of the host, to be run under its own emulation
	why    error         // what a host program is, for whoever wanted a NetBSD one
	setID  setID
	user   *kern.Cred // see shelfUser

	running []vfs.Text // its file, and the dynamic linker's, until a space has them
}

// setID is what the file's set-id bits ask for.
type setID struct {
	uid, gid       uint32
	setuid, setgid bool
}

// ExecError says why a program cannot be started: who, what, why, and what to do.
type ExecError struct {
	Path  string
	Errno netbsd.Errno // what execve(2) fails with
	Err   error        // *loader.Error where the file was looked at

	// Missing says that Path itself does not exist, rather than something it needs.
	Missing bool
}

// Error says who, what, why and what to do, for a person.
func (e *ExecError) Error() string {
	var ie *loader.Error
	if errors.As(e.Err, &ie) && ie.Hint() != "" {
		return fmt.Sprintf("%s: %v; %s", e.Path, e.Err, ie.Hint())
	}
	return fmt.Sprintf("%s: %v", e.Path, e.Err)
}

// Unwrap returns the cause.
func (e *ExecError) Unwrap() error { return e.Err }

// Is reports whether target is the errno that execve(2) fails with, whatever the cause says to a person.
func (e *ExecError) Is(target error) bool { return target == e.Errno }

// close closes the files. Mappings of them stay.
func (p *program) close() {
	endTexts(p.running)
	p.running = nil
	if p.file != nil {
		p.file.Close()
	}
	if p.interp != nil {
		p.interp.close()
	}
}

// Base addresses of what is position independent, as NetBSD places it without
// randomisation.
const (
	pieBase    = 0x200000000
	interpBase = 0x7f7d00000000
)

// load resolves name to a program. argv and envp belong to the result. An interpreter
// that is a script itself is ENOEXEC, as in NetBSD: #! lines do not nest.
//
// The caller closes the result. On an error there is nothing left open.
func (s *System) load(o Opener, name string, argv, envp []string) (*program, *ExecError) {
	p, err := s.open(o, name)
	if err != nil {
		return nil, err
	}
	if !p.host && p.image.Script != nil {
		p.close()
		return s.loadScript(o, name, p.image.Script, argv, envp)
	}
	p.argv, p.envp = argv, envp
	if err := s.loadInterp(o, p); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// loadScript loads the interpreter of script name. The process is called by the interpreter's name: check_exec looks that up
// where it has looked up the script's, and pathexec takes what it finds there (kern_exec.c).
//
// The interpreter opens the script by its name once more, as without /dev/fd in NetBSD; so
// set-id bits of the script itself count for nothing, as in a NetBSD without SETUIDSCRIPTS
// (exec_script.c).
func (s *System) loadScript(o Opener, name string, script *loader.Script, argv, envp []string) (*program, *ExecError) {
	p, err := s.open(o, script.Interp)
	if err != nil {
		return nil, &ExecError{Path: name, Errno: err.Errno, Err: fmt.Errorf("its interpreter %s cannot be run: %w; correct the first line, or install it", script.Interp, err.Err)}
	}
	if !p.host && p.image.Script != nil {
		p.close()
		return nil, &ExecError{Path: name, Errno: netbsd.ENOEXEC, Err: fmt.Errorf("its interpreter %s is a script, too; name an executable in the first line", script.Interp)}
	}
	p.argv, p.envp = script.Args(name, argv), envp
	if err := s.loadInterp(o, p); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// whyNot explains to a person why name cannot be opened for execution. The guest is told errno and no
// more. The name is looked at once more, so what it leads to may be another file by then: the text can be
// wrong, errno is not.
func whyNot(o Opener, name string, errno netbsd.Errno) error {
	st, serr := o.Stat(netbsd.AT_FDCWD, name, true)
	switch {
	case errno == netbsd.ENOENT || errno == netbsd.ENOTDIR:
		return errors.New("no such file; check the name and the working directory")
	case serr != 0 || errno != netbsd.EACCES:
		return errno
	case st.Mode&netbsd.S_IFMT == netbsd.S_IFDIR:
		return loader.DirectoryError()
	case st.Mode&netbsd.S_IFMT != netbsd.S_IFREG:
		return errors.New("not a regular file; only those can be executed")
	case st.Mode&0o111 == 0:
		return fmt.Errorf("not executable: mode %#o has no execute bit; chmod +x it", st.Mode&0o777)
	}
	return errno
}

// open opens and recognises one file. EIO: the host cannot read it. A program of the host is
// recognised only where it may be run.
//
// f is the program's to close from the moment that there is one. Set-id bits that do not count
// are dropped here, before anybody could act on them.
func (s *System) open(o Opener, name string) (*program, *ExecError) {
	f, full, errno := o.OpenExec(name)
	if errno != 0 {
		return nil, &ExecError{Path: name, Errno: errno, Err: whyNot(o, name, errno), Missing: errno == netbsd.ENOENT || errno == netbsd.ENOTDIR}
	}
	p := &program{path: full, comm: s.commOf(o, f, full), file: f}
	st, err := f.Stat()
	if err != nil {
		p.close()
		return nil, &ExecError{Path: name, Errno: netbsd.EIO, Err: err}
	}
	p.stat, p.setID = st, setIDOf(o.SetIDs(f, st))
	p.image, err = loader.Load(f, st.Size())
	var ie *loader.Error
	switch {
	case err == nil:
		return p, nil
	case errors.As(err, &ie) && ie.Kind == loader.Linux && s.HostPrograms:
		p.host, p.why = true, err
		return p, nil
	case errors.As(err, &ie):
		p.close()
		return nil, &ExecError{Path: name, Errno: ie.Errno, Err: err}
	}
	p.close()
	return nil, &ExecError{Path: name, Errno: netbsd.EIO, Err: err}
}

// place says where a program goes that can be anywhere. It fails for an image that does not fit between its
// base and the stack.
func (p *program) place() error {
	if !p.image.PIE {
		return nil
	}
	return p.image.Place(pieBase)
}

// loadInterp loads the dynamic linker that p asks for, and places both. ENOEXEC: what p names is
// no linker, which can be anywhere (elf_load_interp). A linker that asks for one itself gets none.
//
// The linker's set-id bits are not looked at: the process gets the program's.
func (s *System) loadInterp(o Opener, p *program) *ExecError {
	if err := p.run(o, p); err != nil || p.host {
		return err
	}
	if err := p.place(); err != nil {
		return &ExecError{Path: p.path, Errno: netbsd.ENOEXEC, Err: err}
	}
	if p.image.Interp == "" {
		return nil
	}
	in, err := s.open(o, p.image.Interp)
	if err != nil {
		return &ExecError{Path: p.path, Errno: err.Errno, Err: fmt.Errorf("needs the dynamic linker %s, which cannot be run: %w; build it statically, or give --root a NetBSD file tree", p.image.Interp, err.Err)}
	}
	if in.host || in.image.Script != nil || !in.image.PIE {
		in.close()
		return &ExecError{Path: p.path, Errno: netbsd.ENOEXEC, Err: fmt.Errorf("its dynamic linker %s is not one", p.image.Interp)}
	}
	if err := in.image.Place(interpBase); err != nil {
		in.close()
		return &ExecError{Path: p.path, Errno: netbsd.ENOEXEC, Err: err}
	}
	p.interp = in
	return p.run(o, in)
}

// run counts the file of of, p or its dynamic linker, as one that p's process runs. ETXTBSY: it is open for writing (vn_marktext, which
// exec_elf_makecmds and elf_load_interp call).
func (p *program) run(o Opener, of *program) *ExecError {
	x, errno := o.RunText(of.file)
	if errno != 0 {
		return &ExecError{Path: of.path, Errno: errno, Err: fmt.Errorf("%w; close it where it is written to", errno)}
	}
	p.running = append(p.running, x)
	return nil
}

func endTexts(list []vfs.Text) {
	for _, x := range list {
		x.End()
	}
}

// commOf returns p_comm of a program that was asked for by a name, cut to MAXCOMLEN: the last part of that (pathexec), in release 2003 of what
// the links lead to, as execve took it from what namei had left in ni_cnd.
func (s *System) commOf(o Opener, f *os.File, full string) string {
	c := path.Base(full)
	if s.M != nil && s.M.Release() == kern.Release2003 {
		c = cmp.Or(o.LastName(f), c)
	}
	return c[:min(len(c), netbsd.MAXCOMLEN)]
}

// after returns c with the ids that a process of c's has when it runs the file.
func (id setID) after(c *kern.Cred) *kern.Cred {
	next := *c
	if id.setuid {
		next.EUID = id.uid
	}
	if id.setgid {
		next.EGID = id.gid
	}
	return &next
}

// stack lays out the new program's stack; cred's ids go into its auxiliary vector. E2BIG: arguments and
// environment are longer than ARG_MAX.
func (p *program) stack(cred *kern.Cred) (*loader.Stack, netbsd.Errno) {
	args := &loader.StackArgs{
		Argv: p.argv, Envp: p.envp, Image: p.image, ExecPath: p.path,
		EUID: cred.EUID, RUID: cred.RUID, EGID: cred.EGID, RGID: cred.RGID,
	}
	if p.interp != nil {
		args.InterpBase = p.interp.image.Base
	}
	return loader.BuildStack(args)
}

// entry is where the new program's first LWP starts: in the dynamic linker, if there is one, which finds the
// program's own entry in the auxiliary vector.
func (p *program) entry() uint64 {
	if p.interp != nil {
		return p.interp.image.Entry
	}
	return p.image.Entry
}
