package syscalls

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"toaster/internal/file"
	"toaster/netbsd"
)

// A ktrRecord is a record of a trace file, as kdump(1) takes it apart.
type ktrRecord struct {
	typ, pid int
	body     []byte
}

// ktrRecords reads a trace file: each record has a header of 56 bytes, version 2.
func ktrRecords(t *testing.T, b []byte) (list []ktrRecord) {
	t.Helper()
	for len(b) >= 56 {
		n := int(le.Uint32(b))
		if le.Uint16(b[6:]) != 2 || len(b) < 56+n {
			t.Fatalf("record %d: %x", len(list), b[:56])
		}
		list = append(list, ktrRecord{int(le.Uint16(b[4:])), int(le.Uint32(b[8:])), b[56 : 56+n]})
		b = b[56+n:]
	}
	if len(b) > 0 {
		t.Errorf("%d bytes behind the last record", len(b))
	}
	return list
}

const (
	facUser = 1 << netbsd.KTR_USER
	facPsig = 1 << netbsd.KTR_PSIG
	facEmul = 1 << netbsd.KTR_EMUL
	facArgs = 1<<netbsd.KTR_EXEC_ARG | 1<<netbsd.KTR_EXEC_ENV
	facMib  = 1 << netbsd.KTR_MIB
	facFD   = 1 << netbsd.KTR_EXEC_FD
)

// ktrace(2), fktrace(2) and utrace(2), by kern_ktrace.c.
func TestKtrace(t *testing.T) {
	r := newRig(t)
	path := r.traceFile()
	set, clear, all := netbsd.KTROP_SET, netbsd.KTROP_CLEAR, netbsd.KTROP_CLEARFILE
	var me int
	r.run(func(p *player) {
		me = int(self(p))
		p.play([]row{
			{"ENOENT", netbsd.SYS_ktrace, args{"/missing", set, facUser, self}, netbsd.ENOENT, nil, nil},
			{"EFAULT", netbsd.SYS_ktrace, args{bad, set, facUser, self}, netbsd.EFAULT, nil, nil},
			{"EACCES: not a regular file", netbsd.SYS_ktrace, args{"/dev/null", set, facUser, self}, netbsd.EACCES, nil, nil},
			{"EINVAL: no facilities", netbsd.SYS_ktrace, args{"/trace", set, 0, self}, netbsd.EINVAL, nil, nil},
			{"ESRCH", netbsd.SYS_ktrace, args{"/trace", set, facUser, nobody}, netbsd.ESRCH, nil, nil},
			{"ESRCH: a group", netbsd.SYS_ktrace, args{"/trace", set, facUser, -nobody}, netbsd.ESRCH, nil, nil},
			{"EBADF", netbsd.SYS_fktrace, args{9, set, facUser, self}, netbsd.EBADF, nil, nil},
			{"utrace(2) of who is not traced looks at nothing", netbsd.SYS_utrace, args{bad, bad, 1 << 20}, 0, nil, nil},
			{"ktrops: EPERM for a version that there is not", netbsd.SYS_ktrace, args{"/trace", set | 0x03000000, facUser, self}, netbsd.EPERM, nil, nil},
			{"ktrace(2)", netbsd.SYS_ktrace, args{"/trace", set | 0x02000000, uint32(facUser | facPsig | facEmul | facArgs | netbsd.KTRFAC_INHERIT), self}, 0, nil, nil},
			{"utrace(2)", netbsd.SYS_utrace, args{"label", "data", 4}, 0, nil, nil},
			{"ENOSPC", netbsd.SYS_utrace, args{"label", bad, netbsd.KTR_USER_MAXLEN + 1}, netbsd.ENOSPC, nil, nil},
			{"ktruser: EFAULT, and a record of nothing", netbsd.SYS_utrace, args{bad, bad, 4}, netbsd.EFAULT, nil, nil},
			{"a child is traced, too", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				c.ok(netbsd.SYS_utrace, "child", "x", 1)
				c.do(netbsd.SYS_execve, "missing", strv{"no"}, strv{})
				c.do(netbsd.SYS_execve, "/x", strv{"arg"}, strv{"A=b"})
				c.ok(netbsd.SYS_kill, self(c), netbsd.SIGTERM)
			}},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"KTROP_CLEAR of signals", netbsd.SYS_ktrace, args{0, clear, facPsig | facEmul | facArgs, self}, 0, nil, nil},
			{"utrace(2) goes on", netbsd.SYS_utrace, args{"more", "", 0}, 0, nil, nil},
			{"KTROP_CLEARFILE", netbsd.SYS_ktrace, args{"/trace", all, 0, 0}, 0, nil, nil},
			{"utrace(2) into nothing", netbsd.SYS_utrace, args{"lost", "", 0}, 0, nil, nil},
			{"without KTRFAC_INHERIT", netbsd.SYS_ktrace, args{"/trace", set, facUser, self}, 0, nil, nil},
			{"a child is not traced", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				c.ok(netbsd.SYS_utrace, "lost", "", 0)
				c.ok(netbsd.SYS_setuid, 100)
				c.play([]row{
					{"ktrops: nothing is done to another user's process, and nobody told", netbsd.SYS_ktrace, args{"/trace", set, facUser, me}, 0, nil, nil},
					{"ktrderefall: EPERM for a file that another is traced into", netbsd.SYS_ktrace, args{"/trace", all, 0, 0}, netbsd.EPERM, nil, nil},
					{"ktrops: nor to one that has changed its ids", netbsd.SYS_ktrace, args{"/trace", set, facUser, self}, 0, nil, nil},
					{"proc_find: nor to the kernel", netbsd.SYS_ktrace, args{"/trace", set, facUser, 0}, 0, nil, nil},
					{"so there is no trace", netbsd.SYS_utrace, args{bad, bad, 1 << 20}, 0, nil, nil},
				})
			}},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
		})
	})
	b, _ := os.ReadFile(path)
	label := func(l, data string) []byte { return append(append([]byte(l), make([]byte, 20-len(l))...), data...) }
	want := []ktrRecord{
		{netbsd.KTR_EMUL, me, []byte("netbsd")}, {netbsd.KTR_USER, me, label("label", "data")}, {netbsd.KTR_USER, me, []byte{}},
		{netbsd.KTR_EMUL, 0, []byte("netbsd")}, {netbsd.KTR_USER, 0, label("child", "x")},
		{netbsd.KTR_EXEC_ARG, 0, []byte("arg")}, {netbsd.KTR_EXEC_ENV, 0, []byte("A=b")}, {netbsd.KTR_EMUL, 0, []byte("netbsd")},
		{netbsd.KTR_PSIG, 0, nil}, {netbsd.KTR_USER, me, label("more", "")},
	}
	got := ktrRecords(t, b)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) {
			t.Fatalf("%d records, want %d", len(got), len(want))
		}
		g, w := got[i], want[i]
		if g.typ != w.typ || (w.pid == me) != (g.pid == me) || w.body != nil && !slices.Equal(g.body, w.body) {
			t.Errorf("record %d: type %d, process %d, %q; want %d, %q", i, g.typ, g.pid, g.body, w.typ, w.body)
		}
		// ktr_psig: the code is the trap's, if it is one (KSI_TRAPCODE).
		if w.typ == netbsd.KTR_PSIG && (le.Uint32(g.body) != uint32(netbsd.SIGTERM) || le.Uint32(g.body[32:]) != 0) {
			t.Errorf("signal %d, code %d", le.Uint32(g.body), le.Uint32(g.body[32:]))
		}
	}
}

// A pipe can be traced to. Who reads slowly loses records, and holds nobody up.
func TestKtracePipe(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_pipe) // 0 and 1
		p.ok(netbsd.SYS_fktrace, 1, netbsd.KTROP_SET, facUser, self(p))
		p.ok(netbsd.SYS_utrace, "first", "1", 1)
		p.play([]row{{"the first one", netbsd.SYS_read, args{0, room(77), 77}, 0, 77, nil}})
		for range 3000 {
			p.ok(netbsd.SYS_utrace, "many", make([]byte, 1000), 1000)
		}
		p.play([]row{{"EBADF: not open for writing", netbsd.SYS_fktrace, args{0, netbsd.KTROP_SET, facUser, self}, netbsd.EBADF, nil, nil}})
	})
}

// traceFile makes /trace, to which each guest may write, and returns its name on the host.
func (r *rig) traceFile() string {
	r.t.Helper()
	path := filepath.Join(r.dir, "trace")
	if err := cmp.Or(os.WriteFile(path, nil, 0o666), os.Chmod(path, 0o666)); err != nil { // whatever the umask is
		r.t.Fatal(err)
	}
	return path
}

// Which nodes of sysctl(3) are asked for (ktrmib), and what an exec has left open (fd_ktrexecfd).
func TestKtraceMibAndExecFD(t *testing.T) {
	r := newRig(t)
	path := r.traceFile()
	r.run(func(p *player) {
		p.play([]row{
			{"open(2)", netbsd.SYS_open, args{"/", 0, 0}, 0, 0, nil},
			{"kqueue(2)", netbsd.SYS_kqueue, args{}, 0, 1, nil},
			{"ktrace(2)", netbsd.SYS_ktrace, args{"/trace", netbsd.KTROP_SET | 0x02000000, facMib | facFD, self}, 0, nil, nil},
			{"sysctl(3)", netbsd.SYS___sysctl, args{words(netbsd.CTL_KERN, 9999), 2, 0, 0, 0, 0}, netbsd.ENOENT, nil, nil},
			{"execve(2)", netbsd.SYS_execve, args{"/x", strv{"arg"}, strv{}}, netbsd.EJUSTRETURN, nil, nil},
			{"execve(2): a failure leaves nothing", netbsd.SYS_execve, args{"missing", strv{"arg"}, strv{}}, netbsd.ENOENT, nil, nil},
		})
	})
	b, _ := os.ReadFile(path)
	var got []string
	for _, rec := range ktrRecords(t, b) {
		got = append(got, fmt.Sprintf("%d %x", rec.typ, rec.body))
	}
	if want := []string{"14 010000000f270000", "15 0000000001000000", "15 0100000004000000"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Who changes a trace that another LWP ends at the same moment does not begin it again: its file has been let go of.
func TestKtraceFileIsGone(t *testing.T) {
	r, w := file.NewPipe(0)
	defer r.Release()
	defer w.Release()
	var k Ktraces
	f, errno := k.file(w)
	if errno != 0 || !f.hold() {
		t.Fatalf("%v", errno)
	}
	f.drop()
	f.drop()
	if f.hold() || len(k.files) != 0 {
		t.Errorf("it is held, %d files", len(k.files))
	}
}

// ktrops: what the superuser sets stays for others (KTRFAC_PERSISTENT), and what he only clears does not become so.
func TestKtracePersists(t *testing.T) {
	r := newRig(t)
	r.traceFile()
	r.run(func(p *player) {
		me := p.c.L.Proc()
		persists := func(want bool) {
			p.t.Helper()
			if k := KtracerOf(me); k == nil || k.Persists() != want {
				t.Errorf("traced by %v, want one that persists: %v", k, want)
			}
		}
		p.ok(netbsd.SYS_setreuid, 0, 100)
		p.ok(netbsd.SYS_seteuid, 0)
		p.ok(netbsd.SYS_ktrace, "/trace", netbsd.KTROP_SET, uint32(facUser|facPsig), self)
		persists(true)
		p.ok(netbsd.SYS_ktrace, 0, netbsd.KTROP_CLEAR, uint32(facUser|facPsig), self)
		f, errno := p.c.files().Get(int(p.ok(netbsd.SYS_open, "/trace", netbsd.O_RDWR, 0)))
		if errno != 0 {
			t.Fatal(errno)
		}
		defer f.Release()
		k, errno := p.c.K.Ktraces.file(f)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer k.drop()
		k.hold()
		me.SetKtrace(newKtracer(k, uint32(facUser|facPsig))) // as a user has set it
		p.ok(netbsd.SYS_ktrace, 0, netbsd.KTROP_CLEAR, uint32(facUser), self)
		persists(false)
		me.SetKtrace(nil)
	})
}
