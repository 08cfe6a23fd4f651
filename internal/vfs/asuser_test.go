package vfs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/kern"
)

// asRoot skips what takes the rights of the host's root, over users that are there.
func asRoot(t *testing.T) *hostUser {
	t.Helper()
	h := newHostUser()
	if !agrees(h) {
		t.Skip("needs root with CAP_SETUID and CAP_SETGID, and users")
	}
	return h
}

// agrees reports whether the host lets the test be these users.
func agrees(h *hostUser) bool {
	return h.as(kern.UserCred(1001, 1002, 1003), func() error { return nil }) == nil
}

// threadIDs are the lines of /proc/thread-self/status that say who the thread is.
func threadIDs(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Error(err)
	}
	var ids []string
	for line := range strings.Lines(string(b)) {
		switch name, _, _ := strings.Cut(line, ":"); name {
		case "Uid", "Gid", "Groups", "CapEff", "CapPrm":
			ids = append(ids, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(ids, "; ")
}

// TestAsUser checks that the host decides by the ids that a call runs with, and that
// files made have that owner.
func TestAsUser(t *testing.T) {
	h := asRoot(t)
	dir := t.TempDir()
	os.Chmod(dir, 0o777)
	for d := filepath.Dir(dir); len(d) > 4; d = filepath.Dir(d) { // what testing made is for this user alone
		if st, err := os.Stat(d); err == nil && st.Mode()&1 == 0 {
			os.Chmod(d, st.Mode()|0o711)
		}
	}
	secret := filepath.Join(dir, "secret")
	os.WriteFile(secret, []byte("x"), 0o600)
	before := threadIDs(t)
	err := h.as(kern.UserCred(1001, 1002, 1003), func() error {
		if got := threadIDs(t); !strings.Contains(got, "Uid: 0 0 0 1001") || !strings.Contains(got, "Gid: 0 0 0 1002; Groups: 1003") {
			t.Errorf("the call runs as %s", got)
		}
		if _, err := os.ReadFile(secret); !errors.Is(err, unix.EACCES) {
			t.Errorf("root's file: %v, want EACCES", err)
		}
		return os.WriteFile(filepath.Join(dir, "own"), nil, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if unix.Stat(filepath.Join(dir, "own"), &st); st.Uid != 1001 || st.Gid != 1002 {
		t.Errorf("the new file is of %d:%d, want 1001:1002", st.Uid, st.Gid)
	}
	if after := threadIDs(t); after != before {
		t.Errorf("after the call %s, before %s", after, before)
	}
}

// TestAsUserEnds ends calls in every way that a function can end. No thread of the
// process may have kept anything.
func TestAsUserEnds(t *testing.T) {
	h := asRoot(t)
	boom := errors.New("boom")
	for _, end := range []struct {
		name string
		call func() error
	}{
		{"return", func() error { return boom }},
		{"panic", func() error { panic(boom) }},
		{"Goexit", func() error { runtime.Goexit(); return nil }},
	} {
		t.Run(end.name, func(t *testing.T) {
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					defer func() { recover() }()
					if err := h.as(kern.UserCred(1001+uint32(i), 1001), end.call); err != boom {
						t.Errorf("%v, want the call's own error", err)
					}
				})
			}
			wg.Wait()
			allThreadsAre(t, h)
		})
	}
}

// TestAsUserHammer switches on many goroutines, beside others that never may be
// anybody else.
func TestAsUserHammer(t *testing.T) {
	h := asRoot(t)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if now, _, _ := unix.Syscall(unix.SYS_SETFSUID, ^uintptr(0), 0, 0); now != 0 {
					t.Errorf("a bystander runs as user %d", now)
					return
				}
				runtime.Gosched()
			}
		})
	}
	for i := range 16 {
		wg.Go(func() {
			uid := 1001 + uint32(i)
			for range 300 {
				h.as(kern.UserCred(uid, uid, uid), func() error {
					runtime.Gosched() // the goroutine may lose its P, not its thread
					if now, _, _ := unix.Syscall(unix.SYS_SETFSUID, ^uintptr(0), 0, 0); uint32(now) != uid {
						t.Errorf("user %d is %d", uid, now)
					}
					return nil
				})
			}
		})
	}
	wg.Wait()
	close(stop)
	others.Wait()
	allThreadsAre(t, h)
}

// allThreadsAre checks the ids of each thread of the process.
func allThreadsAre(t *testing.T, h *hostUser) {
	t.Helper()
	want := fmt.Sprintf("Uid:\t%d\t%d\t%d\t%[1]d\n", os.Getuid(), h.cred.EUID, h.cred.EUID)
	files, _ := filepath.Glob("/proc/self/task/*/status")
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && !strings.Contains(string(b), want) {
			t.Errorf("%s: not all ids are the process's:\n%s", f, b)
		}
	}
}

// TestAsUserKeepsDeathSignal: who has asked to die with the parent still does
// (commit_creds of Linux forgets it).
func TestAsUserKeepsDeathSignal(t *testing.T) {
	h := asRoot(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGURG), 0)
	defer unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, 0, 0)
	h.as(kern.UserCred(1001, 1001), func() error { return nil })
	if d := parentDeath(); d.sig != int(unix.SIGURG) {
		t.Errorf("the signal is %d, want SIGURG", d.sig)
	}
	if dump, _ := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); (dump == 1) != h.dumpable {
		t.Errorf("dumpable is %d", dump)
	}
}

// TestAsUserInNamespace has root of a user namespace that has one user and no
// setgroups(2): nobody else exists there, and whatever part of a change the host refuses,
// the thread is as before.
func TestAsUserInNamespace(t *testing.T) {
	const inside = "TOASTER_FS_IN_NAMESPACE"
	if os.Getenv(inside) == "" {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestAsUserInNamespace$")
		cmd.Env = append(os.Environ(), inside+"=1")
		one := func(id int) []syscall.SysProcIDMap { return []syscall.SysProcIDMap{{HostID: id, Size: 1}} }
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: one(os.Getuid()), GidMappings: one(os.Getgid())}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSPC) {
			t.Skip("no user namespaces:", err)
		}
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	h := newHostUser()
	if !h.switches {
		t.Fatal("root of the namespace lacks rights")
	}
	before := threadIDs(t)
	for _, c := range []*kern.Cred{kern.UserCred(1001, 0), kern.UserCred(0, 1001), kern.UserCred(0, 0, 1001), kern.UserCred(1001, 1001, 1001)} {
		c.Groups = append(c.Groups, h.groups...)
		if err := h.as(c, func() error { t.Errorf("%+v: the call was made", c); return nil }); err != errNotSwitched {
			t.Errorf("%+v: %v", c, err)
		}
	}
	runtime.LockOSThread() // some thread; allThreadsAre looks at the others
	defer runtime.UnlockOSThread()
	if after := threadIDs(t); after != before {
		t.Errorf("after the calls %s, before %s", after, before)
	}
	allThreadsAre(t, h)
}

// TestNotSwitched: an ordinary user has no thread that is somebody else, and no call
// is made.
func TestNotSwitched(t *testing.T) {
	h := &hostUser{cred: kern.UserCred(1000, 1000)}
	err := h.as(kern.UserCred(1001, 1001), func() error { t.Error("the call was made"); return nil })
	if err != errNotSwitched {
		t.Errorf("%v", err)
	}
}
