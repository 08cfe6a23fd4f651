package syscalls

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// acct(2), by kern_acct.c: what a process leaves is in the file when its parent learns of its
// end, in struct acct as lastcomm(1) reads it.
func TestAcct(t *testing.T) {
	r := newRig(t)
	path := filepath.Join(r.dir, "acct")
	if err := os.WriteFile(path, make([]byte, kern.SizeofAcct+3), 0o666); err != nil {
		t.Fatal(err)
	}
	os.Chmod(path, 0o666)
	var records []byte
	child := func(f func(c *player)) []row {
		return []row{
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, f},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
		}
	}
	r.run(func(p *player) {
		p.play([]row{
			{"ENOENT", netbsd.SYS_acct, args{"/missing"}, netbsd.ENOENT, nil, nil},
			{"EFAULT", netbsd.SYS_acct, args{bad}, netbsd.EFAULT, nil, nil},
			{"EACCES: not a regular file", netbsd.SYS_acct, args{"/dev/null"}, netbsd.EACCES, nil, nil},
			{"acct(2)", netbsd.SYS_acct, args{"/acct"}, 0, nil, nil},
		})
		p.play(child(func(c *player) {
			c.ok(netbsd.SYS_setgid, 50)
			c.ok(netbsd.SYS_setuid, 100)
			c.play([]row{{"EPERM", netbsd.SYS_acct, args{0}, netbsd.EPERM, nil, nil}})
		}))
		p.play(child(func(c *player) { c.ok(netbsd.SYS_kill, self(c), netbsd.SIGKILL) }))
		records, _ = os.ReadFile(path)
		p.play([]row{{"acct(2): off", netbsd.SYS_acct, args{0}, 0, nil, nil}})
		p.play(child(func(c *player) {}))
	})
	after, _ := os.ReadFile(path)
	if len(after) != 3*kern.SizeofAcct || !bytes.Equal(after, records) {
		t.Fatalf("%d bytes, then %d; want %d", len(records), len(after), 3*kern.SizeofAcct)
	}
	for i, want := range []struct {
		uid, gid uint32
		flag     byte
	}{{100, 50, netbsd.AFORK}, {0, 0, netbsd.AFORK | netbsd.AXSIG}} {
		b := after[(i+1)*kern.SizeofAcct:][:kern.SizeofAcct]
		uid, gid, tty := le.Uint32(b[32:]), le.Uint32(b[36:]), le.Uint64(b[48:])
		if uid != want.uid || gid != want.gid || b[56] != want.flag || tty != 1<<64-1 || int64(le.Uint64(b[24:])) < r.k.BootTime.Unix()-1 {
			t.Errorf("record %d is %x", i, b)
		}
	}
}

// acct_chkfree: no records where 2% of the disk are left, until it is more than 4% again; looked at every 15 s.
func TestAcctSuspends(t *testing.T) {
	left := uint64(0)
	a := Accounting{free: func(*file.Description) (uint64, uint64, netbsd.Errno) { return left, 1000, 0 }}
	now := time.Now()
	for i, c := range []struct {
		left  uint64
		after time.Duration
		want  bool
	}{
		{21, time.Hour, true}, {0, acctFreq - 1, true}, {20, acctFreq, false}, {40, acctFreq, false}, {1000, acctFreq - 1, false}, {41, acctFreq, true}, {21, acctFreq, true},
	} {
		left = c.left
		now = now.Add(c.after)
		if got := a.roomy(now); got != c.want {
			t.Errorf("step %d: %v, want %v", i, got, c.want)
		}
	}
}
