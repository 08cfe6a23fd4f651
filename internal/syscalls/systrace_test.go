package syscalls

import (
	"strings"
	"testing"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// systrace_execve1: what has had other rights, and could not be asked about, tells of the program by which it has lost them, and waits
// for the answer. A monitor of the superuser's was asked before, and one of another user's is told nothing.
func TestSystraceExec(t *testing.T) {
	for _, test := range []struct {
		name  string
		super bool
		ruid  uint32
		told  bool
	}{{"its user's", false, 0, true}, {"the superuser's", true, 0, false}, {"another user's", false, 7, false}} {
		newRigOf(t, kern.Release2003).run(func(p *player) {
			f := &systraceFile{k: p.k, super: test.super, ruid: test.ruid}
			told := make(chan string, 1)
			r := &file.Waiter{Mask: file.In, Fn: func(file.Events) {
				go func() {
					b := make([]byte, netbsd.SizeofSystraceMessage)
					if n, _ := f.take(b); n == 0 || le32(b) != netbsd.SYSTR_MSG_EXECVE {
						return // it has ended
					}
					path, _, _ := strings.Cut(string(b[16:]), "\x00")
					told <- path
					f.mu.Lock()
					defer f.mu.Unlock()
					a := make([]byte, 28)
					putLE16(a[4:], le16(b[8:]))
					if errno := f.procs[0].takeAnswer(nil, a); errno != 0 {
						t.Errorf("%s: the answer: %v", test.name, errno)
					}
				}()
			}}
			f.Watch(r)
			defer f.Unwatch(r)
			attached := make(chan struct{})
			p.cpu.next = func(c *player) {
				if c.c.systraceUnasked() {
					t.Errorf("%s: its exec will be asked about", test.name)
				}
				<-attached
				c.c.systraceExec("/bin/prog")
			}
			child := p.m.Find(int(p.ok(netbsd.SYS_fork)))
			s := &systraced{fst: f, p: child, fast: true}
			f.enter(s)
			if errno := p.c.L.SystraceAttach(child.Pid(), func(*kern.Proc) kern.Ref { return s }); errno != 0 {
				t.Errorf("%s: %v", test.name, errno)
			}
			close(attached)
			p.ok(netbsd.SYS___wait450, child.Pid(), 0, 0, 0)
			select {
			case path := <-told:
				if !test.told || path != "/bin/prog" {
					t.Errorf("%s: %q", test.name, path)
				}
			default:
				if test.told {
					t.Errorf("%s: told of nothing", test.name)
				}
			}
		})
	}
}

// A monitor that makes policies and reads nothing has no more messages than the queue is long.
func TestSystracePoliciesAreBounded(t *testing.T) {
	f := &systraceFile{}
	b := make([]byte, 16)
	for range systraceQueueMax + 200 {
		putLE32(b[8:], 1)
		if errno := f.newPolicy(b); errno != 0 {
			t.Fatal(errno)
		}
	}
	if n, kept := len(f.messages), len(f.policies); n != systraceQueueMax || kept > netbsd.SYSTR_MAX_POLICIES+1 {
		t.Errorf("%d messages, %d policies", n, kept)
	}
}
