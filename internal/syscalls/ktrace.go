package syscalls

import (
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/trace"
	"toaster/kern"
	"toaster/netbsd"
)

// This file serves ktrace(2): a file gets a record of each thing that a traced process does, as
// kdump(1) reads it (kern_ktrace.c). What a process has is a Ktracer, a file and what of it is
// to be written; processes that were told to at once, and their children, share one.

// Ktraces are a machine's trace files. The zero value has none.
type Ktraces struct {
	mu    sync.Mutex
	files []*ktraceFile
}

// ktraceFile is struct ktr_desc. A regular file is written at once, by whoever has something to
// tell. For others, whose reader may be slow, there is a queue: who is traced does not wait for
// it, and what it has no room for is lost.
type ktraceFile struct {
	all     *Ktraces
	d       *file.Description
	regular bool
	refs    int // all.mu guards it

	writer *file.Kthread
	closed atomic.Bool // the machine ends: nobody waits for the reader any more

	mu    sync.Mutex // guards what follows, and the order of records in a regular file
	queue []byte
	busy  bool // the queue's goroutine is at work
	gone  bool // writing has failed
}

// ktraceRoom is how much a queue holds (ktd_maxentry counts records).
const ktraceRoom = 1 << 20

// Write implements io.Writer. b is one record.
func (f *ktraceFile) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.gone:
	case f.regular:
		if n, errno := f.d.TryWrite(b); errno != 0 || n < len(b) {
			f.gone = true
		}
	case len(f.queue)+len(b) <= ktraceRoom:
		f.queue = append(f.queue, b...)
		if !f.busy {
			f.busy = true
			d := f.d.Ref()
			guard.Go("a trace was written", func() { f.drain(d) })
		}
	}
	return len(b), nil
}

// drain writes what is in the queue, until that is empty.
func (f *ktraceFile) drain(d *file.Description) {
	defer d.Release()
	for b := f.take(nil); len(b) > 0; b = f.take(nil) {
		for len(b) > 0 {
			n, errno := d.Write(f.writer, b)
			if errno != 0 {
				f.take(errno)
				return
			}
			b = b[n:]
		}
	}
}

// take empties the queue. After an error nothing is written any more.
func (f *ktraceFile) take(err error) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.queue
	f.queue = nil
	f.gone = f.gone || err != nil
	f.busy = len(b) > 0 && err == nil
	return b
}

// file returns the entry of an open file, with a reference; the same file is one entry, however
// often it was opened (ktrsamefile).
func (k *Ktraces) file(d *file.Description) (*ktraceFile, netbsd.Errno) {
	st, errno := d.File.Stat()
	if errno != 0 {
		return nil, errno
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if f := k.find(d, &st); f != nil {
		f.refs++
		return f, 0
	}
	f := &ktraceFile{all: k, d: d.Ref(), regular: st.Mode&netbsd.S_IFMT == netbsd.S_IFREG, refs: 1, writer: file.NewKthread()}
	f.writer.Stop = f.closed.Load
	k.files = append(k.files, f)
	return f, 0
}

// find returns the entry of an open file. k.mu is held.
func (k *Ktraces) find(d *file.Description, st *file.Stat) *ktraceFile {
	for _, f := range k.files {
		if f.d.File == d.File {
			return f
		}
		if s, errno := f.d.File.Stat(); f.regular && errno == 0 && s.Dev == st.Dev && s.Ino == st.Ino {
			return f
		}
	}
	return nil
}

// hold takes another reference, unless the last one has gone: then the open file may be closed already.
func (f *ktraceFile) hold() bool {
	f.all.mu.Lock()
	defer f.all.mu.Unlock()
	if f.refs == 0 {
		return false
	}
	f.refs++
	return true
}

// drop gives a reference back.
func (f *ktraceFile) drop() {
	last := false
	guard.Locked(&f.all.mu, func() {
		if f.refs--; f.refs == 0 {
			last = true
			f.all.files = slices.DeleteFunc(f.all.files, func(o *ktraceFile) bool { return o == f })
		}
	})
	if last {
		f.d.Release()
	}
}

// Close has nobody wait for readers any more: the machine ends.
func (k *Ktraces) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.files {
		f.closed.Store(true)
		f.writer.Wake()
	}
}

// Ktracer is what a process has that is traced: p_tracep and p_traceflag. It implements
// kern.Ktracer.
type Ktracer struct {
	*trace.Ktrace
	file  *ktraceFile
	flags uint32 // KTRFAC_*
	refs  atomic.Int32
}

func newKtracer(f *ktraceFile, flags uint32) *Ktracer {
	t := &Ktracer{Ktrace: trace.NewKtrace(f), file: f, flags: flags}
	t.Facs = flags & netbsd.KTRFAC_MASK
	t.refs.Store(1)
	return t
}

// Hold implements kern.Ref, as do the following.
func (t *Ktracer) Hold() { t.refs.Add(1) }

func (t *Ktracer) Release() {
	if t.refs.Add(-1) == 0 {
		t.file.drop()
	}
}

// Inherits implements kern.Ktracer, as do the following.
func (t *Ktracer) Inherits() bool { return t.flags&netbsd.KTRFAC_INHERIT != 0 }
func (t *Ktracer) Persists() bool { return t.flags&netbsd.KTRFAC_PERSISTENT != 0 }

func (t *Ktracer) Psig(l *kern.LWP, info *netbsd.Siginfo, handler uint64, mask netbsd.Sigset) {
	w := t.Who(l)
	t.Signal(&trace.Signal{Pid: w.Pid, Lid: w.Lid, Comm: w.Comm, Time: time.Now(), Info: *info, Handler: handler, Mask: mask})
}

func (t *Ktracer) Switch(l *kern.LWP, out bool) {
	if t.Wants(netbsd.KTR_CSW) {
		t.Ktrace.Switch(t.Who(l), out)
	}
}

type ktraceEmul struct{}

// Who names l. The first time that a tracer hears of a process the emulation is written down
// (KTRFAC_TRC_EMUL).
func (t *Ktracer) Who(l *kern.LWP) trace.Who {
	p := l.Proc()
	w := trace.Who{Pid: p.Pid(), Lid: l.ID(), Comm: p.Comm()}
	if seen, _ := p.Specific(ktraceEmul{}).(*Ktracer); seen != t {
		p.SetSpecific(ktraceEmul{}, t)
		t.Record(netbsd.KTR_EMUL, w, []byte(p.Image().Emul.Name))
	}
	return w
}

// KtracerOf returns what traces p, nil if nothing does.
func KtracerOf(p *kern.Proc) *Ktracer {
	t, _ := p.Ktrace().(*Ktracer)
	return t
}

// ktrace is ktrace(const char *fname, int ops, int facs, pid_t pid). Those of open(2). EACCES: not
// a regular file. EINVAL: no facilities. ESRCH. EPERM: a version of records that there is not. Nothing is done to those of whom the caller may not
// see what they do, and nobody is told (ktrops).
func ktrace(c *Call) netbsd.Errno {
	if c.Int(1)&netbsd.KTROP_MASK == netbsd.KTROP_CLEAR {
		return c.ktrace(nil)
	}
	name, errno := c.path(0)
	if errno != 0 {
		return errno
	}
	d, errno := View(c.L).Open(netbsd.AT_FDCWD, name, netbsd.O_RDWR, 0)
	if errno != 0 {
		return errno
	}
	defer d.Release()
	st, errno := d.File.Stat()
	if errno == 0 && st.Mode&netbsd.S_IFMT != netbsd.S_IFREG {
		errno = netbsd.EACCES
	}
	if errno != 0 {
		return errno
	}
	return c.ktrace(d)
}

// fktrace is fktrace(int fd, int ops, int facs, pid_t pid). EBADF: not open for writing. The others
// are ktrace's.
func fktrace(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		if !d.Writable() {
			return netbsd.EBADF
		}
		return c.ktrace(d)
	})
}

// ktrace is ktrace_common. d is not used to clear facilities.
func (c *Call) ktrace(d *file.Description) netbsd.Errno {
	ops, facs, pid := c.Int(1), c.Uint32(2)&^netbsd.KTRFAC_PERSISTENT, c.Int(3)
	var f *ktraceFile
	if op := ops & netbsd.KTROP_MASK; op == netbsd.KTROP_SET || op == netbsd.KTROP_CLEARFILE {
		var errno netbsd.Errno
		if f, errno = c.K.Ktraces.file(d); errno != 0 {
			return errno
		}
		defer f.drop()
	}
	if ops&netbsd.KTROP_MASK == netbsd.KTROP_CLEARFILE {
		return c.clearKtraces(f)
	}
	if facs == 0 {
		return netbsd.EINVAL
	}
	list, errno := c.ktraced(pid, ops&netbsd.KTRFLAG_DESCEND != 0)
	if errno != 0 {
		return errno
	}
	known := uint32(ops)&netbsd.KTRFAC_VER_MASK <= netbsd.KTRFAC_VERSION2
	done := pid == 0 && (known || !c.cred().IsRoot())
	for _, p := range list {
		if may := c.mayKtrace(p); may && known {
			c.setKtrace(p, f, facs)
		} else if may {
			continue
		}
		done = true
	}
	if !done {
		return netbsd.EPERM
	}
	return 0
}

// clearKtraces is ktrderefall. EPERM: of some of those whom the file traces the caller may not see what they do; they go on.
func (c *Call) clearKtraces(f *ktraceFile) (errno netbsd.Errno) {
	for _, p := range c.K.M.Procs() {
		t := KtracerOf(p)
		switch {
		case t == nil || t.file != f:
		case c.mayKtrace(p):
			p.SetKtrace(nil)
		default:
			errno = netbsd.EPERM
		}
	}
	return errno
}

// ktraced lists whom pid means: a process, or a group if it is negative, with all descendants if
// so asked. 0 is the kernel, whose descendants are all, and which makes no calls. ESRCH.
func (c *Call) ktraced(pid int, descend bool) (list []*kern.Proc, errno netbsd.Errno) {
	if pid == 0 {
		if descend {
			list = c.K.M.Procs()
		}
		return list, 0
	}
	if pid > 0 {
		if p := c.K.M.Find(pid); p != nil {
			list = append(list, p)
		}
	} else {
		for _, p := range c.K.M.Procs() {
			if p.Pgid() == -pid {
				list = append(list, p)
			}
		}
	}
	if len(list) == 0 {
		return nil, netbsd.ESRCH
	}
	for i := 0; descend && i < len(list); i++ {
		for _, child := range list[i].Children() {
			if p := c.K.M.Find(child); p != nil && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list, 0
}

// mayKtrace is ktrcanset: the superuser may, and whose ids are the process's, unless that has
// changed its own or is traced by the superuser.
func (c *Call) mayKtrace(p *kern.Proc) bool {
	me, it := c.L.Proc().Cred(), p.Cred()
	if me.IsRoot() {
		return true
	}
	if t := KtracerOf(p); t != nil && t.Persists() || p.Issetugid() {
		return false
	}
	return me.EUID == it.RUID && me.RUID == it.SUID && me.RGID == it.RGID && me.RGID == it.SGID
}

// setKtrace is ktrops: facilities are added, or with no file taken away.
func (c *Call) setKtrace(p *kern.Proc, f *ktraceFile, facs uint32) {
	old := KtracerOf(p)
	switch {
	case f == nil && old == nil:
		return
	case f == nil:
		facs, f = old.flags&^facs, old.file
	default:
		if old != nil && old.file == f {
			facs |= old.flags
		}
		if c.L.Proc().Cred().IsRoot() {
			facs |= netbsd.KTRFAC_PERSISTENT
		}
	}
	if facs&netbsd.KTRFAC_MASK == 0 {
		p.SetKtrace(nil)
		return
	}
	if !f.hold() {
		return // another LWP has ended the trace meanwhile
	}
	t := newKtracer(f, facs)
	if p.SetKtrace(t) != 0 {
		t.Release()
	}
}

// utrace is utrace(const char *label, void *addr, size_t len), which tells a trace what a program
// wants it to know (ktruser). ENOSPC: more than KTR_USER_MAXLEN. EFAULT: the record has nothing in it.
func utrace(c *Call) netbsd.Errno {
	t := KtracerOf(c.L.Proc())
	if t == nil || !t.Wants(netbsd.KTR_USER) {
		return 0
	}
	n := c.Ptr(2)
	if n > netbsd.KTR_USER_MAXLEN {
		return netbsd.ENOSPC
	}
	label, errno := c.Space.ReadString(c.Ptr(0), 20)
	if errno != 0 {
		label = "" // copyinstr
	}
	data := make([]byte, n)
	if errno = c.Space.Read(c.Ptr(1), data); errno != 0 {
		t.Record(netbsd.KTR_USER, t.Who(c.L), nil)
		return errno
	}
	t.User(t.Who(c.L), label, data)
	return 0
}

// ktraceExec has the arguments of an execve(2) written down, be they the caller's or a script's (copyinargs).
func (c *Call) ktraceExec(args *ExecArgs) {
	t := KtracerOf(c.L.Proc())
	if t == nil {
		return
	}
	args.Traced = func(argv, envp []string) {
		for _, s := range argv {
			t.Record(netbsd.KTR_EXEC_ARG, t.Who(c.L), []byte(s))
		}
		for _, s := range envp {
			t.Record(netbsd.KTR_EXEC_ENV, t.Who(c.L), []byte(s))
		}
	}
}

// ktraceEmul writes down what an exec has left open (fd_ktrexecfd), and that the process has come to an emulation.
func (c *Call) ktraceEmul() {
	t := KtracerOf(c.L.Proc())
	if t == nil {
		return
	}
	c.L.Proc().SetSpecific(ktraceEmul{}, nil)
	if t.Wants(netbsd.KTR_EXEC_FD) {
		files := c.files()
		for _, fd := range files.Open() {
			if d, errno := files.Get(fd); errno == 0 {
				b := binary.LittleEndian.AppendUint32(nil, uint32(fd))
				t.Record(netbsd.KTR_EXEC_FD, t.Who(c.L), binary.LittleEndian.AppendUint32(b, kinfoFile(d).Type))
				d.Release()
			}
		}
	}
	t.Who(c.L)
}

// ktraceMib writes down which node of sysctl(3) is asked for, whatever comes of it.
func (c *Call) ktraceMib(name []int32) {
	t := KtracerOf(c.L.Proc())
	if t == nil || !t.Wants(netbsd.KTR_MIB) {
		return
	}
	b, _ := binary.Append(nil, binary.LittleEndian, name)
	t.Record(netbsd.KTR_MIB, t.Who(c.L), b)
}
